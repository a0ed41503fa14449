package realtime

import (
	"sync"
	"time"
)

// Event is one event of a tenant's log as the hub needs it.
type Event struct {
	Seq            int64
	Type           string
	ChannelID      string
	ConversationID string
	At             time.Time // when the change was stored
	Envelope       []byte    // the JSON sent to clients; shared by all connections, never changed
}

const (
	// ringEvents is how far behind a connection may be without reading the log.
	ringEvents = 4096
	// ringBytes bounds the envelopes that one tenant's ring keeps in memory.
	ringBytes = 4 << 20
)

// window is the newest part of a tenant's log, in memory. life counts the epochs
// seen since the tailer started.
type window struct {
	mu    sync.RWMutex
	life  int
	head  Head
	first int64   // seq of the oldest event held; head.Seq+1 if none
	slots []Event // slots[seq % ringEvents]; allocated with the first event
	bytes int
}

// state is a snapshot of a window's marks.
type state struct {
	life  int
	head  Head
	first int64
}

func (w *window) state() state {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return state{w.life, w.head, w.first}
}

// after copies the events after pos to dst and returns how many there were, with
// the state they belong to. There are none if pos+1 is older than state.first.
func (w *window) after(pos int64, dst []Event) (int, state) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	n := 0
	if pos+1 >= w.first {
		for seq := pos + 1; seq <= w.head.Seq && n < len(dst); seq++ {
			dst[n] = w.slots[seq%ringEvents]
			n++
		}
	}
	return n, state{w.life, w.head, w.first}
}

// append adds events read from the log. If they do not follow the newest one,
// the ones between are gone, and the window starts anew with these.
func (w *window) append(events []Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.slots == nil {
		w.slots = make([]Event, ringEvents)
	}
	for _, e := range events {
		if e.Seq != w.head.Seq+1 {
			w.clear()
			w.first = e.Seq
		}
		if e.Seq-w.first == ringEvents {
			w.drop()
		}
		w.slots[e.Seq%ringEvents] = e
		w.bytes += len(e.Envelope)
		w.head.Seq = e.Seq
		for w.bytes > ringBytes && w.first < e.Seq {
			w.drop()
		}
	}
}

// drop forgets the oldest event.
func (w *window) drop() {
	s := &w.slots[w.first%ringEvents]
	w.bytes -= len(s.Envelope)
	*s = Event{}
	w.first++
}

// clear forgets every event; the log still has them.
func (w *window) clear() {
	for w.first <= w.head.Seq {
		w.drop()
	}
}

// idle gives the memory back.
func (w *window) idle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clear()
	w.slots = nil
}

// observe takes the log's own account of its head. It reports whether the log is
// another one than before: its epoch changed, or it is shorter than it was.
func (w *window) observe(h Head) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	renamed := w.head.Epoch == EmptyEpoch && w.head.Seq == 0
	changed = !renamed && w.head.Epoch != h.Epoch || h.Seq < w.head.Seq
	if changed {
		w.clear()
		w.life++
		w.head.Seq, w.first = h.Seq, h.Seq+1
	}
	w.head.Epoch, w.head.Oldest = h.Epoch, h.Oldest
	return changed
}

// begin is observe for a tailer that has seen nothing yet.
func (w *window) begin(h Head) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head, w.first = h, h.Seq+1
}
