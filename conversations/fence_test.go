package conversations

import (
	"fmt"
	"testing"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// overdue makes every lease and wait for reports end, and sweeps.
func (b *bench) overdue() Swept {
	b.t.Helper()
	b.exec(`UPDATE sends SET lease_until = 1 WHERE state IN ('sending', 'uncertain')`)
	n, err := b.Sweep(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// The answers to two attempts of one message come at the same moment: each is taken
// for what it is.
func TestTwoAttemptsInOneBatch(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		first := b.claim(1)[0]
		b.overdue() // interrupted
		b.overdue() // and sent again
		second := b.claim(1)[0]
		b.runRecord([]*recordItem{
			{Outcome: &Outcome{Claim: second, Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.2"}}},
			{Outcome: &Outcome{Claim: first, Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRejected, Code: "1"}}},
		})
		if got := b.message(m.ID); got.Status != Sent || got.ProviderID != "wamid.2" || second.Attempt != 2 {
			t.Errorf("%s, id %q after attempt %d", got.Status, got.ProviderID, second.Attempt)
		}
	})
}

// A process stands still for longer than its lease, and then does not use its claim.
func TestReleaseOfAnOldClaim(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		release := func(c Claim) {
			if err := b.ReleaseSends(t.Context(), []Claim{c}, 0, ""); err != nil {
				t.Fatal(err)
			}
		}
		m := b.queued(b.draft(ada, "x"))
		old := b.claim(1)[0]
		if b.overdue(); b.status(m.ID) != Uncertain {
			t.Fatalf("%s; want uncertain", b.status(m.ID))
		}
		release(old)
		if got := b.message(m.ID); got.Status != Queued || got.Error != nil || got.PossibleDuplicate || b.count(`SELECT count(*) FROM attempts`) != 0 {
			t.Errorf("%s, %+v, duplicate %v: no call was made", got.Status, got.Error, got.PossibleDuplicate)
		}
		old = b.claim(1)[0]
		b.overdue()
		b.overdue() // sent again
		release(old)
		if n := b.count(`SELECT count(*) FROM attempts`); n != 1 {
			t.Errorf("%d attempts; one was made by somebody, and counts", n)
		}
		if c := b.claim(1); len(c) != 1 || c[0].Attempt != 2 {
			t.Errorf("claimed %+v; want the second attempt", c)
		}
	})
}

// One step of a sweep fails, and one message of another: the rest is done.
func TestSweepGoesOn(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	var ids []string
	for _, phone := range []string{ada, "+16505550000", "+16505550001", "+16505550002"} {
		b.open(phone)
		ids = append(ids, b.queued(b.draft(phone, "x")).ID)
	}
	c := b.claim(3)
	b.outcome(Outcome{Claim: c[0], Verdict: VerdictUncertain, Err: &channels.SendError{Class: channels.ClassUncertain, Code: "timeout"}})
	b.exec(`UPDATE sends SET lease_until = 1 WHERE state IN ('sending', 'uncertain')`)
	b.exec(`UPDATE channels SET enabled = FALSE`)
	b.exec(`CREATE TRIGGER no_resend BEFORE UPDATE ON sends WHEN old.state = 'uncertain' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	b.exec(`CREATE TRIGGER no_end BEFORE UPDATE ON attempts WHEN old.message_id = '` + c[1].MessageID + `' BEGIN SELECT RAISE(ABORT, 'no'); END`)
	n, err := b.Sweep(t.Context())
	if err == nil || n.Interrupted != 1 {
		t.Errorf("swept %+v, %v", n, err)
	}
	if s := b.status(c[2].MessageID); s != Uncertain {
		t.Errorf("the neighbour is %s; want uncertain", s)
	}
	if w := b.waiting(ids[3]); w.Reason != WaitChannelDisabled {
		t.Errorf("waits %+v; want an explanation", w)
	}
}

func TestUncertainPolicies(t *testing.T) {
	tests := []struct {
		policy, category string
		want             Status
		duplicate        bool
	}{
		{"auto", "", Queued, true},
		{"auto", "UTILITY", Queued, true},
		{"auto", "MARKETING", Failed, false},
		{"auto", "AUTHENTICATION", Failed, false},
		{"never", "", Failed, false},
		{"resend", "MARKETING", Queued, true},
		{"manual", "", Uncertain, false},
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		for i, tt := range tests {
			phone := fmt.Sprintf("+1650555%04d", i)
			b.open(phone)
			draft := b.draft(phone, "x")
			draft.OnUncertain, draft.Category = tt.policy, tt.category
			m := b.queued(draft)
			c := b.claim(1)
			b.outcome(Outcome{Claim: c[0], Verdict: VerdictUncertain, Err: &channels.SendError{Class: channels.ClassUncertain, Code: "timeout"}})
			b.exec(`UPDATE sends SET lease_until = 1 WHERE state = 'uncertain'`)
			if _, err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, _ := b.GetMessage(t.Context(), "ten_1", m.ID)
			if got.Status != tt.want || got.PossibleDuplicate != tt.duplicate {
				t.Errorf("%s %s: %s, duplicate %v; want %s, %v", tt.policy, tt.category, got.Status, got.PossibleDuplicate, tt.want, tt.duplicate)
			}
			b.exec(`DELETE FROM sends`)
		}
	})
}
