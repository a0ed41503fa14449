package simulator

import (
	"strconv"
	"time"
)

// Rates of the Cloud API. Source: Meta, "Throughput" and "Pair rate limits".
const (
	perSecond    = 80
	pairInterval = 6 * time.Second
	pairBurst    = 45
	maxPairs     = 20_000 // recipients whose pace is remembered
)

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

// allow applies the two rate limits. It counts what exceeds them even when they
// are not enforced.
func (s *Simulator) allow(l *line, address string, b Behaviour) *graphFault {
	if s.opt.Quiet {
		return nil
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.rate.take(now, time.Second/perSecond, perSecond) {
		s.count.throttled.Add(1)
		if b.Throttle {
			return refuse(130429, "Message failed to send because there were too many messages sent from this phone number in a short period of time. Limit: "+strconv.Itoa(perSecond)+"/s.")
		}
	}
	pair := l.pairs[address]
	if pair == nil {
		if len(l.pairs) >= maxPairs {
			clear(l.pairs)
		}
		pair = &bucket{}
		l.pairs[address] = pair
	}
	if !pair.take(now, pairInterval, pairBurst) {
		s.count.paired.Add(1)
		if b.PairLimit {
			return refuse(131056, "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.")
		}
	}
	return nil
}
