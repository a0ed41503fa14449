package main

import (
	"context"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// rolling is R10: two servers behind a balancer that asks whether they are ready are
// stopped and started in turn, under load, first as an upgrade: the first that comes
// back is of the next version (the same program with one migration more) and changes
// the schema while the other serves, which then is started once more as it was, and
// comes back as the next version after that. Lost 0, duplicated 0, no gap on a socket,
// each server ready whenever the other is stopped, and at most 0.1 % of the requests are
// answered with 5xx or break, counted before any client tries again.
var rolling = Scenario{
	Name: "rolling-restart", Rules: "R10", Modes: []string{world.Postgres},
	Promise: "Servers can be restarted one after the other under load, also to a version with a newer schema: callers see no errors and sockets miss nothing.",
	Run:     rollingRestart,
}

// nextSchema makes a program of a build with the tag chaos pass for the next version.
const nextSchema = "LINKTOR_CHAOS_SCHEMA=next"

func rollingRestart(ctx context.Context, t *Trial) error {
	w, err := t.besiege(ctx, world.Options{Nodes: 2}, 50, world.Load{Inbound: 150, Sends: 50})
	if err != nil {
		return err
	}
	defer w.lift()
	w.Balance(ctx)
	w.Pause(ctx, time.Second)
	first, second := w.Nodes[0], w.Nodes[1]
	first.Env = append(first.Env, nextSchema)
	turns := []*world.Node{first, second} // of which the second is still of the old version
	for range t.Pick(3, 12) {
		turns = append(turns, second, first)
	}
	for i, n := range turns {
		if i == 2 {
			n.Env = append(n.Env, nextSchema)
		}
		if err := t.turn(ctx, w.World, n); err != nil {
			return fmt.Errorf("turn %d: %w", i+1, err)
		}
	}
	a, err := w.settled(ctx, world.SettleSoon, 150, 50)
	if err != nil {
		return err
	}
	var newer int
	if err := w.DB.GetContext(ctx, &newer, `SELECT count(*) FROM messages WHERE of_next = ''`); err != nil {
		return err
	}
	t.Expect(newer >= a.Inbound, "only %d messages have the column of the next version", newer)
	t.failures(w.World)
	t.Expect(a.Seen.Cut == 0, "%d sockets were closed without being told to reconnect", a.Seen.Cut)
	t.Expect(a.OpenAttempts == 0, "%d attempts have no outcome", a.OpenAttempts)
	return nil
}

// turn stops a server and starts it again, after which each one is ready.
func (t *Trial) turn(ctx context.Context, w *world.World, n *world.Node) error {
	took, err := n.Terminate(stopLimit + 5*time.Second)
	t.Expect(err == nil && took <= stopLimit, "a stop took %s (%v)", took, err)
	if err := n.Start(ctx); err != nil {
		return err
	}
	w.Pause(ctx, time.Second)
	for _, each := range w.Nodes {
		ready := t.watch(ctx, func() bool { status, _, err := each.Get("/readyz"); return err == nil && status == 200 }, 10*time.Second)
		t.Expect(ready, "server %s is not ready after %s was started", each.Listen, n.Listen)
	}
	return nil
}

// failures counts the requests that failed before any retry.
func (t *Trial) failures(w *world.World) {
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
}
