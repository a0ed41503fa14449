package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// postgres is R5: PostgreSQL ends without a word and recovers from its log, several
// times, then cannot be reached at all for a while, and then can, but says nothing.
// Webhooks are refused with 503 meanwhile, and providers and apps try again: lost 0,
// duplicated 0. Afterwards the server is what it was: a request is acknowledged within
// 10 s of the end of each, and once the connections to the provider have been idle long
// enough to be closed, there are at most 50 goroutines more. From 10 s after the last
// on, other requests take what they took before: at most twice as long, or 500 ms more
// (a second in the short profile, for a machine that does other things), at the 99th
// percentile.
var postgres = Scenario{
	Name: "postgres", Rules: "R5", Alone: true, Modes: []string{world.Postgres},
	Promise: "A restart of PostgreSQL, or a connection to it that is cut or silent, is seen as 503 and waiting, never as loss.",
	Run:     postgresAway,
}

// idleClosed is when no connection to a provider is left that nobody uses: the server
// keeps one for 90 s, and a backlog leaves many.
const idleClosed = 100 * time.Second

func postgresAway(ctx context.Context, t *Trial) error {
	w, err := t.besiege(ctx, world.Options{Nodes: 2}, 20, world.Load{Inbound: 150, Sends: 50})
	if err != nil {
		return err
	}
	defer w.lift()
	w.Pause(ctx, 2*time.Second)
	before, err := w.Nodes[0].Metric("go_goroutines")
	if err != nil {
		return err
	}
	calm := everyday(ctx, w.Nodes[0], 3*time.Second)
	for range t.Pick(2, 8) {
		w.Fault("restart postgres")
		if err := w.Options.Postgres.Restart(ctx); err != nil {
			return err
		}
		w.Pause(ctx, 2*time.Second)
	}
	w.Fault("cut postgres")
	w.Database.Cut()
	w.Pause(ctx, t.For(5*time.Second, 30*time.Second))
	if err := w.Database.Mend(); err != nil {
		return err
	}
	t.healed(ctx, w.World, "the cut")
	w.Fault("freeze postgres")
	if err := w.Database.Freeze(); err != nil {
		return err
	}
	w.Pause(ctx, t.For(5*time.Second, 30*time.Second))
	w.Database.Clear(ctx)
	t.healed(ctx, w.World, "the silence")
	t.calmAgain(ctx, w.World, calm)
	if _, err := w.settled(ctx, world.SettleLate, 150, 50); err != nil {
		return err
	}
	after := before
	t.watch(ctx, func() bool {
		after, err = w.Nodes[0].Metric("go_goroutines")
		return err == nil && after <= before+50
	}, idleClosed)
	t.Count("goroutines more than before", after-before)
	t.Expect(after <= before+50, "%g goroutines before, %g after", before, after)
	t.refusals(w.World)
	return err
}

// calmAgain compares ordinary requests, from 10 s after the end of a fault on, with
// those before it.
func (t *Trial) calmAgain(ctx context.Context, w *world.World, before *rig.Times) {
	w.Pause(ctx, 10*time.Second)
	after := everyday(ctx, w.Nodes[0], 3*time.Second)
	t.Count("ordinary request before, p99 ms", before.Quantile(0.99))
	t.Count("ordinary request 10 s after, p99 ms", after.Quantile(0.99))
	t.Expect(after.Len() >= before.Len()/2, "%d ordinary requests were answered 10 s after, %d before", after.Len(), before.Len())
	more := float64(t.Pick(1000, 500)) // ms
	t.Expect(after.Quantile(0.99) <= max(2*before.Quantile(0.99), before.Quantile(0.99)+more),
		"ordinary requests took %.0f ms at the 99th percentile 10 s after, %.0f ms before", after.Quantile(0.99), before.Quantile(0.99))
}

// healed waits until a request is acknowledged that began after the end of a fault.
func (t *Trial) healed(ctx context.Context, w *world.World, fault string) {
	ended := time.Now()
	back := t.watch(ctx, func() bool { _, ok := w.Ledger.Recovered(ended); return ok }, 30*time.Second)
	took, _ := w.Ledger.Recovered(ended)
	t.Count("first answer after "+fault+", ms", float64(took.Milliseconds()))
	t.Expect(back && took <= 10*time.Second, "nothing was acknowledged for %s after %s", time.Since(ended).Round(time.Millisecond), fault)
}

// refusals notes how requests were refused: with 503, never with another 5xx.
func (t *Trial) refusals(w *world.World) {
	answers, broken := w.Ledger.Answers()
	for status, n := range answers {
		t.Expect(status < 500 || status == 503 || status == 507, "%d requests were answered %d", n, status)
		if status == 500 {
			for _, line := range w.Errors(3) {
				t.Note("log: %s", line)
			}
		}
	}
	if answers[503]+answers[507]+broken > 0 {
		t.Note("refused with 503 or 507: %d; without an answer: %d", answers[503]+answers[507], broken)
	}
}
