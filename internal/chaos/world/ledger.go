package world

import (
	"errors"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Ledger is what clients were told: the provider, of its webhooks, and the app, of
// its sends.
type Ledger struct {
	mu       sync.Mutex
	inbound  map[string]bool   // acknowledged, by the provider's message id
	sends    map[string]Sent   // acknowledged, by message id
	keys     int               // idempotency keys used
	answers  map[int]int       // by HTTP status
	broken   int               // requests without an answer
	closed   int               // requests that found nobody listening: never sent
	lanes    map[string]int    // sends of each lane
	acks     []time.Time       // when requests began that were acknowledged
	rejected map[string]string // sends answered with a final error, by key: the answer
}

// Sent is a send that was acknowledged.
type Sent struct {
	ChannelID, To string
	N             int // its place in its lane, from 0; Send sets it
	At            time.Time
}

func newLedger() *Ledger {
	return &Ledger{inbound: map[string]bool{}, sends: map[string]Sent{}, lanes: map[string]int{}, answers: map[int]int{}, rejected: map[string]string{}}
}

// answered counts an answer, or its absence.
func (l *Ledger) answered(status int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		l.closed++
		return
	case err != nil:
		l.broken++
		return
	}
	l.answers[status]++
}

func (l *Ledger) ackInbound(ids []string, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.inbound[id] = true
	}
	l.acks = append(l.acks, began)
}

func (l *Ledger) ackSend(id string, s Sent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sends[id] = s
	l.acks = append(l.acks, s.At)
}

func (l *Ledger) reject(key, answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejected[key] = answer
}

// newKey counts a send and returns its place in its lane.
func (l *Ledger) newKey(lane string) (place int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys++
	place = l.lanes[lane]
	l.lanes[lane]++
	return place
}

// Answers returns how often each HTTP status was answered, and how many requests
// were sent and got no answer. Those that found nobody listening are not counted: a
// load balancer asks the next server.
func (l *Ledger) Answers() (byStatus map[int]int, broken int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	byStatus = map[int]int{}
	for s, n := range l.answers {
		byStatus[s] = n
	}
	return byStatus, l.broken
}

// Sends returns the sends that were acknowledged, by message id.
func (l *Ledger) Sends() map[string]Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make(map[string]Sent, len(l.sends))
	for id, s := range l.sends {
		list[id] = s
	}
	return list
}

// Acked is how many webhooks and sends were acknowledged.
func (l *Ledger) Acked() (inbound, sends int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.inbound), len(l.sends)
}

// AckedAfter is how many requests that began after t were acknowledged.
func (l *Ledger) AckedAfter(t time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.acks {
		if at.After(t) {
			n++
		}
	}
	return n
}

// recovery is how long after t the first request began that was acknowledged; the
// second result says whether there was one.
func (l *Ledger) recovery(t time.Time) (d time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.acks {
		if since := at.Sub(t); since > 0 && (!ok || since < d) {
			d, ok = since, true
		}
	}
	return d, ok
}

// Recovered is how long after t the first request began that was acknowledged, or how
// long ago t was if there was none.
func (l *Ledger) Recovered(t time.Time) time.Duration {
	if d, ok := l.recovery(t); ok {
		return d
	}
	return time.Since(t)
}

// Recovery is the longest time that passed, after any fault, until a request was
// acknowledged again. Faults after which nothing was asked for do not count.
func (w *World) Recovery() time.Duration {
	var longest []time.Duration
	for _, f := range w.Faults() {
		if d, ok := w.Ledger.recovery(f.At); ok {
			longest = append(longest, d)
		}
	}
	if len(longest) == 0 {
		return 0
	}
	return slices.Max(longest)
}
