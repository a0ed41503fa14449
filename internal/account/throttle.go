package account

import (
	"sync"
	"time"
)

// throttle slows down guessing: after free failures, each further one doubles the
// wait, up to most. It lives in memory, because it must work while the database is
// slow, and because a restart that forgets it costs an attacker more than us.
type throttle struct {
	now  func() time.Time
	free int           // failures without a wait
	most time.Duration // the longest wait

	mu      sync.Mutex
	entries map[string]*attempts
}

type attempts struct {
	failures int
	until    time.Time // no attempt before
	forget   time.Time
}

const (
	firstWait   = time.Second
	forgetAfter = 15 * time.Minute
	maxThrottle = 20_000 // entries, about 3 MB
)

func newThrottle(now func() time.Time, free int, most time.Duration) *throttle {
	return &throttle{now: now, free: free, most: most, entries: map[string]*attempts{}}
}

// attempt returns how long key must still wait. If it need not, the attempt counts
// as failed from now on, so that many at once are not all free; undo takes it back.
func (t *throttle) attempt(key string) (wait time.Duration, undo func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	e := t.entries[key]
	if e != nil && now.After(e.forget) {
		e = nil
	}
	if e == nil {
		t.makeRoom(now)
		e = &attempts{}
		t.entries[key] = e
	}
	if wait = e.until.Sub(now); wait > 0 {
		return wait, func() {}
	}
	e.failures++
	next := time.Duration(0)
	if n := e.failures - t.free; n > 0 {
		next = min(firstWait<<min(n-1, 20), t.most)
	}
	e.until = now.Add(next)
	e.forget = now.Add(forgetAfter + next)
	return 0, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		e.failures--
		e.until = now
	}
}

// succeed forgets the failures of key.
func (t *throttle) succeed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.entries, key)
}

// makeRoom keeps the map bounded. It drops what is forgotten anyway, and if that
// is nothing, whatever comes first.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.entries) < maxThrottle {
		return
	}
	for k, e := range t.entries {
		if now.After(e.forget) {
			delete(t.entries, k)
		}
	}
	for k := range t.entries {
		if len(t.entries) < maxThrottle {
			return
		}
		delete(t.entries, k)
	}
}
