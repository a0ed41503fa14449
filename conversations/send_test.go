package conversations

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

const ada = "+16505551234"

func TestSendAndTicks(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "answer"))
		claims := b.claim(10)
		if len(claims) != 1 || claims[0].MessageID != m.ID || claims[0].Out.To.Phone != ada || claims[0].Out.Content.Text != "answer" || claims[0].Attempt != 1 {
			t.Fatalf("claims %+v", claims)
		}
		if s := b.status(m.ID); s != Sending {
			t.Errorf("status %s; want sending", s)
		}
		b.outcome(Outcome{Claim: claims[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.out"}})
		for _, st := range []channels.Status{channels.StatusRead, channels.StatusDelivered, channels.StatusSent, channels.StatusRead} {
			b.ingest(b.webhook(st, status("wamid.out", st, b.clock())))
		}
		if s := b.status(m.ID); s != Read {
			t.Errorf("status %s; want read", s)
		}
		var told []string
		for _, e := range b.log("message.status") {
			told = append(told, decode(t, e.Data)["status"].(string))
		}
		if fmt.Sprint(told) != "[sent read]" {
			t.Errorf("announced %v; want sent, read", told)
		}
		tl, err := b.Timeline(t.Context(), "ten_1", m.ID)
		if err != nil || len(tl.Attempts) != 1 || tl.Attempts[0].Outcome != "sent" || len(tl.Statuses) != 3 {
			t.Errorf("timeline %+v, %v", tl, err)
		}
		if n := b.count(`SELECT count(*) FROM sends`); n != 0 {
			t.Errorf("%d sends left", n)
		}
	})
}

func TestWindowClosed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		draft := b.draft(ada, "hello?")
		draft.IdempotencyKey = "k"
		if _, _, err := b.Queue(t.Context(), draft); fault.CodeOf(err) != "window_closed" {
			t.Errorf("never wrote: got %v; want window_closed", err)
		}
		if n := b.count(`SELECT count(*) FROM contacts`); n != 0 {
			t.Errorf("a refused send made %d contacts", n)
		}
		b.open(ada)
		b.queued(draft) // the same key: a refusal is not remembered
		b.advance(25 * time.Hour)
		if _, _, err := b.Queue(t.Context(), b.draft(ada, "late")); fault.CodeOf(err) != "window_closed" {
			t.Errorf("25 h later: got %v; want window_closed", err)
		}
		tmpl := b.draft(ada, "")
		tmpl.Content = channels.Content{Type: channels.TypeTemplate, Template: &channels.TemplateUse{Name: "order"}}
		b.queued(tmpl)
	})
}

func TestIdempotency(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		draft := b.draft(ada, "once")
		draft.IdempotencyKey, draft.Fingerprint = "order-1", "f1"
		var wg sync.WaitGroup
		ids := make([]string, 20)
		for i := range ids {
			wg.Go(func() {
				m, _, err := b.Queue(t.Context(), draft)
				if err != nil {
					t.Error(err)
				}
				ids[i] = m.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("two messages for one key: %s, %s", id, ids[0])
			}
		}
		if m, replayed, err := b.Queue(t.Context(), draft); err != nil || !replayed || m.Content.Text != "once" {
			t.Errorf("replay: %v %v %v", m.Content, replayed, err)
		}
		draft.Fingerprint = "f2"
		if _, _, err := b.Queue(t.Context(), draft); fault.CodeOf(err) != "idempotency_mismatch" {
			t.Errorf("other body: got %v; want idempotency_mismatch", err)
		}
		refusal := fault.New(fault.Conflict, "channel_disabled", "no")
		accepted := func() (bool, error) {
			_, replayed, err := b.Accepted(t.Context(), "ten_1", "order-1", "f1", refusal)
			return replayed, err
		}
		if replayed, err := accepted(); err != nil || !replayed {
			t.Errorf("refused as if it were new: %v", err)
		}
		b.advance(idempotencyTTL + time.Second)
		if replayed, err := accepted(); !errors.Is(err, refusal) || replayed {
			t.Errorf("remembered past its time: %v", err)
		}
		if n := b.count(`SELECT count(*) FROM messages WHERE direction = 'outbound'`); n != 1 {
			t.Errorf("%d messages; want 1", n)
		}
	})
}

