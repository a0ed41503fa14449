package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// kill is R1 and R2: the server is killed at random moments while a provider posts
// 300 messages and statuses a second and an app sends 80 a second. A webhook that was
// answered 200 and a send that was answered 202 are there afterwards, once: lost 0,
// duplicated 0 (every message was reported on, so that nothing needs sending again),
// order kept in every lane, no gap in the log or on a socket, the database whole.
var kill = Scenario{
	Name: "kill", Rules: "R1, R2",
	Promise: "What was acknowledged survives kill -9 at any moment, and is neither stored nor sent twice.",
	Run:     func(ctx context.Context, t *Trial) error { return killLoop(ctx, t, 1) },
}

// killNodes is the same with two servers on one database, of which one or the other
// is killed; the provider and the app turn to the one that answers.
var killNodes = Scenario{
	Name: "kill-two-nodes", Rules: "R1, R2", Modes: []string{world.Postgres},
	Promise: "The same holds for two servers on one database, of which one or the other is killed.",
	Run:     func(ctx context.Context, t *Trial) error { return killLoop(ctx, t, 2) },
}

// The pauses between kills.
const (
	killSoonest = 50 * time.Millisecond
	killLatest  = 1500 * time.Millisecond
)

func killLoop(ctx context.Context, t *Trial, nodes int) error {
	w, err := t.besiege(ctx, world.Options{Nodes: nodes}, 20, world.Load{Inbound: 300, Sends: 80, Repeat: 0.05})
	if err != nil {
		return err
	}
	defer w.lift()
	for range t.Pick(6, 100) {
		w.Pause(ctx, w.Duration(killSoonest, killLatest))
		n := w.Nodes[w.N(nodes)]
		n.Kill()
		if err := n.Start(ctx); err != nil {
			return err
		}
	}
	w.Pause(ctx, killLatest)
	a, err := w.settled(ctx, world.SettleLate, 150, 50)
	if err != nil {
		return err
	}
	t.Expect(a.OpenAttempts == 0, "%d attempts have no outcome", a.OpenAttempts)
	return nil
}
