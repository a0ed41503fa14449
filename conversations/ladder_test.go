package conversations

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
	"pgregory.net/rapid"
)

// outcomeOf is what reports made of a message: its state, and what was announced.
type outcomeOf struct {
	status              Status
	lost, deleted, late bool
	announced           []string // sorted
}

// applyAll applies reports in the given order, with a time of its own for each kind,
// as a provider repeats it.
func applyAll(t *rapid.T, from Status, reports []channels.Status) outcomeOf {
	m := &sentMessage{id: "msg_1", tenantID: "ten_1", status: from, stored: from, providerID: "wamid.1"}
	a := newAdvance(time.Unix(1000, 0))
	for _, r := range reports {
		u := &channels.StatusUpdate{ProviderID: "wamid.1", Status: r, Provider: string(r), At: time.Unix(int64(len(r)), 0)}
		if err := a.apply(m, u, "jrn_1", a.now); err != nil {
			t.Fatal(err)
		}
	}
	o := outcomeOf{status: m.status, lost: m.trackingLost, deleted: m.deletedAt.Valid, late: m.late}
	var last Status
	for i, e := range a.events {
		word, status := announcedAs(t, e)
		if slices.Contains(o.announced, word) {
			t.Fatalf("%s is announced twice by %v", word, reports)
		}
		o.announced = append(o.announced, word)
		if i == len(a.events)-1 {
			last = status
		}
	}
	if len(a.events) > 0 && last != m.status {
		t.Fatalf("%v end in %s, and %s was announced last", reports, m.status, last)
	}
	return o
}

// announcedAs is the step that an event tells of: a change of status, or a flag.
func announcedAs(t *rapid.T, e events.Event) (string, Status) {
	var d statusData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatal(err)
	}
	if d.PreviousStatus != "" {
		return "to " + string(d.Status), d.Status
	}
	return fmt.Sprintf("lost %v, deleted %v, late %v", d.TrackingLost, d.DeletedAt != "", d.LateAcceptance), d.Status
}

// Whatever the order of a provider's reports and however often each comes, a message
// ends in the same state, and each real step is announced once.
func TestReportsInAnyOrder(t *testing.T) {
	all := []channels.Status{channels.StatusSent, channels.StatusDelivered, channels.StatusRead, channels.StatusFailed, channels.StatusDeleted,
		channels.StatusTrackingLost, channels.StatusUnknown}
	states := []Status{Queued, Sending, Uncertain, Sent, Expired, Cancelled, Rejected}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom(states).Draw(t, "from")
		reports := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 7, rapid.ID).Draw(t, "reports")
		repeats := append(slices.Clone(reports), rapid.SliceOfN(rapid.SampledFrom(reports), 0, 5).Draw(t, "repeats")...)
		got := applyAll(t, from, rapid.Permutation(repeats).Draw(t, "order"))
		want := applyAll(t, from, reports)
		if got.status != want.status || got.lost != want.lost || got.deleted != want.deleted || got.late != want.late {
			t.Fatalf("%v: %+v; want %+v", reports, got, want)
		}
	})
}

// The provider took a message that had ended here: that is told, and changes
// nothing else.
func TestLateAcceptance(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		b.exec(`UPDATE sends SET valid_until = 1`)
		b.wake()
		for n, s := range []channels.Status{channels.StatusSent, channels.StatusDelivered, channels.StatusDelivered} {
			e := status("wamid.late", s, b.clock())
			e.Status.MessageID = m.ID
			b.ingest(b.webhook(n, e))
		}
		if got := b.message(m.ID); got.Status != Expired || !got.LateAcceptance {
			t.Errorf("%s, late %v; want expired, late", got.Status, got.LateAcceptance)
		}
		if told := b.told(m.ID); fmt.Sprint(told) != "[expired expired]" {
			t.Errorf("announced %v; want expired, and once that it was taken late", told)
		}
		if r, err := b.Retry(t.Context(), "ten_1", m.ID, 0); err != nil || !r.PossibleDuplicate {
			t.Errorf("%+v, %v; want a possible duplicate", r, err)
		}
	})
}

