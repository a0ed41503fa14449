package world

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// The longest that a world may need to come to rest after its load has ended. A
// lease that nobody renews ends after 15 s; a sweep finds it within 2 s; reports
// follow within a second. Where there are none, they are awaited for 120 s.
const (
	SettleSoon = 60 * time.Second
	SettleLate = 240 * time.Second
)

// Settle waits until nothing is under way: no send is open, every report is taken and
// has found its message, and the fleet, which may be nil, has seen the newest event. What is still open
// after limit is counted by the audit, so that only errors of the world itself are
// returned.
func (w *World) Settle(ctx context.Context, f *Fleet, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	calm := 0
	for calm < 3 { // a status that was just taken may still become an event
		if !rig.Pause(ctx, 200*time.Millisecond) {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return ctx.Err()
		}
		if w.still(ctx, f) {
			calm++
		} else {
			calm = 0
		}
	}
	return nil
}

func (w *World) still(ctx context.Context, f *Fleet) bool {
	var open int
	const under = `SELECT (SELECT count(*) FROM sends) + (SELECT count(*) FROM parked_statuses)`
	if err := w.DB.GetContext(ctx, &open, under); err != nil || open > 0 || w.Provider.reports.open.Load() > 0 {
		return false
	}
	if f == nil {
		return true
	}
	head, err := w.Head(ctx)
	return err == nil && f.Reached(head)
}

// Head is the number of the newest event.
func (w *World) Head(ctx context.Context) (seq int64, err error) {
	err = w.DB.GetContext(ctx, &seq, `SELECT COALESCE(max(seq), 0) FROM event_heads`)
	return seq, err
}

// Await waits until query counts at least n.
func (w *World) Await(ctx context.Context, limit time.Duration, n int, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for got := 0; ; {
		if err := w.DB.GetContext(ctx, &got, query, args...); err == nil && got >= n {
			return nil
		}
		if !rig.Pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("%d of %d within %s: %s", got, n, limit, query)
		}
	}
}
