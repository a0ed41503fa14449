package simulator

import (
	"container/heap"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// scheduler runs functions at their time on a bounded number of goroutines.
type scheduler struct {
	limit   int
	dropped atomic.Int64
	wake    chan struct{} // holds one token: the earliest job may have changed
	due     chan func(context.Context)
	ctx     context.Context //nolint:containedctx // ends with stop; requests that hang watch it too
	cancel  context.CancelFunc
	once    sync.Once
	wg      sync.WaitGroup

	mu   sync.Mutex
	jobs jobs
	seq  uint64 // keeps jobs of one instant in order
}

type job struct {
	at  time.Time
	seq uint64
	run func(context.Context)
}

type jobs []job

func (j jobs) Len() int { return len(j) }
func (j jobs) Less(a, b int) bool {
	if j[a].at.Equal(j[b].at) {
		return j[a].seq < j[b].seq
	}
	return j[a].at.Before(j[b].at)
}
func (j jobs) Swap(a, b int) { j[a], j[b] = j[b], j[a] }
func (j *jobs) Push(x any)   { *j = append(*j, x.(job)) }
func (j *jobs) Pop() any {
	old := *j
	last := old[len(old)-1]
	old[len(old)-1] = job{}
	*j = old[:len(old)-1]
	return last
}

func newScheduler(limit int) *scheduler {
	ctx, cancel := context.WithCancel(context.Background())
	return &scheduler{limit: limit, wake: make(chan struct{}, 1), due: make(chan func(context.Context)), ctx: ctx, cancel: cancel}
}

// at plans f. It reports false, and counts, if the queue is full.
func (s *scheduler) at(t time.Time, f func(context.Context)) bool {
	s.mu.Lock()
	if len(s.jobs) >= s.limit {
		s.mu.Unlock()
		s.dropped.Add(1)
		return false
	}
	s.seq++
	heap.Push(&s.jobs, job{t, s.seq, f})
	first := s.jobs[0].seq == s.seq
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return true
}

func (s *scheduler) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs)
}

func (s *scheduler) start(workers int) {
	s.once.Do(func() {
		for range workers {
			s.wg.Go(func() {
				for {
					select {
					case f := <-s.due:
						f(s.ctx)
					case <-s.ctx.Done():
						return
					}
				}
			})
		}
		s.wg.Go(s.dispatch)
	})
}

func (s *scheduler) dispatch() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		f, wait := s.next()
		if f != nil {
			select {
			case s.due <- f:
				continue
			case <-s.ctx.Done():
				return
			}
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		case <-s.ctx.Done():
			return
		}
	}
}

// next takes the job that is due, or says how long there is to wait.
func (s *scheduler) next() (func(context.Context), time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.jobs) == 0 {
		return nil, time.Hour
	}
	if wait := time.Until(s.jobs[0].at); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&s.jobs).(job).run, 0
}

func (s *scheduler) stop(ctx context.Context) error {
	s.cancel()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
