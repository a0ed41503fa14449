package tasks

import (
	"context"
	"testing"
	"time"

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
	if _, _, err := r.round(ctx); err != nil {
		t.Fatal(err)
	}
	var state string
	if err := r.d.Get(&state, `SELECT state FROM sends WHERE message_id = $1`, id); err != nil || state != "queued" {
		t.Errorf("the send is %s, %v; want queued", state, err)
	}
	if m := r.until(id, conversations.Queued); m.Attempt != 0 {
		t.Errorf("attempt %d; want none", m.Attempt)
	}
}
