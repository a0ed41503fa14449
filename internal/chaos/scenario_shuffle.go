package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// shuffle is R13: the reports on each message are posted one to five times each, in
// any order, over three connections. Each message ends where its furthest report
// says, whatever came last, and makes an event per step forward, none twice.
var shuffle = Scenario{
	Name: "shuffle", Rules: "R13",
	Promise: "Statuses that are repeated and out of order end where they would in order, with one event per step.",
	Run:     runShuffle,
}

// stories are the reports that a message may get, and where it ends.
var stories = []struct {
	reports []string
	end     string
}{
	{[]string{"sent", "delivered", "read"}, "read"}, {[]string{"sent", "delivered"}, "delivered"}, {[]string{"delivered", "read"}, "read"},
	{[]string{"read"}, "read"}, {[]string{"sent", "failed"}, "failed"}, {[]string{"sent", "failed", "delivered"}, "delivered"},
	{[]string{"sent", "failed", "delivered", "read"}, "read"},
}

// rank orders the states of a message that was sent.
var rank = map[string]int{"queued": 10, "sending": 20, "uncertain": 25, "sent": 30, "delivered": 40, "read": 50}

func runShuffle(ctx context.Context, t *Trial) error {
	w, err := t.World(ctx, world.Options{Reports: world.NoReports})
	if err != nil {
		return err
	}
	line, n := w.Lines[0], t.Pick(140, 2000)
	for i := range n {
		w.Send(ctx, fmt.Sprint("shuffle-", i), world.Sent{ChannelID: line.ChannelID, To: "+" + rig.Customer(i%w.Customers)}, nil)
	}
	if err := w.Await(ctx, 60*time.Second, n, `SELECT count(*) FROM messages WHERE direction = 'outbound' AND status = 'sent'`); err != nil {
		return err
	}
	taken, ids := w.Provider.Taken()
	var hooks []*rig.Webhook
	want := map[string]string{}
	for i, a := range taken {
		story := stories[w.N(len(stories))]
		want[ids[i]] = story.end
		for k, status := range story.reports {
			hook := line.Status(a, status, time.Now().Add(time.Duration(k)*time.Second))
			for range 1 + w.N(5) {
				hooks = append(hooks, hook)
			}
		}
	}
	post(ctx, w, line, shuffled(w, hooks))
	if err := w.Settle(ctx, nil, world.SettleSoon); err != nil {
		return err
	}
	if err := t.ended(ctx, w, want); err != nil {
		return err
	}
	_, err = t.Audit(ctx, w, nil, allow{unsent: true})
	return err
}

func shuffled(w *world.World, hooks []*rig.Webhook) []*rig.Webhook {
	for i := len(hooks) - 1; i > 0; i-- {
		j := w.N(i + 1)
		hooks[i], hooks[j] = hooks[j], hooks[i]
	}
	return hooks
}

// post delivers webhooks over three connections.
func post(ctx context.Context, w *world.World, line *rig.Line, hooks []*rig.Webhook) {
	var conns sync.WaitGroup
	for c := range 3 {
		conns.Go(func() {
			for i := c; i < len(hooks); i += 3 {
				w.Deliver(ctx, line, hooks[i])
			}
		})
	}
	conns.Wait()
}

// ended compares where messages ended, and the events on the way.
func (t *Trial) ended(ctx context.Context, w *world.World, want map[string]string) error {
	var got []struct {
		ID     string `db:"id"`
		Status string `db:"status"`
	}
	if err := w.DB.SelectContext(ctx, &got, `SELECT id, status FROM messages WHERE direction = 'outbound'`); err != nil {
		return err
	}
	wrong := 0
	for _, m := range got {
		if m.Status != want[m.ID] {
			wrong++
		}
	}
	t.Expect(wrong == 0 && len(got) == len(want), "%d of %d messages are in another state than their reports say", wrong, len(want))
	steps, err := statusEvents(w)
	if err != nil {
		return err
	}
	twice, back, untold := 0, 0, 0
	for id, end := range want {
		if list := steps[id]; len(list) == 0 || list[len(list)-1] != end {
			untold++
		}
	}
	for _, list := range steps {
		seen := map[string]bool{}
		for i, s := range list {
			if seen[s] {
				twice++
			}
			seen[s] = true
			if i > 0 && s != "failed" && list[i-1] != "failed" && rank[s] < rank[list[i-1]] {
				back++
			}
		}
	}
	t.Result.Duplicated += twice
	t.Result.Reordered += back
	t.Expect(untold == 0, "of %d messages the last step that was announced is not where they ended", untold)
	t.Expect(twice == 0, "%d steps were announced twice", twice)
	t.Expect(back == 0, "%d steps were announced backwards", back)
	return nil
}

// statusEvents reads the whole log: the statuses of each message, in their order.
func statusEvents(w *world.World) (map[string][]string, error) {
	steps, after := map[string][]string{}, ""
	for {
		var page struct {
			Data []struct {
				Data struct{ MessageID, Status string }
			}
			Page struct {
				Next    string
				HasMore bool
			}
		}
		var raw json.RawMessage
		if err := w.Nodes[0].API().Call("GET", "/api/v1/events?types=message.status&limit=100"+after, nil, &raw); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Data {
			steps[e.Data.MessageID] = append(steps[e.Data.MessageID], e.Data.Status)
		}
		if !page.Page.HasMore {
			return steps, nil
		}
		after = "&after=" + page.Page.Next
	}
}
