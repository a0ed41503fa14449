package realtime

import (
	"context"
	"time"
)

const (
	tick         = time.Second     // of the keeper; the precision of its deadlines
	aliveEvery   = time.Second     // a revoked credential is noticed within this and the caller's cache
	aliveTimeout = 5 * time.Second // for one question
)

// keepTime gives each connection its heartbeat and closes those that are slow or
// silent: one timer for all.
func (h *Hub) keepTime() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case now := <-t.C:
			for _, c := range h.snapshot() {
				c.keep(now)
			}
		}
	}
}

// keep does for one connection what is due at now.
func (c *Conn) keep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tail == nil || c.closing != nil {
		return
	}
	blocked := time.Duration(0)
	if w := c.writing.Load(); w != 0 {
		blocked = now.Sub(time.Unix(0, w))
	}
	if blocked >= c.hub.opts.SlowTimeout || c.tooFarBehind(now) {
		c.closeLocked(&CloseError{CloseSlow, "resume from " + Cursor{c.epoch, c.told}.String()})
		return
	}
	if now.Before(c.beat) {
		return
	}
	c.beat = now.Add(c.hub.opts.Heartbeat)
	if blocked >= tick {
		return // no ping can reach it; SlowTimeout decides
	}
	if !c.pinged.IsZero() && !c.t.LastSeen().After(c.pinged) {
		c.missed++
	} else {
		c.missed = 0
	}
	if c.missed >= 2 {
		c.closeLocked(&CloseError{CloseHeartbeat, "two pings were not answered"})
		return
	}
	c.pinged = now
	c.queue = append(c.queue, control{op: OpMark, heartbeat: true})
	c.start()
}

// tooFarBehind reports whether the lag has been above MaxLag for SlowTimeout
// without shrinking. A long replay that makes progress is left alone.
func (c *Conn) tooFarBehind(now time.Time) bool {
	lag := c.tail.head.Load() - c.pos
	switch {
	case lag <= c.hub.opts.MaxLag:
		c.lag = 0
	case c.lag == 0 || lag < c.lag:
		c.lag, c.since = lag, now
	default:
		return now.Sub(c.since) >= c.hub.opts.SlowTimeout
	}
	return false
}

// watchCredentials closes the connections of credentials that have ended.
func (h *Hub) watchCredentials() {
	t := time.NewTicker(aliveEvery)
	defer t.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-t.C:
			h.checkCredentials()
		}
	}
}

func (h *Hub) checkCredentials() {
	alive := map[string]bool{}
	for _, c := range h.snapshot() {
		c.mu.Lock()
		client, open := c.client, c.tail != nil && c.closing == nil
		c.mu.Unlock()
		if !open || client.Alive == nil {
			continue
		}
		ok, known := alive[client.Owner]
		if !known {
			ctx, cancel := context.WithTimeout(h.ctx, aliveTimeout)
			ok = client.Alive(ctx) || h.ctx.Err() != nil
			cancel()
			alive[client.Owner] = ok
		}
		if !ok {
			h.stats.revoked.Add(1)
			c.close(&client.Ended)
		}
	}
}

func wordOf(code Code) string {
	for _, c := range CloseCodes() {
		if c.Code == code {
			return c.Word
		}
	}
	return "error"
}
