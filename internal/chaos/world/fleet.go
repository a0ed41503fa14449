package world

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/linktor/linktor/internal/bench/rig"
)

// Fleet is a number of sockets that follow the whole event log, each of which
// checks every frame by the rule of docs/reference/realtime.md, "Proving that
// nothing is missing", and comes back with its cursor when its server goes.
type Fleet struct {
	world   *World
	cancel  context.CancelFunc
	readers sync.WaitGroup
	sockets []*socket
}

// Subscribers opens a fleet of n sockets.
func (w *World) Subscribers(ctx context.Context, n int) (*Fleet, error) {
	ctx, cancel := context.WithCancel(ctx)
	f := &Fleet{world: w, cancel: cancel}
	for i := range n {
		s := &socket{world: w, node: i}
		c, err := s.dial(ctx)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("socket %d: %w", i, err)
		}
		f.sockets = append(f.sockets, s)
		f.readers.Go(func() { s.follow(ctx, c) })
	}
	return f, nil
}

// Close ends the fleet.
func (f *Fleet) Close() {
	f.cancel()
	f.readers.Wait()
}

// Reached reports whether every socket has been told everything up to seq.
func (f *Fleet) Reached(seq int64) bool {
	for _, s := range f.sockets {
		s.mu.Lock()
		told := s.told
		s.mu.Unlock()
		if told < seq {
			return false
		}
	}
	return true
}

// Sightings is what a fleet saw, all sockets together.
type Sightings struct {
	Sockets int
	Events  int           // distinct events
	Missing int           // events of the log, after each socket's start, that it did not see
	Gaps    int           // frames whose prev was not the position before
	Repeats int           // events that came again, which a client drops by their seq
	Resets  int           // gaps that were announced
	Back    int           // sockets that came back at least once
	Warned  int           // reconnect frames
	Cut     int           // connections that ended without one
	Latency time.Duration // from an event's time to its frame, 99th percentile since the last look
	Slowest time.Duration // the maximum of the same
}

// Look sums up. head is the number of the newest event.
func (f *Fleet) Look(head int64) Sightings {
	sum := Sightings{Sockets: len(f.sockets)}
	var times rig.Times
	for _, s := range f.sockets {
		s.mu.Lock()
		sum.Events += s.seen
		sum.Missing += max(0, int(head-s.start)-s.seen)
		sum.Gaps += s.gaps
		sum.Repeats += s.repeats
		sum.Resets += s.resets
		if s.reconnects > 0 {
			sum.Back++
		}
		sum.Warned += s.warned
		sum.Cut += s.cut
		for _, d := range s.late {
			times.Add(d)
			sum.Slowest = max(sum.Slowest, d)
		}
		s.late = s.late[:0]
		s.mu.Unlock()
	}
	if sum.Slowest > 0 {
		sum.Latency = time.Duration(times.Quantile(0.99) * float64(time.Millisecond))
	}
	return sum
}

// errGap ends a connection on which something is missing, as a client should.
var errGap = errors.New("an event is missing")

// follow reads frames, on one connection after the other, until ctx ends.
func (s *socket) follow(ctx context.Context, c *websocket.Conn) {
	for {
		s.read(ctx, c)
		s.ended(ctx)
		_ = c.CloseNow() // it has ended
		s.mu.Lock()
		asked := s.wait
		s.wait = 0
		s.mu.Unlock()
		if !rig.Pause(ctx, asked) {
			return
		}
		if c = s.redial(ctx); c == nil {
			return
		}
	}
}

// redial tries until it is connected again, with its cursor, or ctx ends.
func (s *socket) redial(ctx context.Context) *websocket.Conn {
	for rig.Pause(ctx, s.world.Duration(20*time.Millisecond, 200*time.Millisecond)) {
		if c, err := s.dial(ctx); err == nil {
			s.mu.Lock()
			s.reconnects++
			s.mu.Unlock()
			return c
		}
	}
	return nil
}
