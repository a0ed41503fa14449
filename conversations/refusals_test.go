package conversations

import (
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
