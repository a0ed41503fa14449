package conversations

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func (b *bench) setTier(name string, recipients int64, source string) {
	b.t.Helper()
	if err := b.SetTier(b.t.Context(), "ten_1", "ch_1", "waba", name, recipients, source); err != nil {
		b.t.Fatal(err)
	}
}

func phone(i int) string { return fmt.Sprintf("+1650555%04d", i) }

// A tier counts people, not messages; who was not reached is not counted.
func TestTier(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.setTier("TIER_3", 3, "operator")
		b.open(ada) // an open window: not counted
		b.queued(b.template(ada, "UTILITY"))
		var ids []string
		for i := range 5 {
			ids = append(ids, b.queued(b.template(phone(i), "UTILITY")).ID)
		}
		c := b.claimWithin(meta)
		if len(c) != 4 {
			t.Fatalf("%d claimed; want the open window and three others", len(c))
		}
		if w := b.waiting(ids[4]); w.Reason != WaitTier || w.Limit != 3 || w.Used != 3 || time.Until(w.Until) < 23*time.Hour {
			t.Errorf("waits %+v", w)
		}
		for _, c := range c[:3] {
			b.outcome(sent(c))
		}
		b.outcome(Outcome{Claim: c[3], Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRecipient, Code: "131026"}})
		b.explainAll()
		c = b.claimWithin(meta)
		if len(c) != 1 || c[0].MessageID != ids[3] {
			t.Fatalf("the place of the one who was not reached: %+v", c)
		}
		b.outcome(sent(c[0]))
		b.queued(b.template(phone(0), "UTILITY"))
		if c = b.claimWithin(meta); len(c) != 1 || c[0].Out.To.Phone != phone(0) {
			t.Fatalf("somebody counted already: %+v", c)
		}
		b.outcome(sent(c[0]))
	})
}

// A place that becomes free after a day is used.
func TestTierAfterADay(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.exec(`UPDATE channels SET portfolio = 'waba'`)
		b.setTier("TIER_2", 2, "operator")
		var ids []string
		for i := range 3 {
			ids = append(ids, b.queued(b.template(phone(i), "UTILITY")).ID)
		}
		for _, c := range b.claimWithin(meta) {
			b.outcome(sent(c))
		}
		b.later(24*time.Hour + time.Second)
		b.exec(`UPDATE tier_recipients SET at = at + 3600000000 WHERE contact_id = (SELECT contact_id FROM messages WHERE id = $1)`, ids[0])
		b.exec(`UPDATE sends SET due_at = valid_until WHERE wait_reason = 'tier_limit'`)
		b.explainAll()
		c := b.claimWithin(meta)
		if len(c) != 1 || c[0].MessageID != ids[2] {
			t.Fatalf("a day later: %+v", c)
		}
		b.outcome(sent(c[0]))
		if n := b.count(`SELECT count(*) FROM tier_recipients`); n != b.count(`SELECT used FROM tiers`) || n != 2 {
			t.Errorf("%d people counted, %d noted; want 2", n, b.count(`SELECT used FROM tiers`))
		}
	})
}

// A tier that is lowered holds what was not sent yet, and a raised one lets it go at
// once; each change is told.
func TestTierChanges(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.exec(`UPDATE channels SET portfolio = 'waba'`)
		b.setTier("TIER_3", 3, "operator")
		for i := range 2 {
			b.queued(b.template(phone(i), "UTILITY"))
		}
		for _, c := range b.claimWithin(meta) {
			b.outcome(sent(c))
		}
		b.setTier("TIER_2", 2, "provider")
		m := b.queued(b.template(phone(9), "UTILITY"))
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("over the lowered tier: %+v", c)
		}
		b.setTier("TIER_UNLIMITED", -1, "provider")
		if c := b.claimWithin(meta); len(c) != 1 || c[0].MessageID != m.ID {
			t.Errorf("unlimited: %+v", c)
		}
		if got := len(b.log("channel.limit")); got != 3 {
			t.Errorf("%d changes of the limit told; want 3", got)
		}
	})
}

func TestTierRejects(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	b.setTier("", 1, "operator")
	reject := func(id string) ChannelLimits {
		l := meta(id)
		l.TierReject = true
		return l
	}
	b.queued(b.template(ada, "UTILITY"))
	m := b.queued(b.template("+16505550000", "UTILITY"))
	for _, c := range b.claimWithin(reject) {
		if c.Refusal != nil {
			b.outcome(Outcome{Claim: c, Verdict: VerdictRejected, Err: c.Refusal})
		}
	}
	got, err := b.GetMessage(t.Context(), "ten_1", m.ID)
	if err != nil || got.Status != Rejected || got.Error == nil || got.Error.Code != "tier_exhausted" {
		t.Errorf("%s, %+v, %v", got.Status, got.Error, err)
	}
}

// What waits for the tier goes on when its person writes, or is counted for another
// message, although no place is free.
func TestTierNoLongerNeeded(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.exec(`UPDATE channels SET portfolio = 'waba'`)
		b.setTier("TIER_1", 1, "operator")
		b.queued(b.template("+16505550000", "UTILITY"))
		b.outcome(sent(b.claimWithin(meta)[0]))
		m := b.queued(b.template(ada, "UTILITY"))
		if c := b.claimWithin(meta); len(c) != 0 || b.waiting(m.ID).Reason != WaitTier {
			t.Fatalf("claimed %+v; it waits %+v", c, b.waiting(m.ID))
		}
		b.explainAll()
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("over the tier: %+v", c)
		}
		b.open(ada)
		b.explainAll()
		c := b.claimWithin(meta)
		if len(c) != 1 || c[0].MessageID != m.ID {
			t.Fatalf("claimed %+v after the customer wrote", c)
		}
		again := b.queued(b.template("+16505550000", "UTILITY"))
		b.exec(`UPDATE sends SET wait_reason = 'tier_limit', due_at = valid_until WHERE message_id = $1`, again.ID)
		b.explainAll()
		if c = b.claimWithin(meta); len(c) != 1 || c[0].MessageID != again.ID {
			t.Errorf("claimed %+v; want the message to who is counted", c)
		}
	})
}
