package realtime

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Source is the event log. Sequence numbers of a tenant have no gaps, and an
// event becomes visible only after all before it.
type Source interface {
	// Read returns up to limit events after seq after, oldest first.
	Read(ctx context.Context, tenant string, after int64, limit int) ([]Event, error)
	// Head returns the state of the log: see Head.
	Head(ctx context.Context, tenant string) (epoch string, seq, oldest int64, err error)
}

const (
	pageSize    = 200 // events per read of the log
	pollMin     = 250 * time.Millisecond
	pollMax     = time.Second
	readTimeout = 10 * time.Second // for one read of the log
	idleAfter   = 30               // polls without an event until a ring is given back
)

// tailer follows one tenant's log while the tenant has connections.
type tailer struct {
	hub    *Hub
	tenant string
	win    window
	told   atomic.Int64  // newest seq that Notify named
	head   atomic.Int64  // win.head.Seq, for Notify
	poked  chan struct{} // of one: there may be something new
	stop   context.CancelFunc
	refs   int // connections, guarded by Hub.mu

	io      sync.Mutex // one reader of the log at a time
	started bool       // guarded by io

	connMu sync.Mutex
	conns  map[*Conn]struct{}
}

func newTailer(h *Hub, tenant string) *tailer {
	return &tailer{hub: h, tenant: tenant, poked: make(chan struct{}, 1), conns: map[*Conn]struct{}{}}
}

func (t *tailer) poke() {
	select {
	case t.poked <- struct{}{}:
	default: // already poked
	}
}

// run reads the log when poked, and looks at its head at growing intervals in
// case a poke was lost. Errors are reported and tried again at the next look.
func (t *tailer) run(ctx context.Context) {
	wait, idle := pollMin, 0
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		before := t.head.Load()
		var err error
		select {
		case <-ctx.Done():
			return
		case <-t.poked:
			err = t.advance(ctx)
		case <-timer.C:
			err = t.check(ctx)
			if t.head.Load() != before || err != nil {
				wait, idle = pollMin, 0
			} else if wait, idle = min(wait*2, pollMax), idle+1; idle == idleAfter {
				t.win.idle()
			}
			timer.Reset(wait)
		}
		if t.head.Load() != before {
			idle = 0
		}
		if err != nil && ctx.Err() == nil {
			t.hub.report(t.tenant, err)
		}
	}
}

// advance reads what is new and wakes the connections.
func (t *tailer) advance(ctx context.Context) error {
	t.io.Lock()
	defer t.io.Unlock()
	if !t.started {
		return t.look(ctx)
	}
	return t.read(ctx)
}

// check compares the window with the log's head and reads what is new. When it
// returns nil the window is as new as the log was at the call.
func (t *tailer) check(ctx context.Context) error {
	t.io.Lock()
	defer t.io.Unlock()
	return t.look(ctx)
}

func (t *tailer) look(ctx context.Context) error {
	hctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var h Head
	var err error
	if h.Epoch, h.Seq, h.Oldest, err = t.hub.source.Head(hctx, t.tenant); err != nil {
		return err
	}
	switch {
	case !t.started:
		t.started = true
		t.win.begin(h)
		t.head.Store(h.Seq)
		return nil
	case t.win.observe(h):
		t.head.Store(h.Seq)
		t.wake(nil)
	}
	if h.Seq > t.head.Load() {
		return t.read(ctx)
	}
	return nil
}

func (t *tailer) read(ctx context.Context) error {
	if t.win.state().head.Epoch == EmptyEpoch {
		return t.rename(ctx)
	}
	for {
		rctx, cancel := context.WithTimeout(ctx, readTimeout)
		page, err := t.hub.source.Read(rctx, t.tenant, t.head.Load(), pageSize)
		cancel()
		if err != nil || len(page) == 0 {
			return err
		}
		t.hub.stats.tailed.Add(int64(len(page)))
		t.win.append(page)
		t.head.Store(page[len(page)-1].Seq)
		t.wake(page)
		t.hub.opts.OnTailed(page)
		if len(page) < pageSize {
			return nil
		}
	}
}

// rename learns the epoch that the first event of a log gave it, then reads.
func (t *tailer) rename(ctx context.Context) error {
	hctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	epoch, seq, oldest, err := t.hub.source.Head(hctx, t.tenant)
	if err != nil || epoch == EmptyEpoch {
		return err
	}
	t.win.observe(Head{epoch, seq, oldest})
	return t.read(ctx)
}

// wake tells every connection that page was appended; nil stands for a change
// that each must look at.
func (t *tailer) wake(page []Event) {
	t.connMu.Lock()
	defer t.connMu.Unlock()
	for c := range t.conns {
		c.wake(page)
	}
}

func (t *tailer) add(c *Conn) {
	t.connMu.Lock()
	defer t.connMu.Unlock()
	t.conns[c] = struct{}{}
}

func (t *tailer) remove(c *Conn) {
	t.connMu.Lock()
	defer t.connMu.Unlock()
	delete(t.conns, c)
}

// locate finds where a connection starts. resume is nil for "from now".
func (t *tailer) locate(ctx context.Context, resume *Cursor) (pos int64, gap *Reset, st state, err error) {
	t.io.Lock()
	started := t.started
	t.io.Unlock()
	if st = t.win.state(); !started || resume != nil &&
		(resume.Epoch != st.head.Epoch || resume.Seq < st.first-1 || resume.Seq > st.head.Seq) {
		if err := t.check(ctx); err != nil {
			return 0, nil, state{}, err
		}
		st = t.win.state()
	}
	if resume == nil {
		return st.head.Seq, nil, st, nil
	}
	pos, gap = st.head.Locate(*resume)
	return pos, gap, st, nil
}
