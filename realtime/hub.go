package realtime

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Options of a Hub. The zero value of a field means its default.
type Options struct {
	// How often each connection gets a mark and a ping. Two pings without any
	// sign of life close it. Defaults to 25 s, below the 30 s after which common
	// proxies cut an idle connection.
	Heartbeat time.Duration
	// How long a client may take to say hello. Defaults to 5 s.
	HelloTimeout time.Duration
	// How long a socket may take no byte, or a connection stay behind MaxLag
	// without coming nearer, before it is closed as slow. Defaults to 60 s.
	SlowTimeout time.Duration
	// How long a closing connection has to take its last frames. Defaults to 5 s.
	CloseGrace time.Duration
	// How many events a connection may be behind for longer than SlowTimeout.
	// Defaults to 50,000.
	MaxLag int64
	// Connections of the process. Defaults to 50,000.
	MaxConns int
	// Connections of one tenant. Defaults to 20,000.
	MaxPerTenant int
	// Called when the log of a tenant could not be read; it is tried again.
	OnError func(tenant string, err error)
	// Called with events that have come to this node's connections, for metrics.
	// It must be quick.
	OnTailed func(page []Event)
	// Called when a connection reads the log, with how many events it is behind.
	OnCatchUp func(events int64)
	// Called when a connection is told of a gap, with the reason.
	OnReset func(reason string)
}

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Heartbeat, 25*time.Second)
	def(&o.HelloTimeout, 5*time.Second)
	def(&o.SlowTimeout, 60*time.Second)
	def(&o.CloseGrace, 5*time.Second)
	if o.MaxLag == 0 {
		o.MaxLag = 50_000
	}
	if o.MaxConns == 0 {
		o.MaxConns = 50_000
	}
	if o.MaxPerTenant == 0 {
		o.MaxPerTenant = 20_000
	}
	if o.OnError == nil {
		o.OnError = func(string, error) {}
	}
	if o.OnTailed == nil {
		o.OnTailed = func([]Event) {}
	}
	if o.OnCatchUp == nil {
		o.OnCatchUp = func(int64) {}
	}
	if o.OnReset == nil {
		o.OnReset = func(string) {}
	}
	return o
}

// Hub keeps the connections of this node and feeds them from the log.
type Hub struct {
	source  Source
	opts    Options
	stats   counters
	writers *writers
	reads   chan struct{} // slots for reads of the log by connections behind their ring

	ctx  context.Context //nolint:containedctx // the life of the hub's own goroutines
	stop context.CancelFunc
	work sync.WaitGroup // the hub's own goroutines
	live sync.WaitGroup // connections

	mu       sync.Mutex
	draining bool
	tailers  map[string]*tailer
	conns    map[*Conn]struct{}
}

// parallelReads bounds the reads of the log by connections that are behind, so
// that a storm of resumes leaves the database to others.
const parallelReads = 8

// NewHub returns a running hub. Drain stops it.
func NewHub(source Source, opts Options) *Hub {
	h := &Hub{
		source: source, opts: opts.withDefaults(), reads: make(chan struct{}, parallelReads), writers: newWriters(),
		tailers: map[string]*tailer{}, conns: map[*Conn]struct{}{},
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.work.Go(h.keepTime)
	h.work.Go(h.watchCredentials)
	return h
}

// Notify tells the hub that a tenant's log reached seq. It never blocks: call it
// after each commit, on this node or another. Missing a call costs a second.
func (h *Hub) Notify(tenant string, seq int64) {
	h.mu.Lock()
	t := h.tailers[tenant]
	h.mu.Unlock()
	if t != nil && seq > t.head.Load() {
		t.told.Store(max(seq, t.told.Load())) // two callers at once may lose the higher one: it is for Stats
		t.poke()
	}
}

// Drain tells every client to come back elsewhere, each after a random delay,
// waits until they are gone or ctx ends, and stops the hub.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	h.mu.Unlock()
	conns := h.snapshot()
	// 4 ms each spreads 5,000 clients over 20 s.
	spread := min(max(500, int64(len(conns))*4), 20_000)
	for _, c := range conns {
		c.leave(100 + rand.Int64N(spread)) //nolint:gosec // jitter, not a secret
	}
	gone := make(chan struct{})
	go func() { h.live.Wait(); close(gone) }()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
		for _, c := range h.snapshot() {
			c.abort()
		}
		<-gone
	}
	h.stop()
	h.work.Wait()
	h.writers.stop()
	return err
}

func (h *Hub) snapshot() []*Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	conns := make([]*Conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	return conns
}

// register admits a connection to the process.
func (h *Hub) register(c *Conn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.draining:
		return &CloseError{CloseDraining, "this server is stopping"}
	case len(h.conns) >= h.opts.MaxConns:
		return &CloseError{CloseLimit, "this server is full"}
	}
	h.conns[c] = struct{}{}
	h.live.Add(1)
	h.stats.opened.Add(1)
	return nil
}

func (h *Hub) unregister(c *Conn) {
	h.mu.Lock()
	delete(h.conns, c)
	h.mu.Unlock()
	h.live.Done()
}

// join returns the tenant's tailer, starting it for the first connection.
func (h *Hub) join(tenant string) (*tailer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tailers[tenant]
	if t == nil {
		t = newTailer(h, tenant)
		ctx, cancel := context.WithCancel(h.ctx)
		t.stop = cancel
		h.tailers[tenant] = t
		h.work.Go(func() { t.run(ctx) })
	}
	if t.refs >= h.opts.MaxPerTenant {
		return nil, &CloseError{CloseLimit, "this tenant has too many connections"}
	}
	t.refs++
	return t, nil
}

func (h *Hub) part(t *tailer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.refs--; t.refs == 0 {
		t.stop()
		delete(h.tailers, t.tenant)
	}
}

func (h *Hub) report(tenant string, err error) {
	h.stats.errors.Add(1)
	h.opts.OnError(tenant, err)
}
