package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUntilFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var calls []time.Duration
		deletes := func(counts ...int64) func() (int64, error) {
			calls = nil
			return func() (int64, error) {
				calls = append(calls, time.Since(began))
				time.Sleep(time.Second) //nolint:forbidigo // the clock of the bubble
				return counts[len(calls)-1], nil
			}
		}
		if err := untilFew(ctx, deletes(prune, prune, prune-1)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]time.Duration{0, (1 + rest) * time.Second, 2 * (1 + rest) * time.Second}, calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		time.AfterFunc(2*time.Second, cancel) // in the first rest
		if err := untilFew(ctx, deletes(prune, prune)); !errors.Is(err, context.Canceled) || len(calls) != 1 {
			t.Errorf("stopped: %v after %d calls", err, len(calls))
		}
	})
}
