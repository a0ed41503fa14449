package conversations

import (
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

// optout lets a customer stop or resume marketing, as the provider reports it.
func (b *bench) optout(phone string, stop bool) {
	b.t.Helper()
	b.advance(time.Second)
	b.ingest(b.webhook(b.clock(), channels.Event{Kind: channels.EventChange, Raw: []byte(`{}`), Change: &channels.Change{
		Type: "contact.preference", At: b.clock(), Optout: &channels.OptoutChange{Category: "marketing_messages", Stopped: stop,
			Party: channels.Party{Identities: []channels.Identity{{Kind: channels.IdentityPhone, Value: phone}}}},
	}}))
}

// Who has stopped marketing gets none: by a send, by a fallback, by a retry.
func TestConsent(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		marketing := func(to string) Draft {
			dr := b.draft(to, "")
			dr.Content, dr.Category = template("sale"), "MARKETING"
			return dr
		}
		queue := func(dr Draft) string {
			if _, _, err := b.Queue(t.Context(), dr); err != nil {
				return fault.CodeOf(err)
			}
			return "queued"
		}
		failed := b.queued(marketing(ada))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictFailed, Err: &channels.SendError{Class: channels.ClassRejected, Code: "x", Title: "x"}})
		b.optout(ada, true)
		keyed := marketing(ada)
		keyed.IdempotencyKey, keyed.Fingerprint = "k", "f"
		utility := b.draft(ada, "")
		utility.Content, utility.Category = template("order"), "UTILITY"
		withFallback := b.draft(ada, "hello")
		withFallback.Fallback = &Fallback{Content: template("sale"), Category: "MARKETING"}
		for _, tt := range []struct {
			name  string
			draft Draft
			want  string
		}{
			{"marketing", keyed, "opted_out"}, {"to somebody else", marketing("+16505550002"), "queued"}, {"what is no marketing", utility, "queued"},
			{"a fallback that is sent", withFallback, "opted_out"},
		} {
			if got := queue(tt.draft); got != tt.want {
				t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
			}
		}
		if _, err := b.Retry(t.Context(), "ten_1", failed.ID, 24*time.Hour); fault.CodeOf(err) != "opted_out" {
			t.Errorf("retry: %v; want opted_out", err)
		}
		b.open(ada)
		if got := queue(withFallback); got != "queued" {
			t.Errorf("a reply whose fallback is not needed: %s", got)
		}
		b.optout(ada, false)
		if got := queue(keyed); got != "queued" {
			t.Errorf("resumed: %s", got)
		}
		if _, err := b.Retry(t.Context(), "ten_1", failed.ID, 24*time.Hour); err != nil {
			t.Errorf("retry after it was resumed: %v", err)
		}
	})
}

// A customer may stop marketing after a message was scheduled.
func TestConsentWhenDue(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		scheduled := func(category string) string {
			dr := b.draft(ada, "")
			dr.Content, dr.Category, dr.SendAt = template(category), category, b.clock().Add(time.Hour)
			return b.queued(dr).ID
		}
		offer, order := scheduled("MARKETING"), scheduled("UTILITY")
		b.optout(ada, true)
		b.dueNow()
		b.wake()
		if m := b.message(offer); m.Status != Rejected || m.Error == nil || m.Error.Code != "opted_out" {
			t.Errorf("marketing: %s, %+v; want rejected, opted_out", m.Status, m.Error)
		}
		if m := b.message(order); m.Status != Queued {
			t.Errorf("utility: %s; want queued", m.Status)
		}
	})
}
