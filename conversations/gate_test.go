package conversations

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// meta limits every channel as WhatsApp does.
func meta(string) ChannelLimits {
	return ChannelLimits{PairEvery: 6 * time.Second, PairBurst: 45, TierScope: "ten_1/waba"}
}

func (b *bench) claimWithin(limits func(string) ChannelLimits) []Claim {
	b.t.Helper()
	c, err := b.ClaimSends(b.t.Context(), 100, ClaimFilter{Limits: limits})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) template(to, category string) Draft {
	d := b.draft(to, "")
	d.Category = category
	d.Content = channels.Content{Type: channels.TypeTemplate, Template: &channels.TemplateUse{Name: "offer", Language: channels.Language{Code: "en"}}}
	return d
}

func sent(c Claim) Outcome {
	return Outcome{Claim: c, Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid." + c.MessageID}}
}

// later lets time pass in the tables that the limits live in.
func (b *bench) later(d time.Duration) {
	b.t.Helper()
	us := d.Microseconds()
	b.exec(`UPDATE pairs SET window_at = window_at - $1, free_at = free_at - $1`, us)
	b.exec(`UPDATE sends SET due_at = due_at - $1 WHERE due_at > 0`, us)
	b.exec(`UPDATE tier_recipients SET at = at - $1`, us)
	b.exec(`UPDATE holds SET until = until - $1`, us)
}

// A burst of 45 goes out at once; then everything is paid back before the next.
func TestPairLimit(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		b.open("+16505550000")
		var last Message
		for range 47 {
			last = b.queued(b.draft(ada, "x"))
		}
		n := 0
		for c := b.claimWithin(meta); len(c) == 1; c = b.claimWithin(meta) {
			b.outcome(sent(c[0]))
			b.exec(`UPDATE pairs SET window_at = free_at`) // a burst may take long here
			n++
		}
		if n != 45 {
			t.Fatalf("%d in a burst; want 45", n)
		}
		head := b.count(`SELECT count(*) FROM sends WHERE wait_reason = 'pair_limit' AND wait_limit = 45 AND wait_used = 45`)
		if head != 1 || b.waiting(last.ID).Reason != WaitOrder {
			t.Errorf("%d wait for the pair, the last %+v", head, b.waiting(last.ID))
		}
		b.queued(b.draft("+16505550000", "y"))
		if c := b.claimWithin(meta); len(c) != 1 || c[0].Out.To.Phone != "+16505550000" {
			t.Fatalf("another recipient: %+v", c)
		}
		b.later(150 * time.Second)
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("%d claimed before the burst was paid back", len(c))
		}
		b.later(121 * time.Second)
		c := b.claimWithin(meta)
		if len(c) != 1 {
			t.Fatalf("%d claimed after the burst was paid back", len(c))
		}
		if err := b.ReleaseSends(t.Context(), c, 0, ""); err != nil { // no call: it is free again
			t.Fatal(err)
		}
		if c = b.claimWithin(meta); len(c) != 1 {
			t.Fatal("what was given back is not free")
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictRetry, Reason: WaitPair, Wait: 4 * time.Minute, Err: &channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeLane, Code: "131056"}})
		b.exec(`UPDATE sends SET due_at = 0`)
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Error("claimed before the provider's back-off was over")
		}
		b.later(5 * time.Minute)
		if c := b.claimWithin(meta); len(c) != 1 {
			t.Error("not claimed after the back-off")
		}
	})
}

