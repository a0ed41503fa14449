package tasks

import (
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