// One message of a lane is under way at a time, in the order they were accepted,
// whatever happens to the first; other lanes go on.
func TestLaneOrder(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		other := NewStore(d, b.opts)
		t.Cleanup(other.Stop)
		b.open(ada)
		b.open("+16505550000")
		first, second := b.queued(b.draft(ada, "1")), b.queued(b.draft(ada, "2"))
		elsewhere := b.queued(b.draft("+16505550000", "3"))
		claims := b.claim(10)
		if len(claims) != 2 || claims[0].MessageID != first.ID || claims[1].MessageID != elsewhere.ID {
			t.Fatalf("claimed %+v", claims)
		}
		if more, err := other.ClaimSends(t.Context(), 10, ClaimFilter{}); err != nil || len(more) != 0 {
			t.Fatalf("another node claimed %+v, %v", more, err)
		}
		b.outcome(Outcome{Claim: claims[0], Verdict: VerdictRetry, Wait: time.Hour, Reason: "retry", Spent: true, Err: &channels.SendError{Class: channels.ClassTransient, Code: "131016"}})
		if more := b.claim(10); len(more) != 0 {
			t.Fatalf("the second message overtook the first: %+v", more)
		}
		m, _ := b.GetMessage(t.Context(), "ten_1", first.ID)
		if m.Status != Queued || m.Waiting == nil || m.Waiting.Reason != "retry" {
			t.Errorf("first is %s, waiting %+v", m.Status, m.Waiting)
		}
		b.exec(`UPDATE sends SET due_at = 0`)
		again := b.claim(10)
		if len(again) != 1 || again[0].Attempt != 2 || again[0].Tries != 1 {
			t.Fatalf("claims %+v", again)
		}
		b.outcome(Outcome{Claim: again[0], Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRejected, Code: "131026", Title: "Undeliverable", Action: "Try another channel."}})
		m, _ = b.GetMessage(t.Context(), "ten_1", first.ID)
		if m.Status != Failed || m.Error == nil || m.Error.Code != "131026" || m.Error.Action == "" {
			t.Errorf("first is %s, %+v", m.Status, m.Error)
		}
		if last := b.claim(10); len(last) != 1 || last[0].MessageID != second.ID {
			t.Errorf("claims %+v; want the second message", last)
		}
	})
}

// A node dies during a call. The message becomes uncertain when its lease ends; a
// report that carries our id settles it, and nothing is sent again.
func TestUncertainSettledByReport(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		stale := b.claim(1)[0]
		b.exec(`UPDATE sends SET lease_until = 1`)
		if n, err := b.Sweep(t.Context()); err != nil || n.Interrupted != 1 {
			t.Fatalf("swept %+v, %v", n, err)
		}
		if s := b.status(m.ID); s != Uncertain {
			t.Fatalf("status %s; want uncertain", s)
		}
		e := status("wamid.out", channels.StatusDelivered, b.clock())
		e.Status.MessageID = m.ID
		b.ingest(b.webhook(1, e))
		got, _ := b.GetMessage(t.Context(), "ten_1", m.ID)
		if got.Status != Delivered || got.ProviderID != "wamid.out" {
			t.Errorf("%s %s", got.Status, got.ProviderID)
		}
		b.exec(`UPDATE sends SET lease_until = 1`)
		if n, err := b.Sweep(t.Context()); err != nil || n.Resent != 0 || len(b.claim(1)) != 0 {
			t.Errorf("sent again: %+v, %v", n, err)
		}
		b.outcome(Outcome{Claim: stale, Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRejected, Code: "1"}})
		if s := b.status(m.ID); s != Delivered {
			t.Errorf("a late result moved it back to %s", s)
		}
	})
}

func TestExpired(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		b.exec(`UPDATE sends SET valid_until = 1`)
		if c := b.claim(1); len(c) != 0 {
			t.Fatal("claimed after its validity")
		}
		if n, err := b.WakeDue(t.Context()); err != nil || n.Expired != 1 {
			t.Fatalf("swept %+v, %v", n, err)
		}
		if s := b.status(m.ID); s != Expired {
			t.Errorf("status %s; want expired", s)
		}
	})
}

// The provider reports before its answer to the send is recorded, and does not
// echo our id.
func TestParkedStatus(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		c := b.claim(1)
		b.ingest(b.webhook(1, status("wamid.out", channels.StatusDelivered, b.clock())))
		if n := b.count(`SELECT count(*) FROM parked_statuses`); n != 1 {
			t.Fatalf("%d parked; want 1", n)
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.out"}})
		if s := b.status(m.ID); s != Delivered {
			t.Errorf("status %s; want delivered", s)
		}
		if n := b.count(`SELECT count(*) FROM parked_statuses`); n != 0 {
			t.Errorf("%d still parked", n)
		}
	})
}

func TestReleaseGivesTheAttemptBack(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		b.queued(b.draft(ada, "x"))
		if err := b.ReleaseSends(t.Context(), b.claim(1), 0, "throughput"); err != nil {
			t.Fatal(err)
		}
		c := b.claim(1)
		if len(c) != 1 || c[0].Attempt != 1 || b.count(`SELECT count(*) FROM attempts`) != 1 {
			t.Errorf("claims %+v", c)
		}
	})
}

func TestOtherTenantSeesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		_, err1 := b.GetMessage(t.Context(), "ten_2", m.ID)
		_, err2 := b.GetConversation(t.Context(), "ten_2", m.ConversationID)
		_, err3 := b.GetContact(t.Context(), "ten_2", m.ContactID)
		for _, err := range []error{err1, err2, err3} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("got %v; want not found", err)
			}
		}
		msgs, _ := b.ListMessages(t.Context(), "ten_2", MessageFilter{}, "", 10)
		convs, _ := b.ListConversations(t.Context(), "ten_2", ConversationFilter{}, time.Time{}, "", 10)
		people, _ := b.ListContacts(t.Context(), "ten_2", ContactFilter{}, "", 10)
		journal, _ := b.ListJournal(t.Context(), "ten_2", JournalFilter{}, "", 10)
		if len(msgs)+len(convs)+len(people)+len(journal) != 0 {
			t.Error("another tenant's rows are listed")
		}
	})
}
