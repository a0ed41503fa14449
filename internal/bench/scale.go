package main

import "time"

// scale says how much is measured, and so how long it takes.
type scale struct {
	rounds  int           // of each measurement; the medians count
	flood   time.Duration // of one round under full load
	limit   time.Duration // of one round of a limit
	bodies  int           // of one message, at most, in a round
	batches int           // of ten messages
	sends   int           // in a burst
	paced   time.Duration // of loads at a steady rate
	spread  time.Duration // of one round of posts to sockets
	settle  time.Duration // in which a server gives back the memory of what it did before
	fleets  []fleetSize
	idle    int   // sockets
	replay  int   // events, at least
	grown   []int // stored messages
	lists   int   // calls of each list in a round
	starts  int
}

// fleetSize is a fan-out: sockets that all get so many events a second.
type fleetSize struct{ sockets, rate int }

// The sizes. Source of the fan-outs: what was measured of Centrifugo.
var (
	normal = scale{
		rounds: 3, flood: 4 * time.Second, limit: 2 * time.Second, bodies: 40_000, batches: 6_000, sends: 6_000, paced: 8 * time.Second,
		spread: 4 * time.Second, settle: 5 * time.Second, fleets: []fleetSize{{1_000, 50}, {5_000, 5}, {10_000, 5}}, idle: 2_000, replay: 60_000, grown: []int{1_000_000}, lists: 100, starts: 5,
	}
	quick = scale{
		rounds: 1, flood: 2 * time.Second, limit: time.Second, bodies: 15_000, batches: 2_500, sends: 2_000, paced: 3 * time.Second,
		spread: 2 * time.Second, settle: 2 * time.Second, fleets: []fleetSize{{1_000, 50}}, idle: 1_000, replay: 20_000, grown: []int{50_000}, lists: 30, starts: 2,
	}
)

// longGrowth is what --long adds to the stored messages.
const longGrowth = 10_000_000

func (o *options) scale() scale {
	s := normal
	if o.quick {
		s = quick
	}
	if o.long {
		s.grown = append(s.grown[:len(s.grown):len(s.grown)], longGrowth)
	}
	return s
}
