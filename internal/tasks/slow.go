package tasks

import (
	"context"
	"slices"
	"sync"
	"time"
)

// slowAfter is when a call gives its slot to others: healthy providers answer within
// half a second.
const slowAfter = 2 * time.Second

// slowCalls are the calls under way that have given their slots back. A channel
// whose provider does not answer would otherwise hold every slot for as long as calls
// may take, and keep all other channels waiting.
type slowCalls struct {
	mu sync.Mutex
	n  map[string]int // by channel
}

func (c *slowCalls) add(channelID string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	if c.n[channelID] += n; c.n[channelID] == 0 {
		delete(c.n, channelID)
	}
}

// any reports whether there is one.
func (c *slowCalls) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.n) > 0
}

// full returns the channels that have at least most of them: they get no further
// calls until some have ended.
func (c *slowCalls) full(most int) (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, n := range c.n {
		if n >= most {
			ids = append(ids, id)
		}
	}
	return ids
}

// stuck returns the channels that get no calls because too many of theirs are slow.
func (s *Sender) stuck() []string { return s.slow.full(max(1, cap(s.slots)/2)) }

// explain gives reasons to what waits on channels that this node claims nothing for.
func (s *Sender) explain(ctx context.Context) {
	stuck := s.stuck()
	for _, id := range stuck {
		if _, err := s.Store.ExplainSlow(ctx, id, sendTimeout); err != nil && ctx.Err() == nil {
			s.Log.Warn("explain waits", "err", err)
		}
	}
	for id, rate := range s.hot.rates() {
		if slices.Contains(stuck, id) {
			continue
		}
		if _, err := s.Store.ExplainRate(ctx, id, rate); err != nil && ctx.Err() == nil {
			s.Log.Warn("explain waits", "err", err)
		}
	}
}
