package tasks

import (
	"sync"
	"time"

	"github.com/linktor/linktor/channels"
)

// A channel's breaker opens when the provider does not answer: after so many
// failures in a row, or when at least half of so many calls fail within the window.
const (
	tripRow    = 5
	tripCalls  = 20
	tripWindow = 30 * time.Second
)

// pulse counts how a channel's calls end on this node. The breaker itself is in
// the database: see conversations.TripBreaker.
type pulse struct {
	mu    sync.Mutex
	now   func() time.Time
	beats map[string]*beat
}

type beat struct {
	row           int // failures since the last answer
	since         time.Time
	calls, failed int // since since
}

// note counts a call and reports whether the breaker should open.
func (p *pulse) note(channelID string, failed bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	b := p.beats[channelID]
	if b == nil {
		b = &beat{since: now}
		p.beats[channelID] = b
	}
	if now.Sub(b.since) > tripWindow {
		b.since, b.calls, b.failed = now, 0, 0
	}
	b.calls++
	if !failed {
		b.row = 0
		return false
	}
	b.row++
	b.failed++
	if b.row < tripRow && (b.calls < tripCalls || 2*b.failed < b.calls) {
		return false
	}
	delete(p.beats, channelID) // the next time is counted from nothing
	return true
}

// unanswered reports whether a call ended without a word of the provider: it could
// not be reached, did not answer, or answered that it is down.
func unanswered(e *channels.SendError) bool {
	if e == nil {
		return false
	}
	return e.Class == channels.ClassNotSent || e.Class == channels.ClassUncertain || e.HTTPStatus >= 500
}
