package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// death is R4: how soon the work of a dead server is taken up. With two servers, the
// calls of the dead one are noticed by the other within 15 s (a lease of 12 s and 2 s
// between sweeps; the median is held to that, and the slowest to 20 s, because a second
// is little on a busy machine), after which the provider's reports are awaited and
// nobody else waits; what the dead one had not begun goes out within 3 s. No try of a
// message is spent: the attempt that was cut off is recorded as interrupted.
var death = Scenario{
	Name: "node-death", Rules: "R4", Alone: true, Modes: []string{world.Postgres},
	Promise: "When a server dies, another notices its calls within 15 s, goes on with the rest within 3 s, and no retry is spent.",
	Run: func(ctx context.Context, t *Trial) error {
		w, err := t.World(ctx, world.Options{Nodes: 2, Rate: 40, Reports: world.NoReports, Plan: slowly})
		if err != nil {
			return err
		}
		load := w.Load(ctx, world.Load{Sends: 60}) // more than may go out: there is a backlog
		defer load.Stop()
		var noticed, resumed rig.Times
		for range t.Pick(2, 8) {
			if err := t.die(ctx, w, &noticed, &resumed); err != nil {
				return err
			}
		}
		load.Stop()
		t.Count("interrupted calls noticed, median ms", noticed.Quantile(0.5))
		t.Count("interrupted calls noticed, worst ms", noticed.Quantile(1))
		t.Count("first send of the other server after a death, ms", resumed.Quantile(1))
		t.Expect(noticed.Len() > 0, "no call was cut off: it shows nothing")
		t.Expect(noticed.Quantile(0.5) <= 15_000 && noticed.Quantile(1) <= 20_000, "calls of a dead server were noticed after %.0f ms, the last after %.0f ms", noticed.Quantile(0.5), noticed.Quantile(1))
		t.Expect(resumed.Quantile(1) <= 3000, "the other server sent nothing for %.0f ms", resumed.Quantile(1))
		if err := w.Settle(ctx, nil, world.SettleLate); err != nil {
			return err
		}
		_, err = t.Audit(ctx, w, nil, allow{marked: true})
		return err
	},
}

// slowly is a provider whose answers take a while, so that there are calls under way.
func slowly(world.Call) world.Answer { return world.Answer{Latency: 400 * time.Millisecond} }

// die kills one of two servers, waits until the other has noticed its calls, and
// starts it again.
func (t *Trial) die(ctx context.Context, w *world.World, noticed, resumed *rig.Times) error {
	w.Pause(ctx, 2*time.Second)
	i := w.N(2)
	dead := w.Nodes[i]
	dead.Kill()
	at := time.Now()
	t.firstAfter(ctx, w, at, resumed)
	const open = `SELECT count(*) FROM attempts WHERE outcome = 'open' AND node LIKE $1`
	name := fmt.Sprintf("node%d/%%", i)
	for left := 1; left > 0; {
		if err := w.DB.GetContext(ctx, &left, open, name); err != nil {
			return err
		}
		if since := time.Since(at); since > 40*time.Second {
			t.Expect(false, "%d attempts of a dead server are still open after %s", left, since)
			break
		}
		w.Pause(ctx, 50*time.Millisecond)
	}
	var spent int // of those that were tried once; the others may have been refused or sent again
	if err := w.DB.GetContext(ctx, &spent, `SELECT count(*) FROM sends WHERE state = 'uncertain' AND attempt = 1 AND tries > 0`); err != nil {
		return err
	}
	t.Expect(spent == 0, "%d messages lost a try because a server died", spent)
	var ends []int64
	err := w.DB.SelectContext(ctx, &ends, `SELECT finished_at FROM attempts WHERE node LIKE $1 AND code = 'interrupted' AND finished_at >= $2`, name, at.UnixMicro())
	if err != nil {
		return err
	}
	for _, e := range ends {
		noticed.Add(time.UnixMicro(e).Sub(at))
	}
	return dead.Start(ctx)
}

// firstAfter notes how long after at the provider was called again.
func (t *Trial) firstAfter(ctx context.Context, w *world.World, at time.Time, times *rig.Times) {
	for time.Since(at) < 30*time.Second && ctx.Err() == nil {
		taken, _ := w.Provider.Taken()
		if i := slices.IndexFunc(taken, func(a rig.Accepted) bool { return a.At.After(at) }); i >= 0 {
			times.Add(taken[i].At.Sub(at))
			return
		}
		w.Pause(ctx, 10*time.Millisecond)
	}
	times.Add(30 * time.Second)
}

// restart is the second half of R4, on both databases: a server with a backlog sends
// within 3 s of the start of its process after kill -9.
var restart = Scenario{
	Name: "restart", Rules: "R4", Alone: true,
	Promise: "A server that is started again after kill -9 goes on sending within 3 s.",
	Run: func(ctx context.Context, t *Trial) error {
		w, err := t.World(ctx, world.Options{Rate: 20})
		if err != nil {
			return err
		}
		load := w.Load(ctx, world.Load{Sends: 60})
		defer load.Stop()
		var times rig.Times
		for range t.Pick(3, 15) {
			w.Pause(ctx, time.Second)
			w.Nodes[0].Kill()
			began := time.Now()
			if err := w.Nodes[0].Start(ctx); err != nil {
				return err
			}
			t.firstAfter(ctx, w, began, &times)
		}
		load.Stop()
		t.Count("start to first send, worst, ms", times.Quantile(1))
		t.Expect(times.Quantile(1) <= 3000, "the first send came %.0f ms after a start", times.Quantile(1))
		if err := w.Settle(ctx, nil, world.SettleLate); err != nil {
			return err
		}
		_, err = t.Audit(ctx, w, nil, allow{})
		return err
	},
}
