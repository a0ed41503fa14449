package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// slowSockets is R26: of 2,000 sockets (10,000 in the long profile) nine tenths read
// a byte a second while 50 messages a second come in, until
// the server closes them as slow, after 10 s in which they took nothing (60 s, the
// default, in the long profile). The others get their events, without a gap, within
// 500 ms at the 99th percentile or twice what they took without the slow ones; in the
// short profile within 2 s, since the machine may do other things, and a server that
// waits for a slow client waits for 10 s. A machine that takes longer without them shows
// nothing. A tenth of the slow ones read again in the end: some find that they were
// closed with 4008 and the cursor that is theirs, some were cut off, and all of them
// catch up with what they hold, without a gap. The server stays under 1.2 GB.
var slowSockets = Scenario{
	Name: "slow-sockets", Rules: "R26", Alone: true, Modes: []string{world.Postgres},
	Promise: "Thousands of clients that hardly read do not slow down the others; they are closed with 4008 and a cursor, and miss nothing when they come back.",
	Run:     runSlowSockets,
}

const (
	socketsMemory = 1200 << 20      // bytes
	catchUp       = 3 * time.Minute // millions of frames: a slow machine has taken 80 s
)

func runSlowSockets(ctx context.Context, t *Trial) error {
	sizes := []int{t.Pick(1620, 8100), t.Pick(180, 900)}
	if !t.mayOpen(sizes[0] + sizes[1] + t.Pick(200, 1000)) {
		return nil
	}
	timeout := t.For(10*time.Second, 60*time.Second)
	w, err := t.besiege(ctx, world.Options{Reports: world.NoReports, Env: []string{"LINKTOR_REALTIME_SLOW_TIMEOUT=" + timeout.String()}},
		t.Pick(200, 1000), world.Load{Inbound: 50})
	if err != nil {
		return err
	}
	defer w.lift()
	w.fleet.Look(0) // the machine was busy with the handshakes
	w.Pause(ctx, t.For(6*time.Second, 30*time.Second))
	alone := w.fleet.Look(0).Latency
	limit := t.For(2*time.Second, 500*time.Millisecond)
	if alone > limit {
		return t.Skip("without slow sockets events already took %s at the 99th percentile", alone)
	}
	var lazy [2]*world.Laggards // of which the second is to catch up: a tenth, because all of them would measure the reader
	for i, n := range sizes {
		if lazy[i], err = w.Laggards(ctx, n); err != nil {
			return err
		}
		defer lazy[i].Close()
	}
	w.fleet.Look(0)
	watched := w.Nodes[0].Server().Watch()
	t.untilClosed(ctx, w.World, sizes[0]+sizes[1]/2, timeout+60*time.Second)
	lazy[1].Hurry() // while the server still waits for some to take their close
	a, err := w.settled(ctx, world.SettleSoon, 100, 0)
	if err != nil {
		return err
	}
	used := watched().Peak
	others, _ := lazy[0].Look(0) // which were cut off in the end, because they never took their close
	t.Expect(others.Gaps+others.Resets == 0, "slow sockets saw %d gaps and %d resets", others.Gaps, others.Resets)
	t.Expect(a.Seen.Latency <= max(limit, 2*alone), "the other clients' events took %s at the 99th percentile, and %s before the slow ones came", a.Seen.Latency, alone)
	t.Expect(used <= socketsMemory, "the server used %d MiB", used>>20)
	t.Count("p99AloneMs", float64(alone.Milliseconds()))
	t.Count("p99Ms", float64(a.Seen.Latency.Milliseconds()))
	t.Count("memoryMiB", float64(used>>20))
	return t.caughtUp(ctx, w.World, lazy[1], sizes[1])
}

// untilClosed waits until the server has closed n clients as slow.
func (t *Trial) untilClosed(ctx context.Context, w *world.World, n int, limit time.Duration) {
	closed := t.watch(ctx, func() bool {
		slow, err := w.Nodes[0].Metric("linktor_realtime_slow_total")
		return err == nil && int(slow) >= n
	}, limit)
	t.Expect(closed, "the server has not closed %d slow clients after %s", n, limit)
}

// mayOpen reports whether this process, and a server, may have that many sockets.
// Otherwise the scenario is skipped.
func (t *Trial) mayOpen(sockets int) bool {
	const others = 500                                     // files, and sockets of the load
	files, err := rig.RaiseFiles(uint64(sockets + others)) //nolint:gosec // a small number
	if err != nil || files < uint64(sockets+others) {      //nolint:gosec // a small number
		_ = t.Skip("it takes %d open files, of which this process may have %d (%v)", sockets+others, files, err) // always nil
		return false
	}
	return true
}

// caughtUp waits until slow ones that may read have caught up.
func (t *Trial) caughtUp(ctx context.Context, w *world.World, lazy *world.Laggards, all int) error {
	head, err := w.Head(ctx)
	if err != nil {
		return err
	}
	t.watch(ctx, func() bool { _, caught := lazy.Look(head); return caught == all }, catchUp)
	seen, caught := lazy.Look(head)
	slow, astray, other := lazy.Closed()
	t.Expect(caught == all, "of %d slow clients %d caught up", all, caught)
	t.Expect(slow > 0, "no slow client was told so: it shows nothing")
	t.Expect(astray == 0, "%d slow clients were told another cursor than their own", astray)
	t.Expect(seen.Gaps+seen.Resets+seen.Missing == 0, "slow clients saw %d gaps and %d resets, and miss %d events", seen.Gaps, seen.Resets, seen.Missing)
	t.Count("closedWith4008", float64(slow))
	t.Count("cutOff", float64(other))
	t.Count("readOn", float64(all-slow-other))
	return nil
}

// storm is R27: a server with 1,000 sockets (5,000 in the long profile) restarts
// while messages come in. All are back within 30 s of its word that it serves, and
// have missed nothing.
var storm = Scenario{
	Name: "reconnect-storm", Rules: "R27", Alone: true, Modes: []string{world.Postgres},
	Promise: "After a restart thousands of sockets are back within 30 s, without a gap.",
	Run:     runStorm,
}

const stormLimit = 30 * time.Second

func runStorm(ctx context.Context, t *Trial) error {
	sockets := t.Pick(1000, 5000)
	if !t.mayOpen(sockets) {
		return nil
	}
	w, err := t.besiege(ctx, world.Options{Reports: world.NoReports}, sockets, world.Load{Inbound: 10})
	if err != nil {
		return err
	}
	defer w.lift()
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
	back := func() int { return w.fleet.Look(0).Back }
	for back() < sockets && time.Since(began) < 2*stormLimit {
		w.Pause(ctx, 50*time.Millisecond)
	}
	took := time.Since(began)
	t.Expect(took <= stormLimit, "%d of %d sockets were back after %s", back(), sockets, took.Round(time.Millisecond))
	t.Count("backMs", float64(took.Milliseconds()))
	w.Pause(ctx, 2*time.Second)
	_, err = w.settled(ctx, world.SettleSoon, 30, 0)
	return err
}
