package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// slowSockets is R26: of 2,000 sockets (10,000 in the long profile) nine tenths read
// a byte a second while 50 messages a second come in (100 in the long profile). The
// others get their events within 500 ms at the 99th percentile, or within twice what
// they took without the slow ones, and without a gap. A tenth of the slow ones read
// again in the end: they catch up from the log, or were closed with 4008 and a cursor
// to come back with. None misses an event in silence. The server stays under 1.2 GB.
var slowSockets = Scenario{
	Name: "slow-sockets", Rules: "R26", Modes: []string{world.Postgres},
	Promise: "Thousands of clients that hardly read do not slow down the others, and lose nothing in silence.",
	Run:     runSlowSockets,
}

const (
	socketsP99    = 500 * time.Millisecond
	socketsMemory = 1200 << 20 // bytes
	catchUp       = 60 * time.Second
)

func runSlowSockets(ctx context.Context, t *Trial) error {
	w, err := t.World(ctx, world.Options{Reports: world.NoReports})
	if err != nil {
		return err
	}
	fleet, err := w.Subscribers(ctx, t.Pick(200, 1000))
	if err != nil {
		return err
	}
	defer fleet.Close()
	load := w.Load(ctx, world.Load{Inbound: float64(t.Pick(50, 100))})
	defer load.Stop()
	w.Pause(ctx, t.For(6*time.Second, 30*time.Second))
	alone := fleet.Look(0).Latency
	var lazy [2]*world.Laggards // of which the second is to catch up: a tenth, because all of them would measure the reader
	for i, n := range []int{t.Pick(1620, 8100), t.Pick(180, 900)} {
		if lazy[i], err = w.Laggards(ctx, n); err != nil {
			return err
		}
		defer lazy[i].Close()
	}
	fleet.Look(0) // the machine was busy with the handshakes
	watched := w.Nodes[0].Server().Watch()
	w.Pause(ctx, t.For(12*time.Second, 2*time.Minute))
	load.Stop()
	if err := w.Settle(ctx, fleet, world.SettleSoon); err != nil {
		return err
	}
	used := watched().Peak
	a, err := t.Audit(ctx, w, fleet, allow{})
	if err != nil {
		return err
	}
	t.enough(a, 100, 0)
	t.Expect(a.Seen.Latency <= max(socketsP99, 2*alone), "the other clients' events took %s at the 99th percentile, and %s before the slow ones came", a.Seen.Latency, alone)
	t.Count("p99AloneMs", float64(alone.Milliseconds()))
	t.Expect(used <= socketsMemory, "the server used %d MiB", used>>20)
	t.Count("p99Ms", float64(a.Seen.Latency.Milliseconds()))
	t.Count("memoryMiB", float64(used>>20))
	_, other := lazy[0].Closed()
	_, gaps := lazy[0].Reached(0)
	t.Expect(other+gaps == 0, "%d slow sockets ended without a word, %d gaps", other, gaps)
	return t.caughtUp(ctx, w, lazy[1], t.Pick(180, 900))
}

// caughtUp lets slow ones read and waits until each has caught up or was closed.
func (t *Trial) caughtUp(ctx context.Context, w *world.World, lazy *world.Laggards, all int) error {
	head, err := w.Head(ctx)
	if err != nil {
		return err
	}
	lazy.Hurry()
	caught, gaps, slow, other := 0, 0, 0, 0
	for end := time.Now().Add(catchUp); time.Now().Before(end) && caught+slow+other < all; w.Pause(ctx, 200*time.Millisecond) {
		caught, gaps = lazy.Reached(head)
		slow, other = lazy.Closed()
	}
	t.Expect(caught+slow >= all && other == 0, "of %d slow clients %d caught up and %d were closed as slow; %d ended otherwise", all, caught, slow, other)
	t.Expect(gaps == 0, "%d gaps on slow sockets", gaps)
	t.Expect(lazy.Cursors() == all, "%d slow clients have no cursor", all-lazy.Cursors())
	t.Count("caughtUp", float64(caught))
	t.Count("closedAsSlow", float64(slow))
	return nil
}

// storm is R27: a server with 1,000 sockets (5,000 in the long profile) restarts
// while messages come in. All are back within 30 s of its word that it serves, and
// have missed nothing.
var storm = Scenario{
	Name: "reconnect-storm", Rules: "R27", Modes: []string{world.Postgres},
	Promise: "After a restart thousands of sockets are back within 30 s, without a gap.",
	Run:     runStorm,
}

const stormLimit = 30 * time.Second

func runStorm(ctx context.Context, t *Trial) error {
	w, err := t.World(ctx, world.Options{Reports: world.NoReports})
	if err != nil {
		return err
	}
	sockets := t.Pick(1000, 5000)
	fleet, err := w.Subscribers(ctx, sockets)
	if err != nil {
		return err
	}
	defer fleet.Close()
	load := w.Load(ctx, world.Load{Inbound: 10})
	defer load.Stop()
	w.Pause(ctx, 3*time.Second)
	n := w.Nodes[0]
	ended, err := n.Terminate(30 * time.Second)
	if err != nil {
		t.Expect(false, "%v", err)
	}
	if err := n.Start(ctx); err != nil {
		return err
	}
	began := time.Now()
	t.Count("stopMs", float64(ended.Milliseconds()))
	back := func() int { return fleet.Look(0).Reconnects }
	for back() < sockets && time.Since(began) < 2*stormLimit {
		w.Pause(ctx, 50*time.Millisecond)
	}
	took := time.Since(began)
	t.Expect(took <= stormLimit, "%d of %d sockets were back after %s", back(), sockets, took.Round(time.Millisecond))
	t.Count("backMs", float64(took.Milliseconds()))
	w.Pause(ctx, 2*time.Second)
	load.Stop()
	if err := w.Settle(ctx, fleet, world.SettleSoon); err != nil {
		return err
	}
	_, err = t.Audit(ctx, w, fleet, allow{})
	return err
}
