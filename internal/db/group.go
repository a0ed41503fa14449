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
// meanwhile, so that a crowd costs few commits. All writers but one may be running
// statements; the last one gathers until one of them has nothing left but its commit,
// and begins while that reaches the disk, or once it has plenty. A lone caller never
// waits for company; after a crowd the first of the next one waits two milliseconds
// at most.
type Group[T any] struct {
	run    func(items []T, settled func())
	weigh  func(T) int
	max    int
	in     chan *pending[T]
	turns  chan struct{} // taken by those that run statements
	wg     sync.WaitGroup
	mu     sync.RWMutex
	closed bool
}

type pending[T any] struct {
	item T
	done chan struct{}
}

// NewGroup returns a started group with the given number of writers. run gets at
// least one item and at most as many as weigh together no more than limit (one item
// may weigh more); it reports through the items. It should call settled when only its
// commit remains, see Tx.BeforeCommit; any further call does nothing. The queue before
// the writers holds 4 × limit items; then Do waits.
func NewGroup[T any](writers, limit int, weigh func(T) int, run func(items []T, settled func())) *Group[T] {
	g := &Group[T]{run: run, weigh: weigh, max: limit, in: make(chan *pending[T], 4*limit), turns: make(chan struct{}, max(1, writers-1))}
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

// gathering is how long a writer waits for callers that it has reason to expect.
const gathering = 2 * time.Millisecond

// enough is the weight from which a batch gains little by more, and needs no turn.
const enough = 64

// batch is what one writer gathers and runs.
type batch[T any] struct {
	items   []T
	waiting []*pending[T]
	weight  int
}

func (g *Group[T]) loop() {
	var b batch[T]
	for p := range g.in {
		// The callers of the last batch have just been answered and are about to come
		// again: starting with the first of them alone would cost a commit of its own.
		expected := len(b.waiting) / 2
		b = batch[T]{b.items[:0], b.waiting[:0], 0}
		g.add(&b, p)
		g.await(&b, expected)
		settled := g.takeTurn(&b)
		g.run(b.items, settled)
		settled()
		for _, w := range b.waiting {
			close(w.done)
		}
		clear(b.items)
		clear(b.waiting)
	}
}

func (g *Group[T]) add(b *batch[T], p *pending[T]) {
	b.items, b.waiting = append(b.items, p.item), append(b.waiting, p)
	b.weight += g.weigh(p.item)
}

// await adds to b until it has as many items as expected, for as long as gathering.
func (g *Group[T]) await(b *batch[T], expected int) {
	late := time.NewTimer(gathering)
	defer late.Stop()
	for len(b.items) < expected && b.weight < g.max {
		select {
		case p, ok := <-g.in:
			if !ok {
				return
			}
			g.add(b, p)
		case <-late.C:
			return
		}
	}
}

// takeTurn waits until b may run its statements, and adds what has come by then. The
// turn ends when the function that it returns is called.
func (g *Group[T]) takeTurn(b *batch[T]) (settled func()) {
	defer g.drain(b)
	for in := g.in; b.weight < min(enough, g.max); {
		select {
		case g.turns <- struct{}{}:
			return sync.OnceFunc(func() { <-g.turns })
		case p, ok := <-in:
			if !ok {
				in = nil
				continue
			}
			g.add(b, p)
		}
	}
	return func() {}
}

// drain adds what is already there to b.
func (g *Group[T]) drain(b *batch[T]) {
	for b.weight < g.max {
		select {
		case p, ok := <-g.in:
			if !ok {
				return
			}
			g.add(b, p)
		default:
			return
		}
	}
}