// A tier counts people, not messages; who was not reached is not counted; a place
// that becomes free is used, and a raised tier at once.
func TestTier(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		if err := b.SetTier(t.Context(), "ten_1", "ch_1", "waba", "TIER_3", 3, "operator"); err != nil {
			t.Fatal(err)
		}
		phone := func(i int) string { return fmt.Sprintf("+1650555%04d", i) }
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
		b.later(24*time.Hour + time.Second)
		b.exec(`UPDATE tier_recipients SET at = at + 3600000000 WHERE contact_id = (SELECT contact_id FROM messages WHERE id = $1)`, ids[0])
		b.exec(`UPDATE sends SET due_at = valid_until WHERE wait_reason = 'tier_limit'`)
		b.explainAll()
		if c = b.claimWithin(meta); len(c) != 1 || c[0].MessageID != ids[4] {
			t.Fatalf("a day later: %+v", c)
		}
		b.outcome(sent(c[0]))
		if n := b.count(`SELECT count(*) FROM tier_recipients`); n != b.count(`SELECT used FROM tiers`) || n != 2 {
			t.Errorf("%d people counted, %d noted; want 2", n, b.count(`SELECT used FROM tiers`))
		}
		if err := b.SetTier(t.Context(), "ten_1", "ch_1", "waba", "TIER_2", 2, "provider"); err != nil {
			t.Fatal(err)
		}
		m := b.queued(b.template(phone(9), "UTILITY"))
		if c = b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("over the lowered tier: %+v", c)
		}
		if err := b.SetTier(t.Context(), "ten_1", "ch_1", "waba", "TIER_UNLIMITED", -1, "provider"); err != nil {
			t.Fatal(err)
		}
		b.exec(`UPDATE channels SET portfolio = 'waba'`)
		b.explainAll()
		if c = b.claimWithin(meta); len(c) != 1 || c[0].MessageID != m.ID {
			t.Errorf("unlimited: %+v", c)
		}
		if got := len(b.log("channel.limit")); got != 3 {
			t.Errorf("%d changes of the limit told; want 3", got)
		}
	})
}

// What waits for the tier goes on when its person writes, or is counted for another
// message, although no place is free.
func TestTierNoLongerNeeded(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.exec(`UPDATE channels SET portfolio = 'waba'`)
		if err := b.SetTier(t.Context(), "ten_1", "ch_1", "waba", "TIER_1", 1, "operator"); err != nil {
			t.Fatal(err)
		}
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

func TestTierRejects(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	if err := b.SetTier(t.Context(), "ten_1", "ch_1", "waba", "", 1, "operator"); err != nil {
		t.Fatal(err)
	}
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

// A paused template stops what is made from it, and nothing else, until it is
// active again; a disabled one ends it.
func TestTemplatePause(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.exec(`INSERT INTO templates (id, tenant_id, channel_id, name, language, category, status, created_at, updated_at, synced_at)
			VALUES ('tmpl_1', 'ten_1', 'ch_1', 'offer', 'en', 'UTILITY', 'APPROVED', 0, 0, 0)`)
		first := b.queued(b.template(ada, "UTILITY"))
		c := b.claimWithin(meta)[0]
		b.outcome(Outcome{Claim: c, Verdict: VerdictRetry, Reason: WaitTemplatePaused, Wait: 3 * time.Hour,
			Err: &channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeTemplate, Code: "132015", Title: "Template paused", RetryAfter: 3 * time.Hour}})
		second := b.queued(b.template("+16505550000", "UTILITY"))
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("claimed %+v", c)
		}
		for _, m := range []Message{first, second} {
			if w := b.waiting(m.ID); w.Reason != WaitTemplatePaused || time.Until(w.Until) < 2*time.Hour {
				t.Errorf("waits %+v", w)
			}
		}
		b.explainAll()
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("claimed %+v although the template is paused", c)
		}
		b.exec(`UPDATE templates SET status = 'APPROVED', updated_at = updated_at + 1`)
		b.explainAll()
		c2 := b.claimWithin(meta)
		if len(c2) != 2 {
			t.Fatalf("claimed %+v after the pause", c2)
		}
		b.outcome(sent(c2[0]))
		b.outcome(Outcome{Claim: c2[1], Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassTemplate, Scope: channels.ScopeTemplate, Code: "132016"}})
		b.queued(b.template("+16505550001", "UTILITY"))
		if c := b.claimWithin(meta); len(c) != 1 || c[0].Refusal == nil || c[0].Refusal.Class != channels.ClassTemplate {
			t.Errorf("a disabled template: %+v", c)
		}
		if n := len(b.log("template.status")); n != 2 {
			t.Errorf("%d changes of the template told; want 2", n)
		}
	})
}

