package conversations

import (
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

func (b *bench) wake() Due {
	b.t.Helper()
	n, err := b.WakeDue(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *bench) message(messageID string) Message {
	b.t.Helper()
	m, err := b.GetMessage(b.t.Context(), "ten_1", messageID)
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// dueNow makes the scheduled sends due: the clock of the database is not ours to
// move.
func (b *bench) dueNow() { b.exec(`UPDATE sends SET due_at = 1 WHERE state = 'scheduled'`) }

func template(name string) channels.Content {
	return channels.Content{Type: channels.TypeTemplate, Template: &channels.TemplateUse{Name: name}}
}

// fallbackDraft is free text with a template for when the window is closed.
func (b *bench) fallbackDraft(body string) Draft {
	d := b.draft(ada, body)
	d.Fallback = &Fallback{Content: template("plan_b"), Category: "UTILITY"}
	return d
}

// told returns the statuses announced for a message.
func (b *bench) told(messageID string) (words []string) {
	b.t.Helper()
	for _, e := range b.log("message.status") {
		if d := decode(b.t, e.Data); d["messageId"] == messageID {
			words = append(words, d["status"].(string))
		}
	}
	return words
}

func TestScheduled(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		draft := b.draft(ada, "later")
		draft.SendAt, draft.ValidFor = b.clock().Add(2*time.Hour), time.Hour
		later := b.queued(draft)
		if later.Status != Scheduled || !later.ScheduledAt.Equal(draft.SendAt) || !later.ValidUntil.Equal(draft.SendAt.Add(time.Hour)) {
			t.Fatalf("%s at %v until %v", later.Status, later.ScheduledAt, later.ValidUntil)
		}
		if m := b.message(later.ID); m.Status != Scheduled || m.Waiting == nil || m.Waiting.Reason != "scheduled" || !m.Waiting.Until.Equal(draft.SendAt) {
			t.Errorf("read back: %s, waiting %+v", m.Status, m.Waiting)
		}
		now := b.queued(b.draft(ada, "now"))
		c := b.claim(10)
		if len(c) != 1 || c[0].MessageID != now.ID {
			t.Fatalf("claimed %+v; want the message that is not scheduled", c)
		}
		if n := b.wake(); n.Woken != 0 {
			t.Fatalf("woken early: %+v", n)
		}
		b.dueNow()
		other := NewStore(d, b.opts)
		t.Cleanup(other.Stop)
		first, err := other.WakeDue(t.Context())
		if err != nil || first.Woken != 1 || b.wake().Woken != 0 {
			t.Fatalf("woken %+v, %v; want once", first, err)
		}
		if got := b.told(later.ID); len(got) != 1 || got[0] != "queued" {
			t.Errorf("announced %v; want queued", got)
		}
		if more := b.claim(10); len(more) != 0 {
			t.Fatalf("it overtook the message under way: %+v", more)
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.now"}})
		if c = b.claim(10); len(c) != 1 || c[0].MessageID != later.ID || c[0].Out.Content.Text != "later" {
			t.Fatalf("claimed %+v; want the one that was scheduled", c)
		}
	})
}

// The window is open when the message is accepted and closed when it is due.
func TestScheduledIntoClosedWindow(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		plain, safe := b.draft(ada, "plain"), b.fallbackDraft("safe")
		plain.SendAt, safe.SendAt = b.clock().Add(30*time.Hour), b.clock().Add(30*time.Hour)
		p, s := b.queued(plain), b.queued(safe)
		if s.UsedFallback {
			t.Error("the template is decided on before the message is due")
		}
		b.advance(30 * time.Hour)
		b.dueNow()
		b.wake()
		if m := b.message(p.ID); m.Status != Rejected || m.Error == nil || m.Error.Code != "window_closed" {
			t.Errorf("without a template: %s, %+v", m.Status, m.Error)
		}
		if m := b.message(s.ID); m.Status != Queued || !m.UsedFallback {
			t.Errorf("with a template: %s, fallback %v", m.Status, m.UsedFallback)
		}
		c := b.claim(10)
		if len(c) != 1 || !c[0].Fallback || c[0].Out.Content.Template == nil || c[0].Out.Content.Template.Name != "plan_b" {
			t.Fatalf("claimed %+v; want the template", c)
		}
		tl, err := b.Timeline(t.Context(), "ten_1", s.ID)
		if err != nil || len(tl.Attempts) != 1 || !tl.Attempts[0].Fallback {
			t.Errorf("timeline %+v, %v", tl, err)
		}
	})
}

