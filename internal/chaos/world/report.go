package world

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// Report is a status that the provider will report.
type Report struct {
	Status string // sent, delivered, read
	After  time.Duration
}

// NoReports is a provider that takes messages and never says what became of them.
func NoReports(rig.Accepted) []Report { return nil }

// reportWorkers is how many webhooks the provider posts at once.
const reportWorkers = 16

// The pauses between the repeats of a webhook that was not answered 200. Meta's
// grow to hours; ours to a second, because a scenario has minutes.
const (
	repeatFirst = 30 * time.Millisecond
	repeatMost  = time.Second
)

// reporter posts signed status webhooks, each until it is taken.
type reporter struct {
	world   *World
	due     chan report
	open    atomic.Int64    // planned and not yet taken
	ctx     context.Context //nolint:containedctx // of its goroutines, which outlive no call
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

type report struct {
	line *rig.Line
	hook *rig.Webhook
}

func startReporter(w *World) *reporter {
	r := &reporter{world: w, due: make(chan report, 100_000)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for range reportWorkers {
		r.workers.Go(r.work)
	}
	return r
}

func (r *reporter) stop() {
	r.cancel()
	r.workers.Wait()
}

// plan schedules the statuses of a message.
func (r *reporter) plan(line *rig.Line, a rig.Accepted) {
	plan := r.world.Reports
	if plan == nil {
		plan = r.soon
	}
	for _, s := range plan(a) {
		hook := line.Status(a, s.Status, time.Now().Add(s.After))
		r.open.Add(1)
		time.AfterFunc(s.After, func() {
			select {
			case r.due <- report{line, hook}:
			case <-r.ctx.Done():
			}
		})
	}
}

// soon reports sent and delivered within half a second.
func (r *reporter) soon(rig.Accepted) []Report {
	first := r.world.Duration(0, 400*time.Millisecond)
	return []Report{{Status: "sent", After: first}, {Status: "delivered", After: first + 100*time.Millisecond}}
}

func (r *reporter) work() {
	for {
		select {
		case s := <-r.due:
			r.world.Deliver(r.ctx, s.line, s.hook)
			r.open.Add(-1)
		case <-r.ctx.Done():
			return
		}
	}
}

// Deliver posts a webhook as a provider does: again, to whichever server answers,
// until it is answered 200 or ctx ends.
func (w *World) Deliver(ctx context.Context, l *rig.Line, hook *rig.Webhook) bool {
	for pause := repeatFirst; ; pause = min(2*pause, repeatMost) {
		for _, n := range w.each() {
			began := time.Now()
			status, _, err := n.hook.Do("POST", l.Path(), hook.Body, "X-Hub-Signature-256", hook.Signature)
			w.Ledger.answered(status, err)
			if err == nil && status == 200 {
				w.Ledger.ackHook(hook, began)
				return true
			}
		}
		if !rig.Pause(ctx, pause) {
			w.Ledger.giveUp()
			return false
		}
	}
}
