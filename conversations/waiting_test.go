package conversations

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// waits lists the reasons told about a message.
func (b *bench) waits(messageID string) string {
	b.t.Helper()
	reasons := []string{}
	for _, e := range b.log("message.waiting") {
		d := decode(b.t, e.Data)
		if d["messageId"] == messageID {
			reasons = append(reasons, d["waiting"].(map[string]any)["reason"].(string))
		}
	}
	return fmt.Sprint(reasons)
}

func (b *bench) waiting(messageID string) Waiting {
	b.t.Helper()
	m, err := b.GetMessage(b.t.Context(), "ten_1", messageID)
	if err != nil {
		b.t.Fatal(err)
	}
	if m.Waiting == nil {
		return Waiting{}
	}
	return *m.Waiting
}

func (b *bench) explainAll() {
	b.t.Helper()
	if _, err := b.Explain(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// One event per change of reason, however often the reason is given.
func TestWaitsAreToldOncePerReason(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		for i, reason := range []string{WaitRetry, WaitRetry, WaitThrottled, WaitRetry} {
			b.exec(`UPDATE sends SET due_at = 0`)
			b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictRetry, Reason: reason, Wait: time.Duration(i+2) * time.Minute,
				Err: &channels.SendError{Class: channels.ClassTransient, Code: "131016"}})
		}
		if got := b.waits(m.ID); got != "[retry throttled retry]" {
			t.Errorf("told %s", got)
		}
		if w := b.waiting(m.ID); w.Reason != WaitRetry || time.Until(w.Until) < 3*time.Minute {
			t.Errorf("waiting %+v", w)
		}
		b.exec(`UPDATE sends SET due_at = 0, wait_said = ''`)
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictRetry, Reason: WaitRetry, Wait: 100 * time.Millisecond,
			Err: &channels.SendError{Class: channels.ClassTransient, Code: "131016"}})
		if got := b.waits(m.ID); got != "[retry throttled retry]" {
			t.Errorf("a wait of 100 ms was told: %s", got)
		}
	})
}

// What waits only because of its channel says so, and goes on when it is repaired.
func TestChannelWaits(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		first, second := b.queued(b.draft(ada, "1")), b.queued(b.draft(ada, "2"))
		if w := b.waiting(second.ID); w.Reason != WaitOrder || w.Behind != first.ID {
			t.Errorf("second waits %+v", w)
		}
		b.exec(`UPDATE channels SET paused_reason = 'The token expired.'`)
		b.explainAll()
		b.explainAll()
		if got := b.waits(first.ID); got != "[channel_paused]" {
			t.Errorf("told %s", got)
		}
		if w := b.waiting(second.ID); w.Reason != WaitChannelPaused || !w.Until.IsZero() {
			t.Errorf("second waits %+v", w)
		}
		b.exec(`UPDATE channels SET paused_reason = '', enabled = FALSE`)
		b.exec(`UPDATE sends SET due_at = 0`)
		b.explainAll()
		if got := b.waits(first.ID); got != "[channel_paused channel_disabled]" {
			t.Errorf("told %s", got)
		}
		b.exec(`UPDATE channels SET enabled = TRUE`)
		b.explainAll() // nobody called ReleaseChannel
		if w := b.waiting(first.ID); w.Reason != "" {
			t.Errorf("first waits %+v on a repaired channel", w)
		}
		if c := b.claim(10); len(c) != 1 || c[0].MessageID != first.ID {
			t.Errorf("claims %+v", c)
		}
	})
}

// After a repair a message that was refused because of the channel lets others
// go first: the fault may be its own.
func TestRefusedMessageIsNotTheProbe(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		b.open("+16505550000")
		refused, other := b.queued(b.draft(ada, "1")), b.queued(b.draft("+16505550000", "2"))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictRetry, Reason: WaitChannelPaused, Open: true, Refused: true, Wait: time.Hour,
			Err: &channels.SendError{Class: channels.ClassChannel, Code: "190"}})
		if w := b.waiting(refused.ID); w.Reason != WaitChannelPaused || !w.Until.IsZero() {
			t.Errorf("waits %+v", w)
		}
		if err := b.ReleaseChannel(t.Context(), "ch_1"); err != nil {
			t.Fatal(err)
		}
		if c := b.claim(10); len(c) != 1 || c[0].MessageID != other.ID {
			t.Errorf("claims %+v; want the other message", c)
		}
	})
}

// What waits for the channel's rate knows its turn; those behind it in their lane
// wait for it.
func TestRateWaits(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		ids := b.threeQueued()
		behind := b.queued(b.draft("+16505550000", "y"))
		if n, err := b.ExplainRate(t.Context(), "ch_1", 0.005); err != nil || n != 0 {
			t.Fatalf("explained %d at once, %v", n, err)
		}
		b.advance(2 * time.Second)
		if n, err := b.ExplainRate(t.Context(), "ch_1", 0.005); err != nil || n != 3 {
			t.Fatalf("explained %d, %v", n, err)
		}
		last := b.waiting(ids[2])
		if left := time.Until(last.Until); last.Reason != WaitThroughput || left < 7*time.Minute || left > 11*time.Minute {
			t.Errorf("third waits %+v", last)
		}
		if w := b.waiting(behind.ID); w.Reason != WaitOrder || w.Behind != ids[0] {
			t.Errorf("second of its lane waits %+v", w)
		}
		if len(b.claim(10)) != 3 {
			t.Error("explained sends cannot be claimed")
		}
	})
}
