package main

import (
	"context"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// clocks is R23: of two servers on one database, one has a clock that is 5 minutes
// wrong and, ten seconds after its start, an hour. Nothing is sent twice, out of
// order or not at all, and a message that it takes for 2 s expires after these and
// within 5 s more, by the clock of this program: once with the clock ahead, once behind.
var clocks = Scenario{
	Name: "clocks", Rules: "R23", Modes: []string{world.Postgres},
	Promise: "A server whose clock is minutes wrong, or jumps by an hour, sends nothing twice and keeps deadlines.",
	Run: func(ctx context.Context, t *Trial) error {
		for _, offset := range []string{"5m,1h@10s", "-5m,-1h@10s"} {
			if err := wrongClock(ctx, t, offset); err != nil {
				return err
			}
		}
		return nil
	},
}

func wrongClock(ctx context.Context, t *Trial, offset string) error {
	w, err := t.World(ctx, world.Options{Nodes: 2})
	if err != nil {
		return err
	}
	n := w.Nodes[1]
	n.Env = append(n.Env, "LINKTOR_CHAOS_CLOCK_OFFSET="+offset)
	n.Stop()
	if err := n.Start(ctx); err != nil {
		return err
	}
	fleet, err := w.Subscribers(ctx, 10)
	if err != nil {
		return err
	}
	defer fleet.Close()
	load := w.Load(ctx, world.Load{Inbound: 50, Sends: 40})
	defer load.Stop()
	w.Pause(ctx, t.For(16*time.Second, 40*time.Second)) // past the jump
	load.Stop()
	if err := w.Settle(ctx, fleet, world.SettleSoon); err != nil {
		return err
	}
	a, err := t.Audit(ctx, w, fleet, allow{})
	if err != nil {
		return err
	}
	t.enough(a, 100, 100)
	return t.expiresInTime(ctx, w, n, offset)
}

// clockSlack is how late an expiry may be: little beside minutes, and enough for a busy
// machine.
const clockSlack = 5 * time.Second

// expiresInTime sends through one server what is valid for 2 s, to a provider that
// is down.
func (t *Trial) expiresInTime(ctx context.Context, w *world.World, n *world.Node, offset string) error {
	w.Provider.SetPlan(func(world.Call) world.Answer {
		return world.Answer{Refuse: true, Status: 503, Body: world.Graph(131016, "(#131016) Service unavailable")}
	})
	const some = 10
	began := time.Now()
	for i := range some {
		err := n.API().Call("POST", "/api/v1/messages", map[string]any{"channelId": w.Lines[0].ChannelID, "to": "+" + rig.Customer(i), "reference": "clock",
			"validForSeconds": 2, "content": map[string]string{"type": "text", "text": fmt.Sprint("soon over ", i)}}, nil)
		if err != nil {
			return err
		}
	}
	sent := time.Since(began)
	err := w.Await(ctx, 20*time.Second, some, `SELECT count(*) FROM messages WHERE reference = 'clock' AND status = 'expired'`)
	took := time.Since(began)
	t.Expect(err == nil && took >= 2*time.Second+expiryEarly && took < sent+2*time.Second+clockSlack,
		"clock %s: messages that are valid for 2 s expired after %s: %v", offset, took.Round(time.Millisecond), err)
	return nil
}
