package rig

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pace calls fn n times, perSecond times a second, on the given number of
// goroutines. fn gets the number of the call and when it was due, which is earlier
// than now if all goroutines are busy. Once a goroutine has had an error, it calls
// fn no more.
func Pace(ctx context.Context, perSecond float64, n, workers int, fn func(i int, due time.Time) error) error {
	type call struct {
		i   int
		due time.Time
	}
	calls := make(chan call, min(n, 10_000)) // a server that is away for a while must not change the pace
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for c := range calls {
				if errs[w] == nil {
					errs[w] = fn(c.i, c.due)
				}
			}
		})
	}
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
		if d := time.Until(due); d > 0 && !Pause(ctx, d) {
			break
		}
		calls <- call{i, due}
	}
	close(calls)
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}
