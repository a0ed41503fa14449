package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// postgres is R5: PostgreSQL ends without a word and recovers from its log, several
// times, and then cannot be reached at all for a while. Webhooks are refused with 503
// meanwhile, and providers and apps try again: lost 0, duplicated 0. Afterwards the
// server is what it was: answers within 10 s of the end of the cut, no goroutine more.
var postgres = Scenario{
	Name: "postgres", Rules: "R5", Alone: true, Modes: []string{world.Postgres},
	Promise: "A restart of PostgreSQL, or a cut connection to it, is seen as 503 and waiting, never as loss.",
	Run:     postgresAway,
}

func postgresAway(ctx context.Context, t *Trial) error {
	w, err := t.World(ctx, world.Options{Nodes: 2})
	if err != nil {
		return err
	}
	fleet, err := w.Subscribers(ctx, 20)
	if err != nil {
		return err
	}
	defer fleet.Close()
	load := w.Load(ctx, world.Load{Inbound: 150, Sends: 50})
	defer load.Stop()
	w.Pause(ctx, 2*time.Second)
	before, err := w.Nodes[0].Metric("go_goroutines")
	if err != nil {
		return err
	}
	for range t.Pick(2, 10) {
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
	t.healed(ctx, w, "the cut")
	load.Stop()
	if err := w.Settle(ctx, fleet, world.SettleLate); err != nil {
		return err
	}
	a, err := t.Audit(ctx, w, fleet, allow{})
	if err != nil {
		return err
	}
	t.enough(a, 150, 50)
	after, err := w.Nodes[0].Metric("go_goroutines")
	t.Count("goroutines more than before", after-before)
	t.Expect(after <= before+50, "%g goroutines before, %g after", before, after)
	t.refusals(w)
	return err
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
