package conversations

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func (b *bench) trip(probe bool) {
	b.t.Helper()
	if err := b.TripBreaker(b.t.Context(), "ten_1", "ch_1", "The provider does not answer.", probe); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) closeBreaker() {
	b.t.Helper()
	if err := b.CloseBreaker(b.t.Context(), "ten_1", "ch_1"); err != nil {
		b.t.Fatal(err)
	}
}

// An open breaker stops the channel on every node; then one message tries, and
// what becomes of it decides.
func TestBreaker(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		ids := b.threeQueued()
		b.trip(false)
		b.trip(false) // another node's calls fail too
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
		b.trip(true)
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
		b.closeBreaker()
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
		b.closeBreaker()
		if c = b.claimWithin(meta); len(c) != 4 {
			t.Errorf("claims %d; want the others", len(c))
		}
	})
}

// A probe that makes no call leaves the trial to another one.
func TestReleasedProbe(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		for _, phone := range []string{ada, "+16505550000"} {
			b.open(phone)
			b.queued(b.draft(phone, "x"))
		}
		b.trip(false)
		b.later(31 * time.Second)
		c := b.claimWithin(meta)
		if len(c) != 1 || !c[0].Probe {
			t.Fatalf("claimed %+v; want a probe", c)
		}
		if err := b.ReleaseSends(t.Context(), c, 0, ""); err != nil {
			t.Fatal(err)
		}
		if c = b.claimWithin(meta); len(c) != 1 || !c[0].Probe {
			t.Errorf("claimed %+v; want another probe", c)
		}
	})
}
