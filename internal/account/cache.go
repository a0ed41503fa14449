package account

import (
	"context"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/fault"
	"golang.org/x/sync/singleflight"
)

const (
	// maxAge is how old an answer about a credential may be. Together with the
	// time of a query it keeps revocation within two seconds.
	maxAge = time.Second
	// maxCached bounds the cache; beyond it everything is asked again.
	maxCached   = 50_000
	loadTimeout = 5 * time.Second
)

// cache holds principals and refusals for a moment, so that the database is asked
// about a credential at most once a second whatever its traffic.
type cache struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]cached
	epoch   int // grows with clear: a load that began before is not kept

	loads singleflight.Group
}

type cached struct {
	p   *Principal
	err error
	at  time.Time // when the load began
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, entries: map[string]cached{}}
}

// get returns what load says about key, at most maxAge ago.
func (c *cache) get(ctx context.Context, key string, load func(context.Context) (*Principal, error)) (*Principal, error) {
	if e, ok := c.fresh(key); ok {
		return e.p, e.err
	}
	// The first caller's query serves all who wait, so its end must not end theirs.
	done := c.loads.DoChan(key, func() (any, error) {
		if e, ok := c.fresh(key); ok { // a load ended between the look above and here
			return e.p, e.err
		}
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		at, epoch := c.begin()
		p, err := load(shared)
		if err == nil || fault.KindOf(err) == fault.Unauthorized {
			c.put(key, cached{p, err, at}, epoch)
		}
		return p, err
	})
	select {
	case r := <-done:
		p, _ := r.Val.(*Principal)
		return p, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *cache) fresh(key string) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	age := c.now().Sub(e.at)
	return e, ok && age >= 0 && age < maxAge
}

func (c *cache) begin() (time.Time, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now(), c.epoch
}

func (c *cache) put(key string, e cached, epoch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.entries) >= maxCached {
		clear(c.entries)
	}
	c.entries[key] = e
}

// clear makes a change effective on this node at once.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	c.epoch++
}
