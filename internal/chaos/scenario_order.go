package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// order is R18: two servers on one database send to 100 conversations (400 in the
// long profile), 10 messages to each, while the provider refuses every seventh call
// for the time being (one message three times at most) and is slow by chance. In no
// conversation does a message reach the provider before one that was asked for earlier:
// 0 inversions in its ledger.
var order = Scenario{
	Name: "order", Rules: "R18", Modes: []string{world.Postgres},
	Promise: "Messages of a conversation reach the provider in the order of the requests, through retries and on two servers.",
	Run:     runOrder,
}

// mostRefusals bounds how often one message is refused: the waits between tries grow,
// and the fifth is of minutes.
const mostRefusals = 3

func runOrder(ctx context.Context, t *Trial) error {
	var w *world.World
	var mu sync.Mutex
	refused := map[string]int{} // how often, by message
	again := func(id string) bool {
		mu.Lock()
		defer mu.Unlock()
		refused[id]++
		return refused[id] <= mostRefusals
	}
	w, err := t.World(ctx, world.Options{Nodes: 2, Customers: t.Pick(100, 400), Plan: func(c world.Call) world.Answer {
		// Refusals take their time, too: of many calls at once they would be the first
		// five to end, which opens the breaker.
		a := world.Answer{Latency: w.Duration(0, 100*time.Millisecond)}
		if c.N%7 == 0 && again(c.MessageID) {
			a.Refuse, a.Status, a.Body = true, 500, world.Graph(131016, "(#131016) Service unavailable")
		}
		return a
	}})
	if err != nil {
		return err
	}
	const each, apps = 10, 16
	var clients sync.WaitGroup
	for a := range apps {
		clients.Go(func() {
			for n := range each {
				for c := a; c < w.Customers; c += apps {
					w.Send(ctx, fmt.Sprintf("order-%d-%d", c, n), world.Sent{ChannelID: w.Lines[0].ChannelID, To: "+" + rig.Customer(c)}, nil)
				}
			}
		})
	}
	clients.Wait()
	if err := w.Settle(ctx, nil, world.SettleLate); err != nil {
		return err
	}
	a, err := t.Audit(ctx, w, nil, allow{})
	if err != nil {
		return err
	}
	t.enough(a, 0, each*w.Customers)
	t.Expect(a.Taken == each*w.Customers, "%d of %d messages reached the provider", a.Taken, each*w.Customers)
	t.Count("refusedCalls", float64(w.Provider.Calls()-w.Provider.Total()))
	return nil
}
