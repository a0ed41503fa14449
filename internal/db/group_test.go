package db

import (
	"errors"
	"slices"
	"testing"
)

// turn is a batch under way: it waits for a value of settle, then of commit.
type turn struct {
	items          []int
	settle, commit chan struct{}
}

func (b *turn) finish() {
	close(b.settle)
	close(b.commit)
}

func TestGroupGathersUntilTheOtherCommits(t *testing.T) {
	turns := make(chan *turn)
	g := NewGroup(2, 10, func(int) int { return 1 }, func(items []int, settled func()) {
		b := &turn{slices.Clone(items), make(chan struct{}), make(chan struct{})}
		turns <- b
		<-b.settle
		settled()
		<-b.commit
	})
	do := func(item int) *pending[int] {
		p := &pending[int]{item, make(chan struct{})}
		if err := g.enqueue(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	callers := []*pending[int]{do(1)}
	first := <-turns
	if len(first.items) != 1 {
		t.Fatalf("a lone caller was kept waiting: %v", first.items)
	}
	callers = append(callers, do(2), do(3), do(4))
	close(first.settle)
	second := <-turns // while the first still commits
	if len(second.items) != 3 {
		t.Errorf("%v began before the statements of %v were done", second.items, first.items)
	}
	second.finish()
	close(first.commit)
	for _, p := range callers {
		<-p.done
	}
	g.Stop()
	if err := g.Do(t.Context(), 5); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
}
