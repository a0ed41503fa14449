package limits

import (
	"context"
	"time"
)

// Quota is the state of one limit of a key.
type Quota struct {
	Name      string // key (per minute) or day
	Limit     int64
	Remaining int64
	Window    time.Duration
	Reset     time.Duration // until it is whole again
}

// TakeRequest counts one API request of a credential against its limits per minute
// and per day; 0 means unlimited. Over a limit it returns how long to wait.
func (c *Counter) TakeRequest(ctx context.Context, credentialID string, perMinute, perDay int64) (quotas []Quota, wait time.Duration) {
	take := func(name string, limit int64, window time.Duration) {
		if limit <= 0 {
			return
		}
		g := c.Take(ctx, "key:{"+credentialID+"}:"+name, Rate{Every: window / time.Duration(limit), Burst: limit}, 1)
		quotas = append(quotas, Quota{Name: name, Limit: limit, Remaining: g.Remaining, Window: window, Reset: g.Reset})
		if g.Granted == 0 {
			wait = max(wait, g.Next)
		}
	}
	take("key", perMinute, time.Minute)
	take("day", perDay, 24*time.Hour)
	return quotas, wait
}

// TakeChannel takes up to want sends from a channel's messages per second.
func (c *Counter) TakeChannel(ctx context.Context, channelID string, perSecond float64, want int) (granted int, next time.Duration) {
	g := c.Take(ctx, "channel:{"+channelID+"}", PerSecond(perSecond), int64(want))
	return int(g.Granted), g.Next
}
