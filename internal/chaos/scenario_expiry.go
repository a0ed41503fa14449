package main

import (
	"context"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// expiry is R19: messages that are valid for 2 s, and a provider that is down. Each
// ends as expired within 1.5 s after its deadline and not before it, and is never
// offered to the provider afterwards, although that has come back. All clocks are this
// machine's.
var expiry = Scenario{
	Name: "expiry", Rules: "R19", Alone: true,
	Promise: "A message whose validity has ended is expired within 1.5 s and never sent afterwards.",
	Run:     runExpiry,
}

const (
	expirySlack = 1500 * time.Millisecond
	expiryEarly = -50 * time.Millisecond // what two readings of one clock may differ by
)

func runExpiry(ctx context.Context, t *Trial) error {
	down := func(world.Call) world.Answer {
		return world.Answer{Refuse: true, Status: 503, Body: world.Graph(131016, "(#131016) Service unavailable")}
	}
	w, err := t.World(ctx, world.Options{Plan: down})
	if err != nil {
		return err
	}
	n := t.Pick(60, 600)
	for i := range n {
		w.Send(ctx, fmt.Sprint("expiry-", i), world.Sent{ChannelID: w.Lines[0].ChannelID, To: "+" + rig.Customer(i%w.Customers)}, map[string]any{"validForSeconds": 2})
	}
	if err := w.Await(ctx, 30*time.Second, n, `SELECT count(*) FROM messages WHERE direction = 'outbound' AND status = 'expired'`); err != nil {
		t.Expect(false, "not expired: %v", err)
	}
	calls := w.Provider.Calls()
	w.Provider.SetPlan(func(world.Call) world.Answer { return world.Answer{} })
	w.Pause(ctx, 5*time.Second)
	t.Expect(w.Provider.Total() == 0 && w.Provider.Calls() == calls, "%d messages were offered after they had expired", w.Provider.Calls()-calls)
	var off []int64
	if err := w.DB.SelectContext(ctx, &off, `SELECT updated_at - valid_until FROM messages WHERE direction = 'outbound' AND status = 'expired'`); err != nil {
		return err
	}
	t.Expect(len(off) == n, "%d of %d messages expired", len(off), n)
	var worst time.Duration
	for _, micros := range off {
		late := time.Duration(micros) * time.Microsecond
		t.Expect(late >= expiryEarly && late < expirySlack, "a message expired %s after its deadline", late)
		worst = max(worst, late.Abs())
	}
	t.Count("worstMs", float64(worst.Milliseconds()))
	_, err = t.Audit(ctx, w, nil, allow{unsent: true})
	return err
}
