package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// crashPoints are the moments of internal/crash that a load without faults reaches.
var crashPoints = []string{
	"before_ingest_commit", "after_ingest_commit", "before_queue_commit", "after_queue_commit",
	"after_claim", "after_provider_answer", "before_record", "after_record",
}

// crash is R1 and R2 at the moments where a crash hurts most: around each commit, and
// between the provider's answer and its record. The provider reports on every message
// that it took, so that nobody needs to guess: lost 0, duplicated 0.
var crash = Scenario{
	Name: "crash-points", Rules: "R1, R2",
	Promise: "A crash at the worst moments (around each commit, between the provider's answer and its record) loses nothing and sends nothing twice, as the provider reports what it took.",
	Run: func(ctx context.Context, t *Trial) error {
		return t.atEach(ctx, crashPoints, func(ctx context.Context, point string) error {
			return t.crashAt(ctx, point, world.Options{}, allow{})
		})
	},
}

// crashSilent is R3: the same where the provider never says what it took. What is not
// known is then sent again by the policy resend, and only that: each message that the
// provider took twice is marked possibleDuplicate, and there are no more of them than
// attempts that were cut off.
var crashSilent = Scenario{
	Name: "crash-silent", Rules: "R3",
	Promise: "Where the provider never reports, a message is sent again only if its outcome is unknown, and then it is marked as a possible duplicate.",
	Run: func(ctx context.Context, t *Trial) error {
		return t.atEach(ctx, append([]string{beforeResend}, sendPoints...), func(ctx context.Context, point string) error {
			o := world.Options{Policy: "resend", Reports: world.NoReports}
			if point == beforeResend {
				o.Plan = sometimesCut
			}
			return t.crashAt(ctx, point, o, allow{marked: true})
		})
	},
}

// beforeResend is the moment before a message is queued again whose outcome stayed
// unknown.
const beforeResend = "before_resend"

// sometimesCut is a provider that takes every message and now and then does not say
// so.
func sometimesCut(c world.Call) world.Answer {
	return world.Answer{Latency: 20 * time.Millisecond, Cut: c.N%10 == 0}
}

// crashNever is R3 with the policy never: duplicated 0, and each message whose outcome
// is unknown ends as failed with the code outcome_unknown.
var crashNever = Scenario{
	Name: "crash-never", Rules: "R3",
	Promise: "With the policy never, a message whose outcome is unknown is not sent again: it fails with outcome_unknown.",
	Run: func(ctx context.Context, t *Trial) error {
		return t.atEach(ctx, sendPoints, func(ctx context.Context, point string) error {
			return t.crashAt(ctx, point, world.Options{Policy: "never", Reports: world.NoReports}, allow{unsent: true})
		})
	},
}

// sendPoints are those at which a call to the provider may be under way.
var sendPoints = []string{"after_claim", "after_provider_answer", "before_record", "after_record"}

// atEach runs fn for several crash points at the same time: each mostly waits.
func (t *Trial) atEach(ctx context.Context, points []string, fn func(ctx context.Context, point string) error) error {
	const together = 4
	slots := make(chan struct{}, together)
	errs := make([]error, len(points))
	var wg sync.WaitGroup
	for i, point := range points {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := fn(ctx, point); err != nil {
				errs[i] = fmt.Errorf("%s: %w", point, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// crashAt lets a server crash at a point again and again under load.
func (t *Trial) crashAt(ctx context.Context, point string, o world.Options, ok allow) error {
	o.Customers = t.Pick(60, 600)
	w, err := t.World(ctx, o)
	if err != nil {
		return err
	}
	defer w.Close() // there are many at a time
	n := w.Nodes[0]
	load := w.Load(ctx, world.Load{Inbound: 60, Sends: 30})
	defer load.Stop()
	for range t.Pick(1, 10) {
		n.Kill()
		n.CrashAt = fmt.Sprintf("%s:%d", point, 5+w.N(20))
		patience := 30 * time.Second
		if point == beforeResend { // which comes after a lease, or a cut, and the wait for reports
			n.CrashAt, patience = beforeResend, world.SettleLate
		}
		err := n.Start(ctx)
		if err == nil {
			waiting, cancel := context.WithTimeout(ctx, patience)
			err = n.AwaitEnd(waiting)
			cancel()
		} else { // with much to do, the moment came before the server had said that it serves
			err = nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.Expect(err == nil, "the moment %s was not reached within %s", point, patience)
		n.Kill()
		if err := n.Start(ctx); err != nil {
			return err
		}
		w.Pause(ctx, 500*time.Millisecond)
	}
	load.Stop()
	if err := w.Settle(ctx, nil, world.SettleLate); err != nil {
		return err
	}
	a, err := t.Audit(ctx, w, nil, ok)
	if err != nil {
		return err
	}
	t.enough(a, 20, 10)
	return t.explained(ctx, w, a)
}

// explained checks that every doubt about a message has its reason in an attempt that
// was cut off, and that a message which failed says why.
func (t *Trial) explained(ctx context.Context, w *world.World, a *world.Audit) error {
	var cut, mute int
	if err := w.DB.GetContext(ctx, &cut, `SELECT count(*) FROM attempts WHERE outcome = 'uncertain'`); err != nil {
		return err
	}
	t.Expect(a.DuplicatedSends <= cut, "%d messages were sent twice, but only %d attempts were cut off", a.DuplicatedSends, cut)
	err := w.DB.GetContext(ctx, &mute, `SELECT count(*) FROM messages WHERE status = 'failed' AND error NOT LIKE '%outcome_unknown%'`)
	t.Expect(mute == 0, "%d messages failed without saying that their outcome is unknown", mute)
	return err
}
