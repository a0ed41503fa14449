package world

import (
	"testing"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// fakeWorld is a world without servers: ledgers and a database that a test fills.
func fakeWorld(t *testing.T, d *db.DB) *World {
	t.Helper()
	w := &World{Options: Options{Mode: Postgres}, DB: d, Ledger: newLedger(), Provider: &Provider{counts: map[string]int{}}}
	if d.Dialect == db.SQLite {
		w.Mode = SQLite
	}
	return w
}

func (w *World) store(t *testing.T, id, direction, status string, open, duplicate bool) {
	t.Helper()
	const message = `INSERT INTO messages (id, tenant_id, channel_id, conversation_id, contact_id, direction, type, status, content, provider_message_id, possible_duplicate, created_at, updated_at)
		VALUES ($1, 'ten', 'ch', 'cnv', 'con', $2, 'text', $3, '{}', $1, $4, 0, 0)`
	if _, err := w.DB.Exec(t.Context(), message, id, direction, status, duplicate); err != nil {
		t.Fatal(err)
	}
	if !open {
		return
	}
	const send = `INSERT INTO sends (message_id, tenant_id, channel_id, contact_id, state, priority, due_at, valid_until) VALUES ($1, 'ten', 'ch', 'con', 'queued', 0, 0, 0)`
	if _, err := w.DB.Exec(t.Context(), send, id); err != nil {
		t.Fatal(err)
	}
}

func (w *World) report(t *testing.T, id, status string) {
	t.Helper()
	const row = `INSERT INTO message_statuses (message_id, tenant_id, provider, at, status, applied, received_at) VALUES ($1, 'ten', $2, 0, $2, $3, 0)`
	if _, err := w.DB.Exec(t.Context(), row, id, status, true); err != nil {
		t.Fatal(err)
	}
}

func (w *World) took(id string, times int) {
	for range times {
		w.Provider.taken, w.Provider.refs = append(w.Provider.taken, rig.Accepted{}), append(w.Provider.refs, id)
		w.Provider.counts[id]++
	}
}

func (w *World) acked(id string, n int) {
	w.Ledger.newKey("lane")
	w.Ledger.ackSend(id, Sent{ChannelID: "ch", To: "+1", N: n, At: time.Now()})
}

// Ensure that the audit finds what it is for: each kind of loss, repetition and
// disorder, planted by hand.
func TestAuditFinds(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := fakeWorld(t, d)
		w.Ledger.ackHook(&rig.Webhook{IDs: []string{"in-1", "in-gone"}}, time.Now())
		w.Ledger.ackHook(&rig.Webhook{MessageID: "first", Status: "delivered"}, time.Now())
		w.Ledger.ackHook(&rig.Webhook{MessageID: "first", Status: "read"}, time.Now())
		w.report(t, "first", "delivered")
		w.Ledger.giveUp()
		w.store(t, "in-1", "inbound", "received", false, false) // and no event tells of it

		w.acked("first", 0)
		w.acked("second", 1)
		w.acked("never-stored", 2)
		w.acked("never-sent", 3)
		w.acked("waiting", 4)
		w.acked("twice", 5)
		w.acked("twice-marked", 6)
		w.acked("failed", 7)
		for _, id := range []string{"first", "second", "never-sent", "twice"} {
			w.store(t, id, "outbound", "sent", false, false)
		}
		w.store(t, "waiting", "outbound", "queued", true, false)
		w.store(t, "twice-marked", "outbound", "sent", false, true)
		w.store(t, "failed", "outbound", "failed", false, false)
		w.took("second", 1)
		w.took("first", 1)
		w.took("twice", 2)
		w.took("twice-marked", 2)
		w.Ledger.reject("key", "422")

		a, err := w.Audit(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []struct {
			name      string
			got, want int
		}{
			{"acked inbound", a.AckedInbound, 2}, {"lost inbound", a.LostInbound, 1}, {"lost events", a.LostEvents, 1},
			{"acked sends", a.AckedSends, 8}, {"lost sends", a.LostSends, 2}, {"taken", a.Taken, 4},
			{"duplicated", a.DuplicatedSends, 2}, {"marked", a.Marked, 1}, {"reordered", a.Reordered, 1},
			{"open", a.Open, 1}, {"unsent", a.Unsent, 1}, {"rejected", len(a.Rejected), 1},
			{"lost reports", a.LostReports, 1}, {"given up", a.GivenUp, 1},
		} {
			if f.got != f.want {
				t.Errorf("%s: %d; want %d", f.name, f.got, f.want)
			}
		}
	})
}

// Only a try that began after a fault shows that it is over, by the time of its
// answer; and a fault after which there was none is a finding.
func TestRecovery(t *testing.T) {
	start := time.Now()
	w := &World{Ledger: newLedger(), faults: []Fault{{"one", start}, {"two", start.Add(time.Minute)}, {"after all", start.Add(time.Hour)}}}
	at := func(began, ended time.Duration) ack { return ack{start.Add(began), start.Add(ended)} }
	w.Ledger.acks = []ack{at(-time.Second, time.Second), at(time.Second, 9*time.Second), at(2*time.Second, 4*time.Second), at(time.Minute+time.Second, time.Minute+5*time.Second)}
	if got, never := w.Recovery(); got != 5*time.Second || len(never) != 1 || never[0] != "after all" {
		t.Errorf("recovered in %s, never after %q; want 5 s and the last", got, never)
	}
}
