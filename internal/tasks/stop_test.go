package tasks

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/dbtest"
)

// quota grants nothing, and calls taken first.
type quota struct{ taken func() }

func (q quota) TakeChannel(_ context.Context, _ string, _ float64, want int) (int, time.Duration, float64) {
	q.taken()
	return 0, time.Second, 1
}

// purse counts what is taken.
type purse struct{ taken int }

func (p *purse) TakeChannel(_ context.Context, _ string, _ float64, want int) (int, time.Duration, float64) {
	p.taken += want
	return want, 0, 1
}

func (p *purse) SlowDown(context.Context, string) (float64, time.Duration) { return 1, 0 }

// What the rate grants for a claim that fails is not used up.
func TestFailedClaimCostsNothing(t *testing.T) {
	r := idleRig(t, dbtest.SQLite(t))
	p := &purse{}
	r.Limits = p
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.hotRound(ctx, "ch_1", 5); err == nil {
		t.Fatal("claimed with a context that has ended")
	}
	if p.taken != 0 {
		t.Errorf("%d messages of the rate are lost", p.taken)
	}
}

func (q quota) SlowDown(context.Context, string) (float64, time.Duration) { return 1, 0 }

// What is claimed when the process stops is given back: no call was made.
func TestStopGivesClaimsBack(t *testing.T) {
	r := idleRig(t, dbtest.SQLite(t))
	id := r.queue("+16505551234")
	ctx, stop := context.WithCancel(t.Context())
	r.Limits = quota{stop}
	r.rounds(ctx)
	var state string
	if err := r.d.Get(&state, `SELECT state FROM sends WHERE message_id = $1`, id); err != nil || state != "queued" {
		t.Errorf("the send is %s, %v; want queued", state, err)
	}
	if m := r.until(id, conversations.Queued); m.Attempt != 0 {
		t.Errorf("attempt %d; want none", m.Attempt)
	}
}

// A channel is looked up outside the claim's transaction, and nothing is sent before
// its limits are known.
func TestLooksUpBetweenClaims(t *testing.T) {
	d := dbtest.SQLite(t)
	r := idleRig(t, d)
	away := true
	o := r.Channels.(office)
	o.open.Description.Pair = channels.PairLimit{Every: channels.Seconds(60), Burst: 1}
	o.asked = func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if _, err := d.Exec(ctx, `UPDATE channels SET updated_at = updated_at + 1`); err != nil { // SQLite has one writer
			t.Errorf("looked up in a transaction: %v", err)
		}
		if away {
			return errors.New("not now")
		}
		return nil
	}
	r.Channels, r.callCtx = o, t.Context()
	first, second := r.queue("+16505551234"), r.queue("+16505551234")
	r.rounds(t.Context())
	if m := r.until(first, conversations.Queued); m.Waiting == nil || m.Waiting.Reason != conversations.WaitRetry {
		t.Errorf("on a channel that cannot be looked up it waits %+v", m.Waiting)
	}
	away = false
	for range 3 { // given back, the first, the second
		if _, err := d.Exec(t.Context(), `UPDATE sends SET due_at = 0`); err != nil {
			t.Fatal(err)
		}
		r.rounds(t.Context())
		r.calls.Wait()
	}
	r.until(first, conversations.Sent)
	if m := r.until(second, conversations.Queued); m.Waiting == nil || m.Waiting.Reason != conversations.WaitPair {
		t.Errorf("the second waits %+v; want the pair limit", m.Waiting)
	}
}
