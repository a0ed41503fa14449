package conversations

import (
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
	})
}

// A claim without a call costs nothing, and a provider that finds a recipient's
// messages too many is obeyed.
func TestPairIsGivenBackAndSlowedDown(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		b.queued(b.draft(ada, "x"))
		one := func(id string) ChannelLimits {
			l := meta(id)
			l.PairBurst = 1
			return l
		}
		c := b.claimWithin(one)
		if err := b.ReleaseSends(t.Context(), c, 0, ""); err != nil { // no call: it is free again
			t.Fatal(err)
		}
		if c = b.claimWithin(one); len(c) != 1 {
			t.Fatal("what was given back is not free")
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictRetry, Reason: WaitPair, Wait: 4 * time.Minute, Err: &channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeLane, Code: "131056"}})
		b.exec(`UPDATE sends SET due_at = 0`)
		if c := b.claimWithin(one); len(c) != 0 {
			t.Error("claimed before the provider's back-off was over")
		}
		b.later(5 * time.Minute)
		if c := b.claimWithin(one); len(c) != 1 {
			t.Error("not claimed after the back-off")
		}
	})
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
