package conversations

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

func (b *bench) dead() (ids []string) {
	b.t.Helper()
	list, err := b.ListDeadLetters(b.t.Context(), "ten_1", DeadFilter{}, true, nil, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, l := range list {
		ids = append(ids, l.Message.ID)
	}
	return ids
}

func TestCancel(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		later := b.draft(ada, "later")
		later.SendAt = b.clock().Add(time.Hour)
		s, q, next := b.queued(later), b.queued(b.draft(ada, "x")), b.queued(b.draft(ada, "next"))
		for _, m := range []Message{s, q} {
			if got, err := b.Cancel(t.Context(), "ten_1", m.ID); err != nil || got.Status != Cancelled {
				t.Fatalf("%s: %s, %v", m.Status, got.Status, err)
			}
		}
		if _, err := b.Cancel(t.Context(), "ten_2", next.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another tenant's: %v; want not found", err)
		}
		c := b.claim(10)
		if len(c) != 1 || c[0].MessageID != next.ID {
			t.Fatalf("claimed %+v; want what was behind the cancelled message", c)
		}
		for _, id := range []string{q.ID, next.ID} { // cancelled; sending
			if _, err := b.Cancel(t.Context(), "ten_1", id); fault.CodeOf(err) != "not_cancellable" {
				t.Errorf("%v; want not_cancellable", err)
			}
		}
		b.dueNow()
		if n := b.wake(); n.Woken != 0 {
			t.Errorf("a cancelled message was woken")
		}
		if got := b.told(q.ID); fmt.Sprint(got) != "[cancelled]" {
			t.Errorf("announced %v", got)
		}
	})
}

// Claims and cancellations at the same time: each message is one or the other.
func TestCancelRace(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		var ids []string
		for i := range 40 {
			draft := b.draft(fmt.Sprintf("+1650555%04d", i), "")
			draft.Content = template("a")
			ids = append(ids, b.queued(draft).ID)
		}
		var wg sync.WaitGroup
		claimed, cancelled := map[string]bool{}, map[string]bool{}
		wg.Go(func() {
			for range 20 {
				c, err := b.ClaimSends(t.Context(), 3, ClaimFilter{})
				if err != nil {
					t.Error(err)
				}
				for _, c := range c {
					claimed[c.MessageID] = true
				}
			}
		})
		wg.Go(func() {
			for i := range ids {
				id := ids[len(ids)-1-i]
				_, err := b.Cancel(t.Context(), "ten_1", id)
				if err == nil {
					cancelled[id] = true
				} else if fault.CodeOf(err) != "not_cancellable" {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		for _, id := range ids {
			if claimed[id] == cancelled[id] {
				t.Errorf("%s: claimed %v, cancelled %v", id, claimed[id], cancelled[id])
			}
		}
	})
}

// ending is a way for a message to end unsent.
type ending struct {
	name      string
	end       func(b *bench, c Claim)
	duplicate bool // sending it again might make two
}

func endings() []ending {
	refusal := &channels.SendError{Class: channels.ClassRecipient, Code: "131026", Title: "Undeliverable"}
	return []ending{
		{"refused", func(b *bench, c Claim) { b.outcome(Outcome{Claim: c, Verdict: VerdictFailed, Err: refusal}) }, false},
		{"reported as failed", func(b *bench, c Claim) {
			b.outcome(Outcome{Claim: c, Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid." + c.MessageID}})
			e := status("wamid."+c.MessageID, channels.StatusFailed, b.clock())
			e.Status.Error = told(refusal)
			b.ingest(b.webhook(c.MessageID, e))
		}, false},
		{"expired", func(b *bench, c Claim) {
			b.outcome(Outcome{Claim: c, Verdict: VerdictRetry, Reason: WaitRetry, Err: &channels.SendError{Class: channels.ClassNotSent, Code: "dial"}})
			b.exec(`UPDATE sends SET valid_until = 1`)
			b.wake()
		}, false},
		{"given up", func(b *bench, c Claim) {
			b.outcome(Outcome{Claim: c, Verdict: VerdictUncertain, Err: &channels.SendError{Class: channels.ClassUncertain, Code: "timeout"}})
			b.exec(`UPDATE sends SET lease_until = 1, on_uncertain = 'never'`)
			if n, err := b.Sweep(b.t.Context()); err != nil || n.GivenUp != 1 {
				b.t.Fatalf("%+v, %v", n, err)
			}
		}, true},
		{"left to a person", func(b *bench, c Claim) {
			b.outcome(Outcome{Claim: c, Verdict: VerdictUncertain, Err: &channels.SendError{Class: channels.ClassUncertain, Code: "timeout"}})
			b.exec(`UPDATE sends SET lease_until = 1, on_uncertain = 'manual'`)
			if n, err := b.Sweep(b.t.Context()); err != nil || n.HandedOver != 1 {
				b.t.Fatalf("%+v, %v", n, err)
			}
		}, true},
	}
}

func TestRetry(t *testing.T) {
	for _, tt := range endings() {
		t.Run(tt.name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				b := newBench(t, d)
				b.open(ada)
				draft := b.draft(ada, "x")
				draft.ValidFor = time.Hour
				m := b.queued(draft)
				tt.end(b, b.claim(1)[0])
				if got := b.dead(); len(got) != 1 || got[0] != m.ID {
					t.Fatalf("dead letters %v", got)
				}
				b.advance(time.Minute)
				r, err := b.Retry(t.Context(), "ten_1", m.ID, 24*time.Hour)
				if err != nil || r.PossibleDuplicate != tt.duplicate || r.Reason == "" || r.Message.PossibleDuplicate != tt.duplicate {
					t.Fatalf("%+v, %v; want duplicate %v", r, err, tt.duplicate)
				}
				if r.Message.Status != Queued || r.Message.Error != nil || !r.Message.ValidUntil.Equal(b.clock().Add(time.Hour)) {
					t.Errorf("%s, %+v, until %v", r.Message.Status, r.Message.Error, r.Message.ValidUntil)
				}
				if _, err := b.Retry(t.Context(), "ten_1", m.ID, 0); fault.CodeOf(err) != "not_retryable" {
					t.Errorf("a second time: %v; want not_retryable", err)
				}
				c := b.claim(10)
				if len(c) != 1 || c[0].Attempt != 2 {
					t.Fatalf("claims %+v", c)
				}
				b.outcome(Outcome{Claim: c[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.again"}})
				got := b.message(m.ID)
				if got.Status != Sent || got.ProviderID != "wamid.again" || got.Attempt != 2 || len(b.dead()) != 0 {
					t.Errorf("%s, id %q, attempt %d, dead letters %v", got.Status, got.ProviderID, got.Attempt, b.dead())
				}
			})
		})
	}
}

// The answer to an attempt that was given up comes after the message was queued
// again: it is not sent twice.
func TestLateAnswerSavesARetry(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		stalled := b.claim(1)[0]
		b.exec(`UPDATE sends SET lease_until = 1, on_uncertain = 'never'`)
		for range 2 { // interrupted, then given up
			if _, err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.exec(`UPDATE sends SET lease_until = 1`)
		}
		if _, err := b.Retry(t.Context(), "ten_1", m.ID, 0); err != nil {
			t.Fatal(err)
		}
		b.outcome(Outcome{Claim: stalled, Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.1"}})
		if s, c := b.status(m.ID), b.claim(1); s != Sent || len(c) != 0 {
			t.Errorf("%s, claims %+v; want sent, and no other attempt", s, c)
		}
	})
}

func TestRetryOutsideTheWindow(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		plain, safe := b.queued(b.draft(ada, "plain")), b.queued(b.fallbackDraft("safe"))
		for range 2 {
			b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRejected, Code: "131009"}})
		}
		b.advance(25 * time.Hour)
		if _, err := b.Retry(t.Context(), "ten_1", plain.ID, 24*time.Hour); fault.CodeOf(err) != "window_closed" {
			t.Errorf("%v; want window_closed", err)
		}
		if r, err := b.Retry(t.Context(), "ten_1", safe.ID, 24*time.Hour); err != nil || !r.Message.UsedFallback {
			t.Errorf("fallback %v, %v", r.Message.UsedFallback, err)
		}
	})
}

