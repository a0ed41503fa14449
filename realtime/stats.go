package realtime

import "sync/atomic"

// Stats are totals since the hub started, apart from the first three.
type Stats struct {
	Connections int   // open now
	Tenants     int   // with connections now
	TailLag     int64 // events of the tenant furthest behind that were announced and are not read yet
	Opened      int64 // connections
	Events      int64 // event frames written
	Frames      int64 // frames of any kind written
	Bytes       int64 // written
	Tailed      int64 // events read by tailers
	CatchUps    int64 // reads of the log for a connection behind its ring
	Resets      int64 // gaps announced
	Slow        int64 // connections closed because they did not keep up
	Revoked     int64 // connections closed because their credential ended
	Errors      int64 // failed reads of the log
}

type counters struct {
	opened, events, frames, bytes, tailed, catchUps, resets, slow, revoked, errors atomic.Int64
}

// Stats returns the hub's counters.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	conns, tenants, lag := len(h.conns), len(h.tailers), int64(0)
	for _, t := range h.tailers {
		lag = max(lag, t.told.Load()-t.head.Load())
	}
	h.mu.Unlock()
	s := &h.stats
	return Stats{
		Connections: conns, Tenants: tenants, TailLag: lag, Opened: s.opened.Load(), Events: s.events.Load(),
		Frames: s.frames.Load(), Bytes: s.bytes.Load(), Tailed: s.tailed.Load(), CatchUps: s.catchUps.Load(),
		Resets: s.resets.Load(), Slow: s.slow.Load(), Revoked: s.revoked.Load(), Errors: s.errors.Load(),
	}
}
