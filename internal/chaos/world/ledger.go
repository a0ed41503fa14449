package world

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// Ledger is what clients were told: the provider, of its webhooks, and the app, of
// its sends.
type Ledger struct {
	mu       sync.Mutex
	inbound  map[string]bool // acknowledged, by the provider's message id
	sends    map[string]Sent // acknowledged, by message id
	keys     int             // idempotency keys used
	answers  map[int]int     // by HTTP status
	broken   int             // requests without an answer
	closed   int             // requests that found nobody listening: never sent
	lanes    map[string]int  // sends of each lane
	acks     []ack
	reports  map[reported]bool // acknowledged reports of the provider
	given    int               // requests that were given up before they were acknowledged
	rejected map[string]string // sends answered with a final error, by key: the answer
}

// Sent is a send that was acknowledged.
type Sent struct {
	ChannelID, To string
	N             int       // its place in its lane, from 0; Send sets it
	At            time.Time // when its last try began
}

// ack is the try of a request that was acknowledged.
type ack struct{ began, ended time.Time }

// reported is one thing that the provider said of one message.
type reported struct{ messageID, status string }

func newLedger() *Ledger {
	return &Ledger{reports: map[reported]bool{}, inbound: map[string]bool{}, sends: map[string]Sent{}, lanes: map[string]int{}, answers: map[int]int{}, rejected: map[string]string{}}
}

// answered counts an answer, or its absence.
func (l *Ledger) answered(status int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		l.closed++
		return
	case err != nil:
		l.broken++
		return
	}
	l.answers[status]++
}

// ackHook notes a webhook that was answered 200, by a try that began at the time.
func (l *Ledger) ackHook(hook *rig.Webhook, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range hook.IDs {
		l.inbound[id] = true
	}
	if hook.MessageID != "" {
		l.reports[reported{hook.MessageID, hook.Status}] = true
	}
	l.acks = append(l.acks, ack{began, time.Now()})
}

// ackSend notes a send that was answered 202.
func (l *Ledger) ackSend(id string, s Sent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sends[id] = s
	l.acks = append(l.acks, ack{s.At, time.Now()})
}

// giveUp counts a request that is not tried again although nobody acknowledged it.
func (l *Ledger) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given++
}

func (l *Ledger) reject(key, answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejected[key] = answer
}

// newKey counts a send and returns its place in its lane.
func (l *Ledger) newKey(lane string) (place int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys++
	place = l.lanes[lane]
	l.lanes[lane]++
	return place
}

// Answers returns how often each HTTP status was answered, and how many requests
// were sent and got no answer. Those that found nobody listening are not counted: a
// load balancer asks the next server.
func (l *Ledger) Answers() (byStatus map[int]int, broken int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	byStatus = map[int]int{}
	for s, n := range l.answers {
		byStatus[s] = n
	}
	return byStatus, l.broken
}

// Sends returns the sends that were acknowledged, by message id.
func (l *Ledger) Sends() map[string]Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make(map[string]Sent, len(l.sends))
	for id, s := range l.sends {
		list[id] = s
	}
	return list
}

// Acked is how many webhooks and sends were acknowledged.
func (l *Ledger) Acked() (inbound, sends int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.inbound), len(l.sends)
}

// Recovered is how long after t a request was acknowledged for the first time whose
// last try began after t. The second result says whether there was one.
func (l *Ledger) Recovered(t time.Time) (d time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acks {
		if since := a.ended.Sub(t); a.began.After(t) && (!ok || since < d) {
			d, ok = since, true
		}
	}
	return d, ok
}

// Recovery is the longest time that passed, after any fault, until a request was
// acknowledged again, and the faults after which none was.
func (w *World) Recovery() (longest time.Duration, never []string) {
	for _, f := range w.Faults() {
		if d, ok := w.Ledger.Recovered(f.At); ok {
			longest = max(longest, d)
		} else {
			never = append(never, f.Name)
		}
	}
	return longest, never
}
