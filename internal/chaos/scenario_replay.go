package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// replay is the inbound part of R36: one signed body is posted 1,000 times, 8 at a
// time. Each is answered 200, because a provider that repeats must not be told off,
// and all but the first have no effect: no message, no event.
var replay = Scenario{
	Name: "replay", Rules: "R36",
	Promise: "A signed webhook that is posted 1,000 times has one effect.",
	Run:     runReplay,
}

const (
	replayTimes = 1000
	replayers   = 8 // of which each has its share
)

func runReplay(ctx context.Context, t *Trial) error {
	w, err := t.World(ctx, world.Options{Customers: 2, Reports: world.NoReports})
	if err != nil {
		return err
	}
	line := w.Lines[0]
	sent := w.Send(ctx, "replay", world.Sent{ChannelID: line.ChannelID, To: "+" + rig.Customer(1)}, nil)
	if err := w.Await(ctx, 20*time.Second, 1, `SELECT count(*) FROM messages WHERE id = $1 AND status = 'sent'`, sent); err != nil {
		return err
	}
	taken, _ := w.Provider.Taken()
	message := line.Messages(rig.Inbound{ID: "wamid.REPLAY", From: rig.Customer(0), Text: "once", At: time.Now()})
	for _, hook := range []*rig.Webhook{message, line.Status(taken[0], "delivered", time.Now())} {
		w.Deliver(ctx, line, hook)
		before, err := w.Head(ctx)
		if err != nil {
			return err
		}
		var wrong atomic.Int64
		var posts sync.WaitGroup
		for range replayers {
			posts.Go(func() {
				for range replayTimes / replayers {
					if ok, err := line.Post(w.Nodes[0].Hook(), hook); err != nil || !ok {
						wrong.Add(1)
					}
				}
			})
		}
		posts.Wait()
		after, err := w.Head(ctx)
		if err != nil {
			return err
		}
		t.Expect(wrong.Load() == 0, "%d repeats were not answered 200", wrong.Load())
		t.Expect(after == before, "the repeats made %d events", after-before)
		t.Result.Duplicated += int(after - before)
		t.Result.Acked += replayTimes
	}
	var stored int
	if err := w.DB.GetContext(ctx, &stored, `SELECT count(*) FROM messages WHERE provider_message_id = 'wamid.REPLAY'`); err != nil {
		return err
	}
	t.Expect(stored == 1, "the message is stored %d times", stored)
	t.Result.DB, t.Result.Provider = stored, w.Provider.Total()
	return nil
}
