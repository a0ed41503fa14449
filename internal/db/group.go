package db

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrStopped is returned by Group.Do after Stop.
var ErrStopped = errors.New("db: stopped")

// Group lets many callers share transactions: run is handed what has gathered
// while the previous call was busy, so that a crowd costs few commits. A lone caller
// never waits for company; after a crowd the first of the next one waits two
// milliseconds at most.
type Group[T any] struct {
	run    func([]T)
	weigh  func(T) int
	max    int
	in     chan *pending[T]
	wg     sync.WaitGroup
	mu     sync.RWMutex
	closed bool
}

type pending[T any] struct {
	item T
	done chan struct{}
}

// NewGroup returns a started group with the given number of writers. run gets at
// least one item and at most as many as weigh together no more than max (one item
// may weigh more); it reports through the items. The queue before the writers
// holds 4 × max items; then Do waits.
func NewGroup[T any](writers, max int, weigh func(T) int, run func([]T)) *Group[T] {
	g := &Group[T]{run: run, weigh: weigh, max: max, in: make(chan *pending[T], 4*max)}
	for range writers {
		g.wg.Go(g.loop)
	}
	return g
}

// Do runs item as part of some batch and returns when that is done. If ctx ends
// first, item may or may not have been, or still be, run.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	p := &pending[T]{item, make(chan struct{})}
	if err := g.enqueue(ctx, p); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Group[T]) enqueue(ctx context.Context, p *pending[T]) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return ErrStopped
	}
	select {
	case g.in <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop refuses new items, runs those that wait, and returns.
func (g *Group[T]) Stop() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.in)
	}
	g.mu.Unlock()
	g.wg.Wait()
}

// gather is how long a writer waits for callers that it has reason to expect.
const gather = 2 * time.Millisecond

func (g *Group[T]) loop() {
	var items []T
	var waiting []*pending[T]
	for p := range g.in {
		// The callers of the last batch have just been answered and are about to come
		// again: starting with the first of them alone would cost a commit of its own.
		expected := len(waiting) * 7 / 8
		items, waiting = append(items[:0], p.item), append(waiting[:0], p)
		late := time.NewTimer(gather)
		for weight := g.weigh(p.item); weight < g.max; {
			next, ok := g.more(late, len(items) < expected)
			if !ok {
				break
			}
			items, waiting = append(items, next.item), append(waiting, next)
			weight += g.weigh(next.item)
		}
		late.Stop()
		g.run(items)
		for _, w := range waiting {
			close(w.done)
		}
		clear(items)
		clear(waiting)
	}
}

// more returns an item that is already there or, if wait is set, that comes before
// late.
func (g *Group[T]) more(late *time.Timer, wait bool) (*pending[T], bool) {
	select {
	case p, ok := <-g.in:
		return p, ok
	default:
	}
	if !wait {
		return nil, false
	}
	select {
	case p, ok := <-g.in:
		return p, ok
	case <-late.C:
		return nil, false
	}
}
