package conversations

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func change(typ string, at time.Time, raw string, c channels.Change) channels.Event {
	c.Type, c.Field, c.At = typ, typ, at
	return channels.Event{Kind: channels.EventChange, Change: &c, Raw: []byte(raw)}
}

func (b *bench) entry(journalID string) JournalEntry {
	b.t.Helper()
	e, err := b.GetJournal(b.t.Context(), "ten_1", journalID)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// A change has no id of its own, and still is applied once: on replay, in another
// body, and after its body has left the journal.
func TestChangesAreAppliedOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.exec(`INSERT INTO templates (id, tenant_id, channel_id, name, language, status, created_at, updated_at, synced_at)
			VALUES ('tmpl_1', 'ten_1', 'ch_1', 'order', 'pt_BR', 'APPROVED', 0, 0, 0)`)
		at := b.clock().Add(-time.Hour)
		news := func(status string, at time.Time) channels.Event {
			return change("template.status", at, `{"event":"`+status+`"}`, channels.Change{Template: &channels.TemplateChange{Name: "order", Language: "pt-BR", Status: status}})
		}
		b.ingest(b.webhook(1, news("PAUSED", at)))
		b.ingest(b.webhook(2, news("APPROVED", at.Add(time.Minute))))
		b.exec(`DELETE FROM journal`)
		old := b.webhook(1, news("PAUSED", at))
		for _, replay := range []bool{false, true, true} {
			old.Replay = replay
			if a := b.ingest(old); a.Logged != 0 {
				t.Errorf("replay %v led to %d events", replay, a.Logged)
			}
		}
		b.ingest(b.webhook(3, news("REJECTED", at.Add(-time.Minute)))) // late: news to the log, not to the template
		var status string
		if err := d.Get(&status, `SELECT status FROM templates`); err != nil || status != "APPROVED" {
			t.Errorf("the template is %s, %v; want APPROVED", status, err)
		}
		if n := len(b.log("template.status")); n != 3 {
			t.Errorf("%d events; want 3", n)
		}
		b.ingest(b.webhook(4, change("channel.alert", time.Time{}, `{}`, channels.Change{}), change("channel.alert", time.Time{}, `{}`, channels.Change{})))
		b.ingest(b.webhook(5, change("channel.alert", time.Time{}, `{}`, channels.Change{})))
		if n := len(b.log("channel.alert")); n != 2 {
			t.Errorf("%d alerts without a time; want one for each body", n)
		}
		if n, err := b.PruneChanges(t.Context(), b.clock().Add(time.Hour), 100); err != nil || n != 5 {
			t.Errorf("forgot %d, %v; want 5", n, err)
		}
	})
}

func TestJournalTellsWhatABodyLedTo(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		w := b.webhook(1, text("wamid.1", "+5511999999999", "hi", b.clock()))
		w.ReceivedAt = b.clock().Add(-3 * time.Millisecond)
		a := b.ingest(w)
		e := b.entry(a.JournalID)
		if e.Logged != 2 || e.FirstSeq != 1 || e.LastSeq != 2 || e.Took != 3*time.Millisecond || e.State != JournalApplied || a.Logged != 2 {
			t.Errorf("entry %+v, applied %+v", e, a)
		}
		b.ingest(w) // a repeat is counted, and takes no time
		if e := b.entry(a.JournalID); e.Deliveries != 2 || e.Logged != 2 || e.Took != 3*time.Millisecond {
			t.Errorf("after a repeat: %+v", e)
		}
		parked := b.ingest(b.webhook(2, status("wamid.out", channels.StatusDelivered, b.clock())))
		m := b.queued(b.draft("+5511999999999", "hello"))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.out"}})
		if got := b.status(m.ID); got != Delivered {
			t.Fatalf("status %s; want delivered", got)
		}
		if e := b.entry(parked.JournalID); e.Logged != 1 || e.FirstSeq == 0 {
			t.Errorf("the body of a parked status: %+v", e)
		}
		if n, err := b.PruneJournal(t.Context(), time.Now().Add(time.Hour), 100); err != nil || n != 2 || b.count(`SELECT count(*) FROM journal_results`) != 0 {
			t.Errorf("pruned %d, %v", n, err)
		}
	})
}

