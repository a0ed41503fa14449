package limits

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Rate is a limit: Burst at once, then one per Every.
type Rate struct {
	Every time.Duration
	Burst int64
}

// PerSecond is n a second with a burst of a tenth of a second.
func PerSecond(n float64) Rate {
	return Rate{Every: time.Duration(float64(time.Second) / n), Burst: max(1, int64(math.Ceil(n/10)))}
}

// Grant is the answer to takeLocal.
type Grant struct {
	Granted   int64         // how many of those asked for; at most what is left
	Remaining int64         // left after that
	Next      time.Duration // until one more is free; 0 if Remaining > 0
	Reset     time.Duration // until all of the burst is free
}

// Counter keeps limits.
type Counter struct {
	redis redis.UniversalClient
	nodes func() int64 // that divide a limit while Redis is away
	usage Usage        // nil: counts of a day live in Redis alone
	now   func() time.Time

	downUntil atomic.Int64 // Redis did not answer: not asked again until then, in Unix microseconds

	mu    sync.Mutex
	local map[string]time.Time // theoretical arrival times
	keys  map[string]tallies   // by key
	swept time.Time            // when keys was
	pace  map[string]pace      // of channels
}

// NewCounter counts in r. nodes is asked for the number of nodes that divide a
// limit while Redis is away; nil means a single one.
func NewCounter(r redis.UniversalClient, nodes func() int64, usage Usage, now func() time.Time) *Counter {
	if nodes == nil {
		nodes = func() int64 { return 1 }
	}
	return &Counter{redis: r, nodes: nodes, usage: usage, now: now, local: map[string]time.Time{},
		keys: map[string]tallies{}, pace: map[string]pace{}}
}

// away reports whether Redis is left alone for a moment.
func (c *Counter) away() bool { return c.redis == nil || c.now().UnixMicro() < c.downUntil.Load() }

// answerWithin is how long Redis may take to answer. It is asked before each request
// and each send: one that is there and says nothing must not hold them up.
const answerWithin = 500 * time.Millisecond

// run runs a script in Redis.
func (c *Counter) run(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return script.Run(ctx, c.redis, keys, args...)
}

// failed notes that Redis did not answer.
func (c *Counter) failed(ctx context.Context) {
	if ctx.Err() == nil {
		c.downUntil.Store(c.now().Add(time.Second).UnixMicro())
	}
}

// takeLocal is GCRA in this process, with this node's share.
func (c *Counter) takeLocal(key string, r Rate, want int64) Grant {
	c.mu.Lock()
	defer c.mu.Unlock()
	share := c.nodes()
	every, burst := r.Every*time.Duration(share), max(1, r.Burst/share)
	now := c.now()
	tat := c.local[key]
	if tat.Before(now) {
		tat = now
	}
	window := time.Duration(burst) * every
	free := max(0, int64((window-tat.Sub(now))/every))
	granted := min(want, free)
	tat = tat.Add(time.Duration(granted) * every)
	c.keep(key, tat, now)
	g := Grant{Granted: granted, Remaining: free - granted, Reset: tat.Sub(now)}
	if g.Remaining < 1 {
		g.Next = tat.Sub(now) + every - window
	}
	return g
}

// maxLocal bounds the memory of limits kept in the process.
const maxLocal = 10000

func (c *Counter) keep(key string, tat, now time.Time) {
	if len(c.local) >= maxLocal {
		for k, t := range c.local {
			if t.Before(now) {
				delete(c.local, k)
			}
		}
	}
	c.local[key] = tat
}
