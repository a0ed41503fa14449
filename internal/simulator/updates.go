package simulator

import (
	"context"
	"sync"
)

// Update is a new bubble, or a bubble whose status changed.
type Update struct {
	Seq     int64   `json:"seq"`
	Message Message `json:"message"`
}

// updateLog is a ring of the last updates that watchers can wait on.
type updateLog struct {
	limit int

	mu      sync.Mutex
	items   []Update
	last    int64
	changed chan struct{} // closed and replaced at each update that someone waits for
	waiting bool
}

func newUpdateLog(limit int) *updateLog {
	return &updateLog{limit: limit, changed: make(chan struct{})}
}

func (u *updateLog) add(m Message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last++
	if len(u.items) >= 2*u.limit {
		u.items = append(u.items[:0], u.items[len(u.items)-u.limit:]...)
	}
	u.items = append(u.items, Update{u.last, m})
	if u.waiting {
		close(u.changed)
		u.changed, u.waiting = make(chan struct{}), false
	}
}

func (u *updateLog) cursor() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last
}

// wait returns the updates after n, as soon as there is one or ctx ends. reset
// means that some of them are gone, or that n is not of this run.
func (u *updateLog) wait(ctx context.Context, n int64) (items []Update, next int64, reset bool) {
	for {
		u.mu.Lock()
		oldest := u.last - int64(len(u.items))
		switch {
		case n > u.last || n < oldest:
			defer u.mu.Unlock()
			return nil, u.last, true
		case n < u.last:
			defer u.mu.Unlock()
			return append([]Update(nil), u.items[n-oldest:]...), u.last, false
		}
		changed := u.changed
		u.waiting = true
		u.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, n, false
		}
	}
}