func TestJournalKeepsTheBeginningOfLargeBodies(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.opts.MaxKept = 10
		w := b.webhook(1, text("wamid.1", "+5511999999999", "hi", b.clock()))
		w.Body = []byte(strings.Repeat("large ", 10))
		if e := b.entry(b.ingest(w).JournalID); !e.Truncated || string(e.Body) != "large larg" || e.Size != 60 {
			t.Errorf("applied: %+v", e)
		}
		bad := w
		bad.Body, bad.Events, bad.ParseErr = []byte(strings.Repeat("wrong ", 10)), nil, "not the provider's"
		if e := b.entry(b.ingest(bad).JournalID); e.Truncated || len(e.Body) != 60 || e.State != JournalFailed {
			t.Errorf("failed: %+v", e)
		}
	})
}

// A body of which one item could not be stored keeps saying so when it comes
// again or is replayed, until it can.
func TestVerdictFollowsTheLastTry(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		w := b.webhook(1)
		w.ParseErr = "a kind of body that is not known yet"
		a := b.ingest(w)
		w.ParseErr, w.Events = "", []channels.Event{text("wamid.1", "+5511999999999", "hi", b.clock()), {Kind: channels.EventInvalid, Reason: "odd"}}
		again := b.ingest(w)
		if e := b.entry(a.JournalID); again.Duplicate || e.State != JournalPartial || e.Events != 2 || len(e.Problems) != 1 || e.Logged != 2 {
			t.Errorf("after a repeat that could be read: %+v, %+v", again, e)
		}
		w.Events, w.Replay = w.Events[:1], true
		if a := b.ingest(w); a.Logged != 0 {
			t.Errorf("replayed: %+v", a)
		}
		if e := b.entry(a.JournalID); e.State != JournalApplied || len(e.Problems) != 0 || e.Deliveries != 2 {
			t.Errorf("after a replay: %+v", e)
		}
	})
}

// Rows of earlier versions stay readable.
func TestOldJournalRowsOpen(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	body := []byte("a body")
	sum := sha256.Sum256(body)
	b.opts.Unseal = func(kept []byte, aad string) ([]byte, error) {
		if aad != string(kept) {
			return nil, errors.New("does not open")
		}
		return body, nil
	}
	e := &JournalEntry{TenantID: "ten_1", ChannelID: "ch_1", SHA256: hex.EncodeToString(sum[:])}
	for _, kept := range []string{"ten_1|journal|body|ch_1|" + e.SHA256, "journal|ch_1|" + e.SHA256, string(body)} {
		if got, err := b.openBody(e, []byte(kept)); err != nil || string(got) != string(body) {
			t.Errorf("%.20s: %q, %v", kept, got, err)
		}
	}
	if _, err := b.openBody(e, []byte("another body")); err == nil {
		t.Error("a body that is not this row's opened")
	}
}

// What was said to the provider is kept sealed, for a time.
func TestExchangeIsKept(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.opts.Seal = func(plain []byte, aad string) ([]byte, error) { return append([]byte(aad+":"), plain...), nil }
		b.open("+5511999999999")
		m := b.queued(b.draft("+5511999999999", "hello"))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.out", Exchange: &channels.Exchange{Method: "POST", Status: 200}}})
		var kept []byte
		if err := d.Get(&kept, `SELECT exchange FROM attempts`); err != nil || string(kept) != "ten_1|attempts|exchange|"+m.ID+`|1:{"method":"POST","url":"","status":200,"tookMs":0}` {
			t.Errorf("kept %q, %v", kept, err)
		}
		b.queued(b.draft("+5511999999999", "again"))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRejected}})
		if n := b.count(`SELECT count(*) FROM attempts WHERE exchange IS NULL`); n != 1 {
			t.Errorf("%d attempts without a call; want 1", n)
		}
		if n, err := b.PruneExchanges(t.Context(), b.clock().Add(time.Second), 10); err != nil || n != 1 {
			t.Errorf("forgot %d, %v", n, err)
		}
	})
}

func TestToldAt(t *testing.T) {
	for body, want := range map[string]string{
		`{"entry":[{"messages":[{"id":"a","timestamp":"1735689600"},{"timestamp":"1735689700"}]}]}`: "1735689600",
		`{"timestamp" : 1735689600123}`:                             "1735689600123",
		`{"timestamp":"2026-03-30T12:59:41+02:00","refId":"x"}`:     "2026-03-30T12:59:41+02:00",
		`{"timestamp":"yesterday"}`:                                 "",
		`{"timestamp":"17356896001735689600173568960017356896001"}`: "",
		`{"timestamp":`:      "",
		`{"text":"no time"}`: "",
		``:                   "",
	} {
		if got := toldAt([]byte(body)); got != want {
			t.Errorf("toldAt(%s) = %q, want %q", body, got, want)
		}
	}
}