// A message that waits for a person holds up nobody; the person's word counts.
func TestSettle(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		for i, tt := range []struct {
			outcome    string
			providerID string
			want       Status
			duplicate  bool
		}{{"sent", "wamid.found", Sent, false}, {"failed", "", Failed, false}, {"resend", "", Queued, true}} {
			b := &bench{Store: nil}
			if i == 0 {
				newBench(t, d)
			}
			b.t, b.d, b.now = t, d, time.Now()
			b.Store = NewStore(d, Options{Now: b.clock, Node: "node_a", Seal: plain, Unseal: plain, MediaURL: func(id string) string { return id }})
			phone := fmt.Sprintf("+1650555%04d", i)
			b.open(phone)
			draft := b.draft(phone, "x")
			draft.OnUncertain = UncertainManual
			m, next := b.queued(draft), b.queued(b.draft(phone, "next"))
			if _, err := b.Settle(t.Context(), "ten_1", m.ID, Settlement{Outcome: "failed"}); fault.CodeOf(err) != "not_uncertain" {
				t.Errorf("queued: %v; want not_uncertain", err)
			}
			b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictUncertain, Err: &channels.SendError{Class: channels.ClassUncertain, Code: "timeout"}})
			if c := b.claim(1); len(c) != 0 {
				t.Fatalf("claimed %+v while reports are awaited", c)
			}
			b.exec(`UPDATE sends SET lease_until = 1 WHERE state = 'uncertain'`)
			if _, err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c := b.claim(1); len(c) != 1 || c[0].MessageID != next.ID {
				t.Fatalf("claimed %+v; want what is behind the message", c)
			}
			got, err := b.Settle(t.Context(), "ten_1", m.ID, Settlement{Outcome: tt.outcome, ProviderID: tt.providerID, Window: 24 * time.Hour})
			if err != nil || got.Status != tt.want || got.ProviderID != tt.providerID || got.PossibleDuplicate != tt.duplicate {
				t.Errorf("%s: %s %q %v, %v", tt.outcome, got.Status, got.ProviderID, got.PossibleDuplicate, err)
			}
			b.exec(`DELETE FROM sends`)
			b.Stop()
		}
	})
}
