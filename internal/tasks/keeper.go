package tasks

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Chore is something to be done regularly on every worker. It must be harmless to
// do on several nodes at once.
type Chore struct {
	Name    string
	Every   time.Duration
	AtStart bool // the first time at once, instead of after Every
	Do      func(ctx context.Context) error
}

// Keeper keeps the house: it fetches media when rung, and does chores.
type Keeper struct {
	fetch  func(ctx context.Context, limit int) (int, error)
	chores []Chore
	log    *slog.Logger
	wake   chan struct{}
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// NewKeeper returns a Keeper that is not started. fetch fetches up to limit files
// that are due and returns how many it took.
func NewKeeper(fetch func(ctx context.Context, limit int) (int, error), chores []Chore, log *slog.Logger) *Keeper {
	return &Keeper{fetch: fetch, chores: chores, log: log, wake: make(chan struct{}, 1)}
}

// fetchBatch is how many files are taken at a time.
const fetchBatch = 8

// mediaPoll is how often due media is looked for without a ring.
const mediaPoll = 5 * time.Second

// WakeMedia makes the Keeper look for media now. It never blocks.
func (k *Keeper) WakeMedia() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Start begins the work.
func (k *Keeper) Start() error {
	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	k.wg.Go(func() { k.mediaLoop(ctx) })
	for _, c := range k.chores {
		k.wg.Go(func() {
			do := func(ctx context.Context) {
				if err := c.Do(ctx); err != nil && ctx.Err() == nil {
					k.log.Warn("chore failed", "chore", c.Name, "err", err)
				}
			}
			if c.AtStart {
				do(ctx)
			}
			every(ctx, c.Every, do)
		})
	}
	return nil
}

// Stop ends the work and waits for it.
func (k *Keeper) Stop(context.Context) error {
	k.stop()
	k.wg.Wait()
	return nil
}

func (k *Keeper) mediaLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-k.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		for {
			n, err := k.fetch(ctx, fetchBatch)
			if err != nil && ctx.Err() == nil {
				k.log.Warn("fetch media", "err", err)
			}
			if n == 0 || err != nil {
				break
			}
		}
		timer.Reset(mediaPoll)
	}
}
