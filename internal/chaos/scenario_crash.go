package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
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
			_, err := t.crashAt(ctx, point, world.Options{}, allow{})
			return err
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
		return t.inDoubt(ctx, append([]string{beforeResend}, sendPoints...), func(point string) world.Options {
			o := world.Options{Policy: "resend", Reports: world.NoReports}
			if point == beforeResend {
				o.Plan = sometimesCut
			}
			return o
		}, allow{marked: true})
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
		return t.inDoubt(ctx, sendPoints, func(string) world.Options {
			return world.Options{Policy: "never", Reports: world.NoReports}
		}, allow{unsent: true})
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

// inDoubt crashes at points where the provider never reports, and checks that there
// was doubt: at a single point no call may have been under way.
func (t *Trial) inDoubt(ctx context.Context, points []string, options func(point string) world.Options, ok allow) error {
	var doubts atomic.Int64
	err := t.atEach(ctx, points, func(ctx context.Context, point string) error {
		n, err := t.crashAt(ctx, point, options(point), ok)
		doubts.Add(int64(n))
		return err
	})
	t.Count("attempts in doubt", float64(doubts.Load()))
	t.Expect(doubts.Load() > 0, "no attempt was in doubt: it shows nothing")
	return err
}

// crashAt lets a server crash at a point again and again under load, and returns how
// many attempts were cut off.
func (t *Trial) crashAt(ctx context.Context, point string, o world.Options, ok allow) (doubts int, err error) {
	o.Customers = t.Pick(60, 600)
	w, err := t.World(ctx, o)
	if err != nil {
		return 0, err
	}
	defer w.Close() // there are many at a time
	n := w.Nodes[0]
	load := w.Load(ctx, world.Load{Inbound: 60, Sends: 30})
	defer load.Stop()
	rounds := t.Pick(1, 5)
	if point == beforeResend { // of which each takes minutes
		rounds = 1
	}
	for range rounds {
		n.Kill()
		if err := t.crashOnce(ctx, w, point); err != nil {
			return 0, err
		}
		n.Kill()
		if err := n.Start(ctx); err != nil {
			return 0, err
		}
		w.Pause(ctx, 500*time.Millisecond)
	}
	load.Stop()
	if point == beforeResend { // else what is sent again would be in doubt again, and again
		w.Provider.SetPlan(func(world.Call) world.Answer { return world.Answer{} })
	}
	if err := w.Settle(ctx, nil, world.SettleLate); err != nil {
		return 0, err
	}
	a, err := t.Audit(ctx, w, nil, ok)
	if err != nil {
		return 0, err
	}
	t.enough(a, 20, 10)
	return t.explained(ctx, w, a)
}

// crashOnce starts the server with an order to kill itself at a point, and waits until
// it has.
func (t *Trial) crashOnce(ctx context.Context, w *world.World, point string) error {
	n, patience := w.Nodes[0], 30*time.Second
	n.CrashAt = fmt.Sprintf("%s:%d", point, 5+w.N(20))
	if point == beforeResend { // which comes after a lease, or a cut, and the wait for reports
		n.CrashAt, patience = beforeResend, world.SettleLate
	}
	err := n.Start(ctx)
	switch {
	case errors.Is(err, rig.ErrKilled): // with much to do, the moment came before the server had said that it serves
		return nil
	case err != nil:
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = n.AwaitEnd(waiting)
	t.Expect(err == nil, "the moment %s was not reached within %s: %v", point, patience, err)
	return ctx.Err()
}

// explained checks that every doubt about a message has its reason in an attempt that
// was cut off, that such a message ended as its policy says, and that a message which
// failed says why. It returns the number of those attempts.
func (t *Trial) explained(ctx context.Context, w *world.World, a *world.Audit) (cut int, err error) {
	if err := w.DB.GetContext(ctx, &cut, `SELECT count(*) FROM attempts WHERE outcome = 'uncertain'`); err != nil {
		return 0, err
	}
	t.Expect(a.DuplicatedSends <= cut, "%d messages were sent twice, but only %d attempts were cut off", a.DuplicatedSends, cut)
	var mute, strange int
	const silent = `SELECT count(*) FROM messages WHERE status = 'failed' AND error NOT LIKE '%outcome_unknown%'`
	if err := w.DB.GetContext(ctx, &mute, silent); err != nil {
		return 0, err
	}
	t.Expect(mute == 0, "%d messages failed without saying that their outcome is unknown", mute)
	ends := map[string]string{"never": `m.status = 'failed'`, "resend": `m.status = 'sent' AND m.possible_duplicate`}
	if end := ends[w.Policy]; end != "" {
		doubtful := `SELECT count(*) FROM messages m WHERE EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'uncertain') AND NOT (` + end + `)`
		if err := w.DB.GetContext(ctx, &strange, doubtful); err != nil {
			return 0, err
		}
		t.Expect(strange == 0, "%d messages whose outcome was unknown did not end as the policy %s says", strange, w.Policy)
	}
	return cut, nil
}
