package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// early is R14: the provider reports "delivered" up to 500 ms before it answers the
// call that sent the message, so that nobody knows its id yet. Every report finds
// its message within 2 s of the answer, message by message.
var early = Scenario{
	Name: "status-before-id", Rules: "R14", Alone: true,
	Promise: "A status that arrives before the provider's answer finds its message within 2 s.",
	Run:     runEarly,
}

func runEarly(ctx context.Context, t *Trial) error {
	var w *world.World
	w, err := t.World(ctx, world.Options{
		Plan:    func(world.Call) world.Answer { return world.Answer{Latency: w.Duration(0, 500*time.Millisecond)} },
		Reports: func(rig.Accepted) []world.Report { return []world.Report{{Status: "delivered"}} },
	})
	if err != nil {
		return err
	}
	load := w.Load(ctx, world.Load{Sends: 60})
	defer load.Stop()
	w.Pause(ctx, t.For(6*time.Second, 30*time.Second))
	load.Stop()
	_, sends := w.Ledger.Acked()
	if err := w.Await(ctx, 20*time.Second, sends, `SELECT count(*) FROM attempts WHERE outcome <> 'open'`); err != nil {
		return err
	}
	const delivered = `SELECT count(*) FROM messages WHERE direction = 'outbound' AND status = 'delivered'`
	err = w.Await(ctx, 20*time.Second, sends, delivered)
	t.Expect(err == nil, "20 s after the last answer: %v", err)
	if err := w.Settle(ctx, nil, world.SettleSoon); err != nil {
		return err
	}
	var worst int64 // µs; the last change of each message is that it is delivered
	const late = `SELECT COALESCE(max(m.updated_at - a.finished_at), 0) FROM messages m JOIN attempts a ON a.message_id = m.id WHERE m.status = 'delivered'`
	if err := w.DB.GetContext(ctx, &worst, late); err != nil {
		return err
	}
	took := time.Duration(worst) * time.Microsecond
	t.Count("worstMs", float64(took.Milliseconds()))
	t.Expect(took <= 2*time.Second, "a report found its message %s after the answer", took.Round(time.Millisecond))
	var parked int
	if err := w.DB.GetContext(ctx, &parked, `SELECT count(*) FROM parked_statuses`); err != nil {
		return err
	}
	t.Expect(parked == 0, "%d reports still look for their message", parked)
	a, err := t.Audit(ctx, w, nil, allow{})
	if err != nil {
		return err
	}
	t.enough(a, 0, 200)
	return nil
}
