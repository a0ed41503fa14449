package limits

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Quota is the state of one limit of a key.
type Quota struct {
	Name      string // key (per minute) or day
	Limit     int64
	Remaining int64
	Window    time.Duration
	Reset     time.Duration // until Remaining grows
}

// Usage keeps the counts of durable windows beyond the life of Redis.
type Usage interface {
	// Add notes n requests of a key in a slot.
	Add(keyID string, slot, n int64)
	// Load returns what a key used since a slot: "slot:n slot:n", oldest first.
	Load(ctx context.Context, keyID string, since int64) (string, error)
}

// TakeRequest counts one API request of a credential against its limits per minute
// and per day; 0 means unlimited. Over a limit it counts nothing and returns how
// long to wait; the limit that refuses is the first of the quotas then.
func (c *Counter) TakeRequest(ctx context.Context, keyID string, perMinute, perDay int64) (quotas []Quota, wait time.Duration) {
	ws := keyWindows(perMinute, perDay)
	if len(ws) == 0 {
		return nil, 0
	}
	granted, quotas, ok := c.requestRedis(ctx, keyID, ws)
	if !ok {
		granted, quotas = c.requestLocal(keyID, ws)
	}
	if granted {
		if c.usage != nil && perDay > 0 {
			c.usage.Add(keyID, window{slot: daySlot}.at(c.now()), 1)
		}
		return quotas, 0
	}
	for i, q := range quotas {
		if q.Remaining <= 0 && q.Reset > wait {
			wait, quotas[0], quotas[i] = q.Reset, q, quotas[0]
		}
	}
	return quotas, max(wait, time.Millisecond)
}

// requestRedis counts in Redis; ok is false if it is away.
func (c *Counter) requestRedis(ctx context.Context, keyID string, ws []window) (granted bool, quotas []Quota, ok bool) {
	if c.away() {
		return false, nil, false
	}
	extra := c.takeBack(keyID, ws)
	v, err := c.runRequest(ctx, keyID, ws, extra, "-")
	if err == nil && len(v) == 1 { // Redis has lost the day, or never knew it
		v, err = c.runRequest(ctx, keyID, ws, extra, c.seed(ctx, keyID))
	}
	if err != nil || len(v) != 1+2*len(ws) {
		c.owe(keyID, ws, extra)
		c.failed(ctx)
		return false, nil, false
	}
	for i, w := range ws {
		quotas = append(quotas, Quota{w.name, w.limit, max(v[1+2*i], 0), w.size, time.Duration(v[2+2*i]) * time.Microsecond})
	}
	return v[0] == 1, quotas, true
}

func (c *Counter) runRequest(ctx context.Context, keyID string, ws []window, extra []int64, seed string) ([]int64, error) {
	keys, args := make([]string, 0, 4), []any{1}
	for i, w := range ws {
		key := "linktor:key:{" + keyID + "}:" + w.name
		keys = append(keys, key, key+":sum")
		s := ""
		if w.durable {
			s = seed
		}
		args = append(args, w.limit, w.size.Microseconds(), w.slot.Microseconds(), extra[i], s)
	}
	return request.Run(ctx, c.redis, keys, args...).Int64Slice()
}

// seed is what the database knows of the last day. Without the database Redis
// begins at nothing: a request that cannot be authenticated is refused anyway.
func (c *Counter) seed(ctx context.Context, keyID string) string {
	if c.usage == nil {
		return ""
	}
	day := window{size: 24 * time.Hour, slot: daySlot}
	s, err := c.usage.Load(ctx, keyID, day.at(c.now().Add(-day.size)))
	if err != nil {
		return ""
	}
	return s
}

// requestLocal counts in this process, with this node's share.
func (c *Counter) requestLocal(keyID string, ws []window) (granted bool, quotas []Quota) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, share := c.now(), c.nodes()
	c.sweepKeys(now)
	ts := c.keys[keyID]
	if ts == nil {
		ts = map[string]*tally{}
		c.keys[keyID] = ts
	}
	granted = true
	for _, w := range ws {
		t := ts[w.name]
		if t == nil {
			t = &tally{}
			ts[w.name] = t
		}
		t.forget(w, now)
		granted = granted && t.total < max(1, w.limit/share)
	}
	for _, w := range ws {
		t := ts[w.name]
		if granted {
			t.add(w, now, 1)
		}
		quotas = append(quotas, Quota{w.name, w.limit, max(0, max(1, w.limit/share)-t.total), w.size, t.reset(w, now)})
	}
	return granted, quotas
}

// takeBack removes what was counted in this process while Redis was away, so that
// Redis hears of it.
func (c *Counter) takeBack(keyID string, ws []window) []int64 {
	extra := make([]int64, len(ws))
	c.mu.Lock()
	defer c.mu.Unlock()
	ts := c.keys[keyID]
	if ts == nil {
		return extra
	}
	now := c.now()
	for i, w := range ws {
		if t := ts[w.name]; t != nil {
			t.forget(w, now)
			extra[i] = t.total
		}
	}
	delete(c.keys, keyID)
	return extra
}

// owe is the inverse of takeBack, for when Redis did not answer.
func (c *Counter) owe(keyID string, ws []window, extra []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for i, w := range ws {
		if extra[i] == 0 {
			continue
		}
		if c.keys[keyID] == nil {
			c.keys[keyID] = map[string]*tally{}
		}
		t := &tally{}
		t.add(w, now, extra[i])
		c.keys[keyID][w.name] = t
	}
}

// sweepKeys bounds the memory of keys counted in this process.
func (c *Counter) sweepKeys(now time.Time) {
	if len(c.keys) < maxLocal {
		return
	}
	day := keyWindows(1, 1)
	for id, ts := range c.keys {
		left := int64(0)
		for _, w := range day {
			if t := ts[w.name]; t != nil {
				t.forget(w, now)
				left += t.total
			}
		}
		if left == 0 {
			delete(c.keys, id)
		}
	}
}

// slots writes counts as a seed.
func slots(list []count) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = fmt.Sprintf("%d:%d", s.slot, s.n)
	}
	return strings.Join(parts, " ")
}
