package simulator

import (
	"strconv"
	"time"
)

// Limits of the Cloud API. Source: Meta, "Throughput", "Pair rate limits" and
// "Messaging limits".
const (
	perSecond    = 80
	pairInterval = 6 * time.Second
	pairBurst    = 45
	pairWindow   = 6 * time.Second // in which a burst counts as one
	tierWindow   = 24 * time.Hour
	maxPairs     = 20_000 // recipients whose pace is remembered
)

// pair is the pace of one recipient: a burst within a few seconds is allowed, and
// nothing more until it would have been sent one by one.
type pair struct {
	began, free time.Time
	n           int
}

func (p *pair) take(now time.Time) bool {
	switch {
	case !now.Before(p.free):
		p.began, p.n, p.free = now, 1, now.Add(pairInterval)
	case now.Sub(p.began) < pairWindow && p.n < pairBurst:
		p.n++
		p.free = p.free.Add(pairInterval)
	default:
		return false
	}
	return true
}

// reach reports whether a template to address, outside its window, is within the
// tier of the number: so many different people in 24 hours.
func (l *line) reach(address string, now time.Time, tier int) bool {
	if l.reached == nil {
		l.reached = map[string]time.Time{}
	}
	for who, at := range l.reached {
		if now.Sub(at) >= tierWindow {
			delete(l.reached, who)
		}
	}
	if _, known := l.reached[address]; !known && len(l.reached) >= tier {
		return false
	}
	l.reached[address] = now
	return true
}

// bucket is a rate limit kept as the time at which it would be empty again.
type bucket struct{ full time.Time }

// take reports whether one more fits, given the interval that one costs and how
// many may come at once.
func (b *bucket) take(now time.Time, interval time.Duration, burst int) bool {
	at := b.full
	if at.Before(now) {
		at = now
	}
	if at.Sub(now) > interval*time.Duration(burst-1) {
		return false
	}
	b.full = at.Add(interval)
	return true
}

// allow applies the limits of a send. It counts what exceeds them even when they
// are not enforced.
func (s *Simulator) allow(l *line, address string, template bool, b Behaviour) *graphFault {
	if s.opt.Quiet {
		return nil
	}
	now, rate := time.Now(), b.PerSecond
	if rate <= 0 {
		rate = perSecond
	}
	open := l.windowOpen(address, s.opt.Now())
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.rate.take(now, time.Second/time.Duration(rate), rate) {
		s.count.throttled.Add(1)
		if b.Throttle {
			return refuse(130429, "Message failed to send because there were too many messages sent from this phone number in a short period of time. Limit: "+strconv.Itoa(rate)+"/s.")
		}
	}
	p := l.pairs[address]
	if p == nil {
		if len(l.pairs) >= maxPairs {
			clear(l.pairs)
		}
		p = &pair{}
		l.pairs[address] = p
	}
	if !p.take(now) {
		s.count.paired.Add(1)
		if b.PairLimit {
			return refuse(131056, "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.")
		}
	}
	if b.Tier > 0 && template && !open && !l.reach(address, now, b.Tier) {
		s.count.tiered.Add(1)
		if b.TierLimit {
			return refuse(130429, "Message failed to send because the messaging limit of the business is reached.")
		}
	}
	return nil
}
