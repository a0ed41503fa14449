package limits

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// pace is a channel's rate after its provider said that it is too fast: halved,
// and from then on growing back, as a share of what is configured.
type pace struct {
	share float64
	at    time.Time // of the last cut
}

const (
	// recovery is how long a rate takes from nothing to all of what is configured:
	// half of that after one cut.
	recovery = time.Minute
	// leastShare bounds the cuts.
	leastShare = 1.0 / 32
	// cutGap is the time within which several complaints count as one: calls that
	// were under way together are refused together.
	cutGap = time.Second
)

func (p pace) now(now time.Time) float64 {
	if p.at.IsZero() {
		return 1
	}
	return min(1, p.share+max(0, now.Sub(p.at).Seconds())/recovery.Seconds())
}

// cut halves a channel's pace in Redis unless that was just done. KEYS: pace.
// ARGV: recovery, least share, gap. Times in microseconds of Redis's clock.
var cut = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local share, at = 1, nil
local v = redis.call('GET', KEYS[1])
if v then
  share, at = string.match(v, '([%d.]+):(%d+)')
  share, at = tonumber(share), tonumber(at)
  if now - at < tonumber(ARGV[3]) then return v end
  share = math.min(1, share + (now - at) / tonumber(ARGV[1]))
end
share = math.max(share / 2, tonumber(ARGV[2]))
v = string.format('%.6f:%.0f', share, now)
redis.call('SET', KEYS[1], v, 'PX', math.ceil(tonumber(ARGV[1]) / 1000))
return v`)

// paced is GCRA at a pace: KEYS: limit, pace. ARGV: every (microseconds at full
// pace), want, recovery. Returns {granted, remaining, next, share in millionths}.
var paced = redis.NewScript(`
local every, want = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local share = 1
local v = redis.call('GET', KEYS[2])
if v then
  local s, at = string.match(v, '([%d.]+):(%d+)')
  share = math.min(1, s + (now - at) / tonumber(ARGV[3]))
end
every = every / share
local burst = math.max(1, math.ceil(100000 / every))
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
if tat < now then tat = now end
local free = math.max(0, math.floor((now + burst * every - tat) / every + 0.000001))
local granted = math.min(want, free)
if granted ~= 0 then
  tat = tat + granted * every
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.max(1, math.ceil((tat - now) / 1000)) + 1000)
end
local next = 0
if free - granted < 1 then next = tat + every - now - burst * every end
return {granted, free - granted, math.ceil(next), math.floor(share * 1000000)}`)

// TakeChannel takes up to want sends from a channel's messages per second, at its
// present pace; a negative want gives back what was not used. rate is the present
// one.
func (c *Counter) TakeChannel(ctx context.Context, channelID string, perSecond float64, want int) (granted int, next time.Duration, rate float64) {
	if !c.away() {
		every := math.Max(1, 1e6/perSecond)
		v, err := c.run(ctx, paced, paceKeys(channelID), every, want, recovery.Microseconds()).Int64Slice()
		if err == nil && len(v) == 4 {
			return int(v[0]), time.Duration(v[2]) * time.Microsecond, perSecond * float64(v[3]) / 1e6
		}
		c.failed(ctx)
	}
	c.mu.Lock()
	rate = perSecond * c.pace[channelID].now(c.now())
	c.mu.Unlock()
	g := c.takeLocal("channel:"+channelID, PerSecond(rate), int64(want))
	return int(g.Granted), g.Next, rate
}

// Throughput is the state of a channel's messages per second.
type Throughput struct {
	Rate      float64       // a second, at its present pace
	Remaining int64         // that may go out at once
	Burst     int64         // Remaining of a channel at rest
	Reset     time.Duration // until Remaining is Burst
}

// Throughput looks at a channel's rate and takes nothing.
func (c *Counter) Throughput(ctx context.Context, channelID string, perSecond float64) Throughput {
	if !c.away() {
		v, err := c.run(ctx, paced, paceKeys(channelID), math.Max(1, 1e6/perSecond), 0, recovery.Microseconds()).Int64Slice()
		if err == nil && len(v) == 4 {
			return throughput(perSecond*float64(v[3])/1e6, v[1])
		}
		c.failed(ctx)
	}
	c.mu.Lock()
	rate := perSecond * c.pace[channelID].now(c.now())
	c.mu.Unlock()
	return throughput(rate, c.takeLocal("channel:"+channelID, PerSecond(rate), 0).Remaining)
}

func throughput(rate float64, free int64) Throughput {
	r := PerSecond(rate)
	return Throughput{Rate: rate, Remaining: min(free, r.Burst), Burst: r.Burst, Reset: time.Duration(max(0, r.Burst-free)) * r.Every}
}

func paceKeys(channelID string) []string {
	return []string{"linktor:limit:channel:{" + channelID + "}", "linktor:pace:{" + channelID + "}"}
}

// SlowDown halves a channel's pace: its provider said that it is too fast. It
// returns the share of the rate that is left, and when all of it will be back; 1
// and 0 if this complaint counts as one with another.
func (c *Counter) SlowDown(ctx context.Context, channelID string) (share float64, back time.Duration) {
	now := c.now()
	c.mu.Lock()
	p := c.pace[channelID]
	fresh := p.at.IsZero() || now.Sub(p.at) >= cutGap
	if fresh {
		p = pace{max(p.now(now)/2, leastShare), now}
		c.pace[channelID] = p
	}
	c.mu.Unlock()
	share = p.share
	if !c.away() {
		v, err := c.run(ctx, cut, paceKeys(channelID)[1:], recovery.Microseconds(), leastShare, cutGap.Microseconds()).Text()
		if err != nil {
			c.failed(ctx)
		}
		text, _, _ := strings.Cut(v, ":")
		if all, err := strconv.ParseFloat(text, 64); err == nil { // what all nodes have done
			share = all
		}
	}
	if !fresh {
		return 1, 0
	}
	return share, time.Duration((1 - share) * float64(recovery))
}
