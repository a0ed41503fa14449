package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
	"github.com/linktor/linktor/internal/db"
)

// providerFaults is R16 and R17: every channel but one has a provider that fails in a
// way of its own, all at the same time. Nothing is lost; each attempt says what is
// known of it; no call falls into a pause that was asked for, and where none was, the
// waits grow; the healthy channel
// keeps 90 % of its throughput, though one of the others has more messages than there
// are workers and never answers; and memory grows by 50 MiB at most.
var providerFaults = Scenario{
	Name: "provider-faults", Rules: "R16, R17", Alone: true, Modes: []string{world.Postgres},
	Promise: "Whatever a provider answers, or does not, nothing is lost, each attempt says what is known, and other channels go on.",
	Run:     runProviderFaults,
}

const (
	controlRate   = 30                      // messages per second of the healthy channel
	faultsMemory  = 50 << 20                // growth, in bytes
	faultsLast    = 40 * time.Second        // a call that is not answered is given up after 30 s
	crowd         = 150                     // messages for the provider that never answers: more than there are workers
	askedFor      = 3                       // seconds that one provider asks for
	faultsValid   = 70                      // seconds of the messages: what cannot be sent expires soon after the end
	inFlightSlack = 1500 * time.Millisecond // in which calls arrive that were under way when the pause was asked for
)

// trouble is a channel and its record.
type trouble struct {
	line  *rig.Line
	mu    sync.Mutex
	calls []world.Call
}

func runProviderFaults(ctx context.Context, t *Trial) error {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS() // nobody trusts its certificate
	defer secure.Close()
	nowhere, err := rig.FreeAddr()
	if err != nil {
		return err
	}
	list := faults()
	w, err := t.World(ctx, world.Options{Lines: 1 + len(list), Customers: crowd, Policy: "resend"})
	if err != nil {
		return err
	}
	troubles := map[string]*trouble{}
	for i := range list {
		troubles[w.Lines[i+1].NumberID] = &trouble{line: w.Lines[i+1]}
	}
	for i, url := range []string{"http://" + nowhere, secure.URL} {
		err := w.Nodes[0].API().Call("PATCH", "/api/v1/channels/"+w.Lines[len(list)-1+i].ChannelID, map[string]any{"settings": map[string]string{"graphBaseUrl": url}}, nil)
		if err != nil {
			return err
		}
	}
	w.Provider.SetPlan(planOf(w, list, troubles))
	if err := t.neighbours(ctx, w, list); err != nil {
		return err
	}
	until := time.Now()
	w.Provider.SetPlan(func(world.Call) world.Answer { return world.Answer{} })
	if err := w.Settle(ctx, nil, world.SettleLate); err != nil {
		return err
	}
	for i, f := range list {
		if err := t.classified(ctx, w, w.Lines[i+1], f, until); err != nil {
			return err
		}
	}
	t.paused(troubles[w.Lines[1].NumberID])
	for i, f := range list {
		if i > 0 && (f.class == "throttled" || f.class == "transient") {
			t.backsOff(f, troubles[w.Lines[i+1].NumberID])
		}
	}
	_, err = t.Audit(ctx, w, nil, allow{marked: true, unsent: true})
	return err
}

// neighbours sends to every fault and watches the channel that has none.
func (t *Trial) neighbours(ctx context.Context, w *world.World, list []fault) error {
	before := t.healthy(ctx, w, "before", 6*time.Second)
	calm, err := w.Nodes[0].Server().Memory()
	if err != nil {
		return err
	}
	watched := w.Nodes[0].Server().Watch()
	for i, f := range list {
		for n := range f.messages() {
			w.Send(ctx, fmt.Sprintf("%s-%d", f.name, n), world.Sent{ChannelID: w.Lines[i+1].ChannelID, To: "+" + rig.Customer(n)}, map[string]any{"validForSeconds": faultsValid})
		}
	}
	during := t.healthy(ctx, w, "during", faultsLast)
	grown := watched().Peak - calm
	t.Expect(grown <= faultsMemory, "memory grew by %d MiB", grown>>20)
	t.Expect(during >= 0.9*before, "the healthy channel sent %.1f messages a second, before %.1f", during, before)
	t.Count("healthyPerSecond", during)
	t.Count("healthyBefore", before)
	t.Count("memoryMiB", float64(grown>>20))
	return nil
}