func TestTrackingLost(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.1"}})
		for n := range 2 {
			b.ingest(b.webhook(n, status("wamid.1", channels.StatusTrackingLost, b.clock())))
		}
		if got := b.message(m.ID); got.Status != Sent || !got.TrackingLost {
			t.Errorf("%s, lost %v", got.Status, got.TrackingLost)
		}
		if told := b.told(m.ID); fmt.Sprint(told) != "[sent sent]" {
			t.Errorf("announced %v; want sent, and once that tracking is lost", told)
		}
	})
}

// A report comes before the answer to the call: the message knows its attempt at
// once, and keeps it. The attempt ends with the report: its process may have died.
func TestAttemptBeforeItsAnswer(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		m := b.queued(b.draft(ada, "x"))
		c := b.claim(1)
		e := status("wamid.1", channels.StatusSent, b.clock())
		e.Status.MessageID = m.ID
		b.ingest(b.webhook(1, e))
		if got := b.message(m.ID); got.Attempt != 1 {
			t.Errorf("attempt %d before the answer; want 1", got.Attempt)
		}
		if n := b.count(`SELECT count(*) FROM attempts WHERE outcome = 'sent' AND provider_id = 'wamid.1' AND finished_at > 0`); n != 1 {
			t.Errorf("%d attempts ended with the report; want 1", n)
		}
		b.outcome(Outcome{Claim: c[0], Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid.1"}})
		if got := b.message(m.ID); got.Attempt != 1 || got.Status != Sent {
			t.Errorf("attempt %d, %s", got.Attempt, got.Status)
		}
	})
}

// A message of bestEffort lets others pass once it has been held up for long, but
// not because of a limit, and never while one that passed is under way.
func TestOrderings(t *testing.T) {
	tests := []struct {
		name     string
		ordering Ordering
		reason   string
		held     time.Duration
		passes   bool
	}{
		{"strict", OrderStrict, WaitRetry, time.Hour, false},
		{"not for long", OrderBestEffort, WaitRetry, 100 * time.Second, false},
		{"for long", OrderBestEffort, WaitRetry, 130 * time.Second, true},
		{"a limit", OrderBestEffort, WaitPair, time.Hour, false},
		{"throttled", OrderBestEffort, WaitThrottled, time.Hour, false},
		{"marketing", OrderBestEffort, WaitMarketing, 0, true},
		{"the tier", OrderBestEffort, WaitTier, 0, true},
		{"a paused template", OrderBestEffort, WaitTemplatePaused, 0, true},
		{"strict marketing", OrderStrict, WaitMarketing, time.Hour, false},
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		for i, tt := range tests {
			phone := fmt.Sprintf("+1650555%04d", i)
			b.open(phone)
			draft := b.draft(phone, "head")
			draft.Ordering = tt.ordering
			head, next := b.queued(draft), b.queued(b.draft(phone, "next"))
			b.outcome(Outcome{Claim: b.claim(1)[0], Verdict: VerdictRetry, Wait: 2 * time.Hour, Reason: tt.reason,
				Err: &channels.SendError{Class: channels.ClassTransient, Code: "131016"}})
			b.exec(`UPDATE sends SET held_since = held_since - $1 WHERE held_since > 0`, tt.held.Microseconds())
			c := b.claim(10)
			if passed := len(c) == 1 && c[0].MessageID == next.ID; passed != tt.passes || len(c) > 1 {
				t.Errorf("%s: claimed %+v; want it to pass: %v", tt.name, c, tt.passes)
			}
			b.exec(`UPDATE sends SET due_at = 0 WHERE message_id = $1`, head.ID)
			if more := b.claim(10); tt.passes && len(more) != 0 {
				t.Errorf("%s: two calls at once to one contact: %+v", tt.name, more)
			}
			b.exec(`DELETE FROM sends`)
		}
	})
}
