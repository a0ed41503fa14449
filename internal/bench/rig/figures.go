package rig

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Times collects durations from many goroutines.
type Times struct {
	mu   sync.Mutex
	list []time.Duration
}

// Add adds d.
func (t *Times) Add(d time.Duration) {
	t.mu.Lock()
	t.list = append(t.list, d)
	t.mu.Unlock()
}

// AddAll adds the durations of list.
func (t *Times) AddAll(list []time.Duration) {
	t.mu.Lock()
	t.list = append(t.list, list...)
	t.mu.Unlock()
}

// Len is how many there are.
func (t *Times) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.list)
}

// Quantile is the duration that the share q of all does not exceed, in
// milliseconds.
func (t *Times) Quantile(q float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) == 0 {
		return 0
	}
	slices.Sort(t.list)
	at := min(len(t.list)-1, int(q*float64(len(t.list))))
	return float64(t.list[at].Microseconds()) / 1000
}

// Median of the values; of an even number, the lower of the middle two.
func Median[T cmp.Ordered](values []T) T {
	s := slices.Sorted(slices.Values(values))
	return s[(len(s)-1)/2]
}
