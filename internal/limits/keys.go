package limits

import (
	"context"
	"fmt"
	"math"
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
	owed := c.takeBack(keyID, ws)
	v, err := c.runRequest(ctx, keyID, ws, owed, "-")
	if err == nil && len(v) == 1 { // Redis has lost the day, or never knew it
		v, err = c.runRequest(ctx, keyID, ws, owed, c.seed(ctx, keyID))
	}
	if err != nil || len(v) != 1+2*len(ws) {
		c.owe(keyID, ws, owed)
		c.failed(ctx)
		return false, nil, false
	}
	if v[0] == 1 {
		c.saw(keyID, ws)
	}
	for i, w := range ws {
		quotas = append(quotas, Quota{w.name, w.limit, max(v[1+2*i], 0), w.size, time.Duration(v[2+2*i]) * time.Microsecond})
	}
	return v[0] == 1, quotas, true
}

func (c *Counter) runRequest(ctx context.Context, keyID string, ws []window, owed [][]count, seed string) ([]int64, error) {
	keys, args := make([]string, 0, 4), []any{1}
	for i, w := range ws {
		key := "linktor:key:{" + keyID + "}:" + w.name
		keys = append(keys, key, key+":sum")
		s := ""
		if w.durable {
			s = seed
		}
		extra := int64(0)
		for _, o := range owed[i] {
			extra += o.n
		}
		args = append(args, w.limit, w.size.Microseconds(), w.slot.Microseconds(), extra, s)
	}
	return c.run(ctx, request, keys, args...).Int64Slice()
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

// requestLocal counts in this process, with this node's share. It begins with what
// this node saw while Redis was there: a single node lets no stretch of a window
// hold more than the limit, and of several each uses no more than its share on
// top of what it had let through.
func (c *Counter) requestLocal(keyID string, ws []window) (granted bool, quotas []Quota) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, share := c.now(), c.nodes()
	ts := c.tallies(keyID, now, math.MaxInt)
	granted = true
	for _, w := range ws {
		t := ts.of(w)
		t.forget(w, now)
		granted = granted && t.total < max(1, w.limit/share)
	}
	for _, w := range ws {
		t := ts.of(w)
		if granted {
			t.add(w, now, 1, 1)
		}
		quotas = append(quotas, Quota{w.name, w.limit, max(0, max(1, w.limit/share)-t.total), w.size, t.reset(w, now)})
	}
	return granted, quotas
}

// maxSeen bounds the keys whose requests are also counted here while Redis counts
// them: 17 MB if all of them are used all day.
const maxSeen = 2000

// saw notes a request that Redis has counted, for when it goes away.
func (c *Counter) saw(keyID string, ws []window) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	ts := c.tallies(keyID, now, maxSeen)
	if ts == nil {
		return
	}
	for _, w := range ws {
		t := ts.of(w)
		t.forget(w, now)
		t.add(w, now, 1, 0)
	}
}

// takeBack lists what was counted in this process while Redis was away, by window
// and slot, and owes it to Redis no more.
func (c *Counter) takeBack(keyID string, ws []window) [][]count {
	owed := make([][]count, len(ws))
	c.mu.Lock()
	defer c.mu.Unlock()
	ts, now := c.keys[keyID], c.now()
	for i, w := range ws {
		if t := ts[w.name]; t != nil {
			t.forget(w, now)
			owed[i] = t.takeOwed()
		}
	}
	return owed
}

// owe is the inverse of takeBack, for when Redis did not answer.
func (c *Counter) owe(keyID string, ws []window, owed [][]count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ts := c.keys[keyID]
	for i, w := range ws {
		if t := ts[w.name]; t != nil {
			t.oweAgain(owed[i])
		}
	}
}

// tallies are what this process knows of a key, by window.
type tallies map[string]*tally

func (ts tallies) of(w window) *tally {
	t := ts[w.name]
	if t == nil {
		t = &tally{}
		ts[w.name] = t
	}
	return t
}

// tallies returns those of a key; nil if it is new and there are most keys already.
func (c *Counter) tallies(keyID string, now time.Time, most int) tallies {
	ts := c.keys[keyID]
	if ts != nil {
		return ts
	}
	c.sweepKeys(now)
	if len(c.keys) >= most {
		return nil
	}
	ts = tallies{}
	c.keys[keyID] = ts
	return ts
}

// sweepKeys forgets the keys that no window holds any more, once a minute.
func (c *Counter) sweepKeys(now time.Time) {
	if now.Sub(c.swept).Abs() < time.Minute {
		return
	}
	c.swept = now
	for id, ts := range c.keys {
		left := int64(0)
		for _, w := range keyWindows(1, 1) {
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
