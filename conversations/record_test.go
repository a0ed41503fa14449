package conversations

import (
	"log/slog"
	"testing"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// The provider answers with an id that another message has: the message is sent, its
// reports cannot be told from the other's, and what is behind it goes on.
func TestProviderRepeatsAnID(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.opts.Log = slog.New(slog.DiscardHandler)
		b.open(ada)
		first, second, third := b.queued(b.draft(ada, "1")), b.queued(b.draft(ada, "2")), b.queued(b.draft(ada, "3"))
		for range 2 {
			b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.same"}})
		}
		if m := b.message(first.ID); m.Status != Sent || m.ProviderID != "wamid.same" || m.TrackingLost {
			t.Errorf("first: %s, id %q, lost %v", m.Status, m.ProviderID, m.TrackingLost)
		}
		if m := b.message(second.ID); m.Status != Sent || m.ProviderID != "" || !m.TrackingLost {
			t.Errorf("second: %s, id %q, lost %v", m.Status, m.ProviderID, m.TrackingLost)
		}
		if told := b.told(second.ID); len(told) != 1 || told[0] != "sent" {
			t.Errorf("announced %v; want sent", told)
		}
		if c := b.claim(1); len(c) != 1 || c[0].MessageID != third.ID {
			t.Errorf("claimed %+v; want what is behind it", c)
		}
	})
}

// An outcome that cannot be stored at all is an unknown one, and costs its neighbours
// nothing.
func TestOutcomeThatCannotBeStored(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	b.opts.Log = slog.New(slog.DiscardHandler)
	b.open(ada)
	b.open("+16505550000")
	bad, good := b.queued(b.draft(ada, "1")), b.queued(b.draft("+16505550000", "2"))
	b.exec(`CREATE TRIGGER refuse BEFORE UPDATE ON attempts WHEN new.code = 'refused' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	items := make([]*recordItem, 2)
	for i, c := range b.claim(2) {
		code := "131026"
		if c.MessageID == bad.ID {
			code = "refused"
		}
		items[i] = &recordItem{Outcome: &Outcome{Claim: c, Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRecipient, Code: code}}}
	}
	b.runRecord(items)
	for _, it := range items {
		if it.err != nil {
			t.Error(it.err)
		}
	}
	if s := b.status(good.ID); s != Failed {
		t.Errorf("the neighbour is %s; want failed", s)
	}
	if m := b.message(bad.ID); m.Status != Uncertain || m.Error == nil || m.Error.Code != "not_recorded" {
		t.Errorf("%s, %+v; want uncertain", m.Status, m.Error)
	}
}