func planOf(w *world.World, list []fault, troubles map[string]*trouble) world.Plan {
	return func(c world.Call) world.Answer {
		r := troubles[c.NumberID]
		if r == nil {
			return world.Answer{Latency: 20 * time.Millisecond}
		}
		r.mu.Lock()
		r.calls = append(r.calls, c)
		r.mu.Unlock()
		return list[slices.Index(w.Lines, r.line)-1].answer()
	}
}

// healthy sends through the channel without trouble for d, and returns how many
// messages a second its provider took.
func (t *Trial) healthy(ctx context.Context, w *world.World, tag string, d time.Duration) float64 {
	taken := func() (n int) {
		list, _ := w.Provider.Taken()
		for _, a := range list {
			if a.NumberID == w.Lines[0].NumberID {
				n++
			}
		}
		return n
	}
	began, first := time.Now(), taken()
	_ = rig.Pace(ctx, controlRate, int(d.Seconds()*controlRate), 32, func(i int, _ time.Time) error { // what is missing shows in the count
		w.Send(ctx, fmt.Sprintf("healthy-%s-%d", tag, i), world.Sent{ChannelID: w.Lines[0].ChannelID, To: "+" + rig.Customer(i%w.Customers)}, nil)
		return nil
	})
	return float64(taken()-first) / time.Since(began).Seconds()
}

// classified checks what the attempts that met a fault say, in the database and, of
// one message, in the API.
func (t *Trial) classified(ctx context.Context, w *world.World, line *rig.Line, f fault, until time.Time) error {
	var got []struct {
		ID      string `db:"message_id"`
		Outcome string `db:"outcome"`
	}
	err := w.DB.SelectContext(ctx, &got, `SELECT a.message_id, a.outcome FROM attempts a JOIN messages m ON m.id = a.message_id
		WHERE m.channel_id = $1 AND a.outcome <> 'open' AND a.finished_at < $2`, line.ChannelID, db.Micros(until))
	if err != nil {
		return err
	}
	wrong := map[string]int{}
	for _, a := range got {
		if a.Outcome != f.class {
			wrong[a.Outcome]++
		}
	}
	t.Expect(len(got) > 0 && len(wrong) == 0, "%s: %d attempts, of which %v are not %s", f.name, len(got), wrong, f.class)
	if len(got) == 0 {
		return nil
	}
	status, body, err := w.Nodes[0].API().Do("GET", "/api/v1/messages/"+got[0].ID, nil)
	t.Expect(err == nil && status == 200 && strings.Contains(string(body), `"`+f.class+`"`), "%s: the message does not say %s: %d %.200s", f.name, f.class, status, body)
	return nil
}

// paused checks that nobody called within any pause that the provider asked for.
func (t *Trial) paused(r *trouble) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Expect(len(r.calls) > 1, "only %d calls met a provider that asks for a pause: it shows nothing", len(r.calls))
	wrong := 0
	for _, asked := range r.calls {
		for _, c := range r.calls {
			if since := c.At.Sub(asked.At); since > inFlightSlack && since < askedFor*time.Second {
				wrong++
			}
		}
	}
	t.Expect(wrong == 0, "%d calls came into a pause of %d s", wrong, askedFor)
}

// backsOff checks that the waits between the calls for one message grow as
// docs/explanation/delivery.md has it: 1 s, 4 s, 15 s or 16 s, a fifth less at the least.
func (t *Trial) backsOff(f fault, r *trouble) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const slack = 50 * time.Millisecond // between the clocks of a call's arrival and of its record
	last, tries, again := map[string]time.Time{}, map[string]int{}, 0
	for _, c := range r.calls {
		if tries[c.MessageID] > 0 {
			again++
			least := []time.Duration{time.Second, 4 * time.Second, 15 * time.Second}[min(tries[c.MessageID]-1, 2)] * 4 / 5
			since := c.At.Sub(last[c.MessageID])
			t.Expect(since >= least-slack, "%s: a message was tried again after %s, for the %d. time", f.name, since.Round(time.Millisecond), tries[c.MessageID])
		}
		last[c.MessageID] = c.At
		tries[c.MessageID]++
	}
	t.Expect(again > 0, "%s: nothing was tried again: it shows nothing", f.name)
}