// Marketing is held back for a person, or on the channel; the rest goes on.
func TestMarketingHolds(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		c := b.queued(b.template(ada, "MARKETING"))
		b.outcome(sent(b.claimWithin(meta)[0]))
		report := status("wamid."+c.ID, channels.StatusFailed, b.clock())
		report.Status.Error = &channels.ProviderError{Class: channels.ClassRecipient, Scope: channels.ScopeMarketing, Code: "131049", Title: "Held back"}
		b.ingest(b.webhook("131049", report))
		same, other := b.queued(b.template(ada, "MARKETING")), b.queued(b.template("+16505550000", "MARKETING"))
		claims := b.claimWithin(meta)
		if len(claims) != 1 || claims[0].MessageID != other.ID {
			t.Fatalf("claims %+v", claims)
		}
		if w := b.waiting(same.ID); w.Reason != WaitMarketing || time.Until(w.Until) < 23*time.Hour {
			t.Errorf("the same person waits %+v", w)
		}
		for range 2 {
			b.exec(`DELETE FROM holds`)
			b.outcome(Outcome{Claim: claims[0], Verdict: VerdictRetry, Reason: WaitMarketing, Wait: time.Hour,
				Err: &channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeMarketing, Code: "131048", Title: "Spam limit reached", RetryAfter: time.Hour}})
			break
		}
		third, useful := b.queued(b.template("+16505550001", "MARKETING")), b.queued(b.template("+16505550002", "UTILITY"))
		if claims = b.claimWithin(meta); len(claims) != 1 || claims[0].MessageID != useful.ID {
			t.Fatalf("claims %+v", claims)
		}
		if w := b.waiting(third.ID); w.Reason != WaitMarketing {
			t.Errorf("waits %+v", w)
		}
		if n := len(b.log("channel.alert")); n != 1 {
			t.Errorf("%d alarms; want 1", n)
		}
	})
}

// An open breaker stops the channel on every node; then one message tries, and
// what becomes of it decides.
func TestBreaker(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		var ids []string
		for i := range 3 {
			phone := fmt.Sprintf("+1650555000%d", i)
			b.open(phone)
			ids = append(ids, b.queued(b.draft(phone, "x")).ID)
		}
		trip := func(probe bool) {
			if err := b.TripBreaker(t.Context(), "ten_1", "ch_1", "The provider does not answer.", probe); err != nil {
				t.Fatal(err)
			}
		}
		trip(false)
		trip(false) // another node's calls fail too
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("claims %+v", c)
		}
		b.explainAll()
		if w := b.waiting(ids[0]); w.Reason != WaitBreaker || w.Until.IsZero() {
			t.Errorf("waits %+v", w)
		}
		if n := b.count(`SELECT count(*) FROM breakers WHERE until - at BETWEEN 29900000 AND 30100000`); n != 1 {
			t.Error("it does not open for 30 s at first")
		}
		b.later(31 * time.Second)
		c := b.claimWithin(meta)
		if len(c) != 1 || !c[0].Probe {
			t.Fatalf("probe: %+v", c)
		}
		if again := b.claimWithin(meta); len(again) != 0 {
			t.Fatalf("a second probe: %+v", again)
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictRetry, Reason: WaitRetry, Wait: time.Second, Err: &channels.SendError{Class: channels.ClassNotSent, Code: "dial"}})
		trip(true)
		b.later(31 * time.Second)
		if c := b.claimWithin(meta); len(c) != 0 {
			t.Fatalf("open for 60 s the second time, but %+v", c)
		}
		b.explainAll()
		b.later(40 * time.Second)
		c = b.claimWithin(meta)
		if len(c) != 1 {
			t.Fatalf("second probe: %+v", c)
		}
		b.outcome(sent(c[0]))
		if err := b.CloseBreaker(t.Context(), "ten_1", "ch_1"); err != nil {
			t.Fatal(err)
		}
		if c = b.claimWithin(meta); len(c) != 2 {
			t.Errorf("closed: %+v", c)
		}
		if len(b.log("channel.paused")) != 1 || len(b.log("channel.resumed")) != 1 {
			t.Errorf("told %d, %d times", len(b.log("channel.paused")), len(b.log("channel.resumed")))
		}
	})
}

// After a repair one message finds out whether it was one.
func TestRepairedChannelTriesOne(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		for i := range 5 {
			phone := fmt.Sprintf("+1650555000%d", i)
			b.open(phone)
			b.queued(b.draft(phone, "x"))
		}
		b.exec(`UPDATE sends SET wait_reason = 'channel_paused'`)
		if err := b.ReleaseChannel(t.Context(), "ch_1"); err != nil {
			t.Fatal(err)
		}
		c := b.claimWithin(meta)
		if len(c) != 1 || !c[0].Probe {
			t.Fatalf("claims %+v; want one probe", c)
		}
		b.outcome(sent(c[0]))
		if err := b.CloseBreaker(t.Context(), "ten_1", "ch_1"); err != nil {
			t.Fatal(err)
		}
		if c = b.claimWithin(meta); len(c) != 4 {
			t.Errorf("claims %d; want the others", len(c))
		}
	})
}
