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

// Grant is the answer to Take.
type Grant struct {
	Granted   int64         // how many of those asked for; at most what is left
	Remaining int64         // left after that
	Next      time.Duration // until one more is free; 0 if Remaining > 0
	Reset     time.Duration // until all of the burst is free
}

// take is GCRA in Redis. The value of a key is the theoretical arrival time: when
// the burst will be whole again, in microseconds of Redis's clock, so that nodes
// whose clocks differ agree. Returns {granted, remaining, next, reset}.
var take = redis.NewScript(`
local every, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
if tat < now then tat = now end
local free = math.floor((now + burst * every - tat) / every)
if free < 0 then free = 0 end
local granted = want
if granted > free then granted = free end
if granted > 0 then
  tat = tat + granted * every
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000) + 1000)
end
local next = 0
if free - granted < 1 then next = tat + every - now - burst * every end
return {granted, free - granted, math.ceil(next), math.ceil(tat - now)}`)

// Counter keeps limits.
type Counter struct {
	redis redis.UniversalClient
	share int64 // of the nodes, while Redis is away
	now   func() time.Time

	downUntil atomic.Int64 // Redis did not answer: not asked again until then, in Unix microseconds

	mu    sync.Mutex
	local map[string]time.Time // theoretical arrival times
}

// NewCounter counts in r. share is the number of nodes that divide a limit while
// Redis is away; 1 for a single node.
func NewCounter(r redis.UniversalClient, share int, now func() time.Time) *Counter {
	return &Counter{redis: r, share: int64(max(share, 1)), now: now, local: map[string]time.Time{}}
}

// Take takes up to want from the limit called key. It does not fail: without Redis
// it counts in this process.
func (c *Counter) Take(ctx context.Context, key string, r Rate, want int64) Grant {
	if c.redis != nil && c.now().UnixMicro() >= c.downUntil.Load() {
		v, err := take.Run(ctx, c.redis, []string{"linktor:limit:" + key}, r.Every.Microseconds(), r.Burst, want).Int64Slice()
		if err == nil && len(v) == 4 {
			us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
			return Grant{v[0], v[1], us(v[2]), us(v[3])}
		}
		if ctx.Err() == nil {
			c.downUntil.Store(c.now().Add(time.Second).UnixMicro())
		}
	}
	return c.takeLocal(key, r, want)
}

// takeLocal is GCRA in this process, with this node's share.
func (c *Counter) takeLocal(key string, r Rate, want int64) Grant {
	c.mu.Lock()
	defer c.mu.Unlock()
	every, burst := r.Every*time.Duration(c.share), max(1, r.Burst/c.share)
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
