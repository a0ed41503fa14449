package conversations

import (
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// heldUp queues two messages to one contact, of which the first was refused for long
// enough to be passed; its next try comes in wait.
func (b *bench) heldUp(phone string, wait time.Duration) (head, next Message) {
	b.t.Helper()
	b.open(phone)
	draft := b.draft(phone, "head")
	draft.Ordering = OrderBestEffort
	head, next = b.queued(draft), b.queued(b.draft(phone, "next"))
	b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictRetry, Wait: wait, Reason: WaitRetry,
		Err: &channels.SendError{Class: channels.ClassTransient, Code: "131016"}})
	b.exec(`UPDATE sends SET held_since = 1 WHERE held_since > 0`)
	return head, next
}

// The next try of a message that may be passed has come: it goes, and nothing goes
// beside it.
func TestOneCallALane(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		head, next := b.heldUp(ada, 0)
		c := b.claimWithin(meta)
		if len(c) != 1 || c[0].MessageID != head.ID {
			t.Fatalf("claimed %+v; want the first message", c)
		}
		b.outcome(sent(c[0]))
		if c = b.claimWithin(meta); len(c) != 1 || c[0].MessageID != next.ID {
			t.Errorf("claimed %+v; want the second message", c)
		}
	})
}

// Whatever a claim has taken, one message of a lane goes out, and the others lose
// neither their attempt nor their place.
func TestOneClaimALane(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		first, second := b.queued(b.draft(ada, "1")), b.queued(b.draft(ada, "2"))
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Exec(`UPDATE sends SET state = 'sending', attempt = 1`); err != nil {
				return err
			}
			var claims []Claim
			for i, m := range []Message{second, first} {
				claims = append(claims, Claim{MessageID: m.ID, ChannelID: m.ChannelID, ContactID: m.ContactID, Attempt: 1, seq: int64(2 - i)})
			}
			keep, back, err := oneEach(t.Context(), tx, claims)
			if err != nil {
				return err
			}
			if len(keep) != 1 || keep[0].MessageID != first.ID {
				t.Errorf("kept %+v; want the first message", keep)
			}
			_, _, err = b.pass(t.Context(), tx, keep, back, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := b.count(`SELECT count(*) FROM sends WHERE message_id = $1 AND state = 'queued' AND attempt = 0`, second.ID); n != 1 {
			t.Error("the second message was not put back as it was")
		}
	})
}

// One node passes a message that was held up; before its claim is committed, the
// message becomes due, and another node claims it.
func TestPassedWhileItBecomesDue(t *testing.T) {
	d := dbtest.Postgres(t) // SQLite has one writer at a time
	b := newBench(t, d)
	other := NewStore(d, b.opts)
	t.Cleanup(other.Stop)
	head, next := b.heldUp(ada, time.Hour)
	done := make(chan []Claim, 1)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		c, _, err := b.claimIn(t.Context(), tx, 10, ClaimFilter{Limits: meta})
		if err != nil || len(c) != 1 || c[0].MessageID != next.ID {
			t.Fatalf("claimed %+v, %v; want the second message", c, err)
		}
		b.exec(`UPDATE sends SET due_at = 0 WHERE message_id = $1`, head.ID)
		go func() {
			c, err := other.ClaimSends(t.Context(), 10, ClaimFilter{Limits: meta})
			if err != nil {
				t.Error(err)
			}
			done <- c
		}()
		b.untilBlocked(done)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := <-done; len(c) != 0 {
		t.Errorf("claimed %+v beside the second message", c)
	}
	if w := b.count(`SELECT count(*) FROM sends WHERE message_id = $1 AND state = 'queued' AND attempt = 1`, head.ID); w != 1 {
		t.Error("the first message was not put back as it was")
	}
}

// untilBlocked waits until a claim waits for a lane, or is done.
func (b *bench) untilBlocked(done chan []Claim) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for b.count(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) == 0 {
		select {
		case <-tick.C:
		case c := <-done:
			b.t.Fatalf("claimed %+v at once", c)
		case <-deadline:
			b.t.Fatal("it neither waits nor ends")
		}
	}
}

// Marketing to one person is held back for a day; a reply to the same person is not.
func TestReplyPassesMarketing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		advert := b.queued(b.template(ada, "MARKETING"))
		b.exec(`INSERT INTO holds (channel_id, kind, key, tenant_id, reason, detail, until, at)
			VALUES ('ch_1', 'marketing', $1, 'ten_1', 'marketing_limit', '', $2, 0)`, advert.ContactID, db.Micros(time.Now().Add(24*time.Hour)))
		if c := b.claimWithin(meta); len(c) != 0 || b.waiting(advert.ID).Reason != WaitMarketing {
			t.Fatalf("claimed %+v; the first waits %+v", c, b.waiting(advert.ID))
		}
		reply := b.queued(b.draft(ada, "here you are"))
		c := b.claimWithin(meta)
		if len(c) != 1 || c[0].MessageID != reply.ID {
			t.Fatalf("claimed %+v; want the reply", c)
		}
		b.exec(`UPDATE sends SET due_at = 0`)
		if more := b.claimWithin(meta); len(more) != 0 {
			t.Errorf("claimed %+v beside the reply", more)
		}
	})
}