// The template is sent from the start if the window is closed already.
func TestFallbackAtAccept(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		m := b.queued(b.fallbackDraft("never wrote"))
		if c := b.claim(1); !m.UsedFallback || len(c) != 1 || c[0].Out.Content.Type != channels.TypeTemplate {
			t.Errorf("fallback %v, claims %+v", m.UsedFallback, c)
		}
		closed := b.draft("+16505550001", "x")
		closed.SendAt = b.clock().Add(time.Hour)
		if _, _, err := b.Queue(t.Context(), closed); fault.CodeOf(err) != "window_closed" {
			t.Errorf("scheduled into a closed window: %v; want window_closed", err)
		}
	})
}

var windowClosedAnswer = channels.SendError{Class: channels.ClassRejected, Code: "131047", Title: "Service window closed", NeedsTemplate: true}

// The provider refuses the call because the window is closed: the template takes
// the message's place in its lane, once.
func TestFallbackAfterRefusal(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m, next := b.queued(b.fallbackDraft("x")), b.queued(b.draft(ada, "next"))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictFailed, Err: &windowClosedAnswer})
		if got := b.message(m.ID); got.Status != Queued || !got.UsedFallback || got.Error != nil {
			t.Fatalf("%s, fallback %v, %+v", got.Status, got.UsedFallback, got.Error)
		}
		c := b.claim(10)
		if len(c) != 1 || c[0].MessageID != m.ID || c[0].Attempt != 2 || c[0].Out.Content.Type != channels.TypeTemplate {
			t.Fatalf("claimed %+v", c)
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictFailed, Err: &windowClosedAnswer})
		if s := b.status(m.ID); s != Failed {
			t.Errorf("%s after the template was refused too; want failed", s)
		}
		if c = b.claim(10); len(c) != 1 || c[0].MessageID != next.ID {
			t.Errorf("claimed %+v; want the next message", c)
		}
	})
}

// The provider takes the message, and reports afterwards that the window is closed.
// Reports on the first attempt that come later do not touch the second.
func TestFallbackAfterReport(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.fallbackDraft("x"))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.1"}})
		report := func(n any, providerID string, s channels.Status) {
			e := status(providerID, s, b.clock())
			e.Status.MessageID = m.ID
			if s == channels.StatusFailed {
				e.Status.Error = told(&windowClosedAnswer)
			}
			b.ingest(b.webhook(n, e))
		}
		report(1, "wamid.1", channels.StatusFailed)
		if got := b.message(m.ID); got.Status != Queued || !got.UsedFallback || got.ProviderID != "" {
			t.Fatalf("%s, fallback %v, id %q", got.Status, got.UsedFallback, got.ProviderID)
		}
		report(2, "wamid.1", channels.StatusSent)
		report(3, "wamid.1", channels.StatusFailed)
		c := b.claim(1)
		if len(c) != 1 || c[0].Attempt != 2 || !c[0].Fallback {
			t.Fatalf("claimed %+v", c)
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.2"}})
		report(4, "wamid.1", channels.StatusFailed)
		report(5, "wamid.2", channels.StatusDelivered)
		got := b.message(m.ID)
		if got.Status != Delivered || got.ProviderID != "wamid.2" || got.Attempt != 2 {
			t.Errorf("%s, id %q, attempt %d", got.Status, got.ProviderID, got.Attempt)
		}
		if told := b.told(m.ID); len(told) != 4 {
			t.Errorf("announced %v; want sent, queued, sent, delivered", told)
		}
	})
}
