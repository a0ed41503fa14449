package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// rolling is R10 without its change of schema: two servers behind a balancer that asks
// whether they are ready are stopped and started in turn, under load. Lost 0,
// duplicated 0, no gap on a socket, and at most 0.1 % of the requests are answered
// with 5xx or break, counted before any client tries again.
var rolling = Scenario{
	Name: "rolling-restart", Rules: "R10", Modes: []string{world.Postgres},
	Promise: "Servers can be restarted one after the other under load: callers see no errors and sockets miss nothing.",
	Run:     rollingRestart,
}

func rollingRestart(ctx context.Context, t *Trial) error {
	w, err := t.besiege(ctx, world.Options{Nodes: 2}, 50, world.Load{Inbound: 150, Sends: 50})
	if err != nil {
		return err
	}
	defer w.lift()
	w.Balance(ctx)
	w.Pause(ctx, time.Second)
	for range t.Pick(3, 12) {
		for _, n := range w.Nodes {
			took, err := n.Terminate(stopLimit + 5*time.Second)
			t.Expect(err == nil && took <= stopLimit, "a stop took %s (%v)", took, err)
			if err := n.Start(ctx); err != nil {
				return err
			}
			w.Pause(ctx, time.Second)
		}
	}
	a, err := w.settled(ctx, world.SettleSoon, 150, 50)
	if err != nil {
		return err
	}
	answers, broken := w.Ledger.Answers()
	all, bad := broken, broken
	for status, n := range answers {
		all += n
		if status >= 500 {
			bad += n
		}
	}
	t.Count("requests that failed before any retry, per mille", 1000*float64(bad)/float64(all))
	t.Expect(1000*bad <= all, "%d of %d requests failed (%d without an answer)", bad, all, broken)
	t.Expect(a.Seen.Cut == 0, "%d sockets were closed without being told to reconnect", a.Seen.Cut)
	t.Expect(a.OpenAttempts == 0, "%d attempts have no outcome", a.OpenAttempts)
	return nil
}
