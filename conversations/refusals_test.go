package conversations

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func (b *bench) addTemplate(name, language string) {
	b.t.Helper()
	b.exec(`INSERT INTO templates (id, tenant_id, channel_id, name, language, category, status, created_at, updated_at, synced_at)
		VALUES ($1, 'ten_1', 'ch_1', $2, $3, 'UTILITY', 'APPROVED', 0, 0, 0)`, "tmpl_"+name, name, language)
}

// paused is the refusal of a template that its provider has paused.
func paused(c Claim) Outcome {
	return Outcome{Claim: c, Verdict: VerdictRetry, Reason: WaitTemplatePaused, Wait: 3 * time.Hour,
		Err: &channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeTemplate, Code: "132015", Title: "Template paused"}}
}

// A pause that was supposed after a refusal ends when it is over, and no news of
// the provider that comes after it is ignored.
func TestSupposedPauseEnds(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.addTemplate("offer", "en")
		n := 0
		news := func(status string) {
			n++
			b.ingest(b.webhook(n, change("template.status", b.clock().Add(time.Duration(n)*time.Minute), `{"n":1}`,
				channels.Change{Template: &channels.TemplateChange{Name: "offer", Language: "en", Status: status}})))
		}
		try := func() []Claim {
			b.exec(`UPDATE sends SET due_at = 0 WHERE state = 'queued'`)
			return b.claimWithin(meta)
		}
		lapse := func() { b.exec(`UPDATE templates SET paused_until = 1 WHERE paused_until > 0`) }
		m := b.queued(b.template(ada, "UTILITY"))
		for range 2 { // the second time for a pause that had lapsed
			c := try()
			if len(c) != 1 {
				t.Fatalf("claimed %+v; want the one message", c)
			}
			b.outcome(paused(c[0]))
			if c := try(); len(c) != 0 || b.waiting(m.ID).Reason != WaitTemplatePaused {
				t.Fatalf("claimed %+v of a paused template", c)
			}
			lapse()
		}
		news("APPROVED")
		news("PAUSED")
		if c := try(); len(c) != 0 || !b.waiting(m.ID).Until.IsZero() {
			t.Fatalf("paused by the provider: claimed %+v, waits %+v", c, b.waiting(m.ID))
		}
		news("APPROVED")
		c := try()
		if len(c) != 1 {
			t.Fatalf("approved: claimed %+v", c)
		}
		b.outcome(paused(c[0]))
		lapse()
		news("DISABLED")
		if c := try(); len(c) != 1 || c[0].Refusal == nil {
			t.Errorf("disabled: claimed %+v; want it ended without a call", c)
		}
		if got := len(b.log("template.status")); got != 7 {
			t.Errorf("%d changes told; want three refusals and four webhooks", got)
		}
	})
}

// What is stopped is the template that was sent: the fallback of a message whose
// own content is text.
func TestRefusedFallback(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.addTemplate("plan_b", "")
		state := func() (s string) {
			t.Helper()
			if err := d.Get(&s, `SELECT status FROM templates`); err != nil {
				t.Fatal(err)
			}
			return s
		}
		m := b.queued(b.fallbackDraft("never wrote"))
		c := b.claimWithin(meta)
		if len(c) != 1 || !c[0].Fallback {
			t.Fatalf("claimed %+v; want the fallback", c)
		}
		b.outcome(paused(c[0]))
		if s := state(); s != "PAUSED" {
			t.Fatalf("after the answer the template is %s", s)
		}
		b.exec(`UPDATE templates SET status = 'APPROVED', paused_until = 0`)
		b.exec(`UPDATE sends SET due_at = 0`)
		if c = b.claimWithin(meta); len(c) != 1 {
			t.Fatalf("claimed %+v", c)
		}
		b.outcome(sent(c[0]))
		report := status("wamid."+m.ID, channels.StatusFailed, b.clock())
		report.Status.Error = &channels.ProviderError{Class: channels.ClassTemplate, Scope: channels.ScopeTemplate, Code: "132016", Title: "Template disabled"}
		b.ingest(b.webhook("132016", report))
		if s := state(); s != "DISABLED" {
			t.Errorf("after the report the template is %s", s)
		}
	})
}

// Many refusals at once stop each template and channel once, and each person.
func TestManyRefusals(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.addTemplate("offer", "en")
		var reports []channels.Event
		for i := range 12 {
			m := b.queued(b.template(fmt.Sprintf("+1650555%04d", i), "MARKETING"))
			c := b.claimWithin(meta)
			if len(c) != 1 || c[0].MessageID != m.ID {
				t.Fatalf("claimed %+v", c)
			}
			b.outcome(sent(c[0]))
			r := status("wamid."+m.ID, channels.StatusFailed, b.clock())
			r.Status.Error = []*channels.ProviderError{
				0: {Class: channels.ClassRecipient, Scope: channels.ScopeMarketing, Code: "131049", Title: "Held back"},
				1: {Class: channels.ClassThrottled, Scope: channels.ScopeMarketing, Code: "131048", Title: "Spam limit reached"},
				2: {Class: channels.ClassThrottled, Scope: channels.ScopeTemplate, Code: "132015", Title: "Template paused"},
			}[i%3]
			reports = append(reports, r)
		}
		b.ingest(b.webhook("all", reports...))
		if persons, all := b.count(`SELECT count(*) FROM holds WHERE key <> ''`), b.count(`SELECT count(*) FROM holds WHERE key = ''`); persons != 4 || all != 1 {
			t.Errorf("marketing is held back for %d people and on %d channels; want 4 and 1", persons, all)
		}
		if alerts, templates := len(b.log("channel.alert")), len(b.log("template.status")); alerts != 1 || templates != 1 {
			t.Errorf("%d alarms, %d changes of the template; want one of each", alerts, templates)
		}
	})
}

// A template that the provider holds back waits for the provider, and says so until
// its report.
func TestTemplatePacing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		m := b.queued(b.template(ada, "MARKETING"))
		o := sent(b.claimWithin(meta)[0])
		o.Sent.Pending, o.Sent.Held = true, true
		b.outcome(o)
		if got := b.message(m.ID); got.Status != Sending || got.Waiting == nil || got.Waiting.Reason != WaitTemplatePacing {
			t.Errorf("%s, waits %+v", got.Status, got.Waiting)
		}
		if got := b.waits(m.ID); got != "[template_pacing]" {
			t.Errorf("told %s", got)
		}
		b.ingest(b.webhook("sent", status("wamid."+m.ID, channels.StatusSent, b.clock())))
		if got := b.message(m.ID); got.Status != Sent || got.Waiting != nil {
			t.Errorf("%s, waits %+v after the report", got.Status, got.Waiting)
		}
	})
}
