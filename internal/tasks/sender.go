package tasks

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/registry"
)

// Channels finds configured channels and takes them out of service.
type Channels interface {
	Lookup(ctx context.Context, channelID string) (*registry.Open, error)
	Pause(ctx context.Context, tenantID, channelID, reason string) error
}

// Limiter bounds a channel's messages per second.
type Limiter interface {
	// TakeChannel takes up to want; a negative want gives back. rate is what the
	// channel may send now, perSecond or less.
	TakeChannel(ctx context.Context, channelID string, perSecond float64, want int) (granted int, next time.Duration, rate float64)
	// SlowDown notes that the provider found the channel too fast. It returns the
	// share of the rate that is left, if that has changed, and when all is back.
	SlowDown(ctx context.Context, channelID string) (share float64, back time.Duration)
}

// SenderOptions are what a Sender needs.
type SenderOptions struct {
	Store    *conversations.Store
	Channels Channels
	Limits   Limiter
	// Prepare replaces our references in content by the provider's: media that
	// must be uploaded first, the message a reaction is for.
	Prepare    func(ctx context.Context, tenantID string, ch *registry.Open, out *channels.Outbound) error
	Throughput float64 // messages per second of a channel that names none
	Workers    int     // calls to providers at once
	Log        *slog.Logger
	OnAttempt  func(class string, took time.Duration) // for metrics
	OnSwept    func(conversations.Swept)              // for metrics
}

const (
	sendTimeout    = 30 * time.Second // one call to a provider
	renewEvery     = conversations.Lease / 3
	sweepEvery     = 2 * time.Second
	dueEvery       = 500 * time.Millisecond // half of what a schedule or a validity may be missed by
	claimEvery     = 5 * time.Millisecond   // between claims while most slots are taken: calls end one by one
	pollBusy       = 250 * time.Millisecond // how often the tables are looked at without a ring
	pollIdle       = time.Second
	releaseTimeout = 5 * time.Second
	recordPause    = 200 * time.Millisecond // between tries to record an outcome while the database is away
	recordPauses   = 5 * time.Second
)

// Sender delivers queued messages: it claims them, hands each to its channel's
// account, and records the outcome. Any number of Senders share one database.
type Sender struct {
	SenderOptions
	wake  chan struct{}
	slots chan struct{} // one per call under way, except slow ones
	slow  slowCalls
	hot   hotChannels
	pulse pulse
	rules rules

	wg      sync.WaitGroup
	calls   sync.WaitGroup
	stop    context.CancelFunc
	callCtx context.Context // of the calls: they outlive stop, up to the grace
	cancel  context.CancelFunc
}

// NewSender returns a Sender that is not started.
func NewSender(o SenderOptions) *Sender {
	return &Sender{SenderOptions: o, wake: make(chan struct{}, 1), slots: make(chan struct{}, o.Workers), hot: hotChannels{now: time.Now, heat: map[string]heat{}},
		pulse: pulse{now: time.Now, beats: map[string]*beat{}}, rules: newRules(time.Now)}
}

// Wake makes the Sender look for work now. It never blocks.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Start begins to deliver.
func (s *Sender) Start() error {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.callCtx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(func() { s.claimLoop(ctx) })
	s.wg.Go(func() { every(ctx, renewEvery, s.renew) })
	s.wg.Go(func() { every(ctx, sweepEvery, s.sweep) })
	s.wg.Go(func() { every(ctx, dueEvery, s.due) })
	return nil
}

// Stop claims nothing more and waits for the calls under way until ctx ends; then
// it cuts them off, which leaves them uncertain, to be settled by reports.
func (s *Sender) Stop(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		s.calls.Wait()
		close(done)
	}()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.cancel()
		<-done
		return ctx.Err()
	}
}

// every calls fn now and then, until ctx ends.
func every(ctx context.Context, d time.Duration, fn func(context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fn(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Sender) renew(ctx context.Context) {
	if len(s.slots) == 0 && !s.slow.any() {
		return
	}
	if err := s.Store.RenewLeases(ctx); err != nil && ctx.Err() == nil {
		s.Log.Warn("renew leases", "err", err)
	}
}

func (s *Sender) sweep(ctx context.Context) {
	n, err := s.Store.Sweep(ctx)
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("sweep", "err", err)
	}
	s.explain(ctx)
	if s.OnSwept != nil {
		s.OnSwept(n)
	}
	if n.Interrupted+n.Resent+n.GivenUp+n.HandedOver > 0 {
		s.Log.Info("settled sends that nobody worked on", "interrupted", n.Interrupted, "resent", n.Resent, "givenUp", n.GivenUp, "handedOver", n.HandedOver)
		s.Wake()
	}
}

// due wakes what is scheduled for now and ends what has waited too long.
func (s *Sender) due(ctx context.Context) {
	n, err := s.Store.WakeDue(ctx)
	if err != nil && ctx.Err() == nil {
		s.Log.Warn("look for what is due", "err", err)
	}
	if n.Woken+n.Expired > 0 {
		s.Log.Info("the time came", "woken", n.Woken, "expired", n.Expired)
	}
}

// release gives claims back, also while the Sender stops: a claim that is kept would be
// taken for a call that was cut off.
func (s *Sender) release(ctx context.Context, claims []conversations.Claim, wait time.Duration, reason string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := s.Store.ReleaseSends(ctx, claims, wait, reason); err != nil {
		s.Log.Warn("release sends; their leases will end", "err", err) // the sweeper finds them
	}
}

// call makes the attempt of a claim in the background.
func (s *Sender) call(ch *registry.Open, c conversations.Claim) {
	s.slots <- struct{}{}
	s.calls.Go(func() {
		late := time.AfterFunc(slowAfter, func() {
			s.slow.add(c.ChannelID, 1)
			<-s.slots
			s.Wake()
		})
		s.attempt(ch, c)
		if late.Stop() {
			<-s.slots
		} else {
			s.slow.add(c.ChannelID, -1)
		}
		s.Wake() // the lane is free, and so is a slot
	})
}

func (s *Sender) attempt(ch *registry.Open, c conversations.Claim) {
	began := time.Now()
	if began.After(c.StartBy) || !began.Before(c.EndBy) {
		s.release(s.callCtx, []conversations.Claim{c}, 0, "") // if it is still ours
		return
	}
	ctx, cancel := context.WithTimeout(s.callCtx, min(sendTimeout, c.EndBy.Sub(began)))
	defer cancel()
	crash.At("after_claim")
	sent, err := s.send(ctx, ch, &c)
	crash.At("after_provider_answer")
	o := judge(c, sent, err)
	if s.OnAttempt != nil {
		s.OnAttempt(class(o), time.Since(began))
	}
	if o.Err != nil {
		s.Log.Info("send not accepted", "message", c.MessageID, "channel", c.ChannelID, "attempt", c.Attempt, "class", o.Err.Class, "code", o.Err.Code, "http", o.Err.HTTPStatus)
	}
	s.react(ctx, c, &o)
	s.record(o)
	s.beat(c, o)
	crash.At("after_record")
}

// send calls the provider; a panic of an adapter counts as an unknown outcome.
func (s *Sender) send(ctx context.Context, ch *registry.Open, c *conversations.Claim) (sent channels.Sent, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("adapter panicked", "channel", c.ChannelID, "message", c.MessageID, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = &channels.SendError{Class: channels.ClassUncertain, Code: "panic", Title: "The adapter failed during the call"}
		}
	}()
	if err := s.Prepare(ctx, c.TenantID, ch, &c.Out); err != nil {
		return sent, err
	}
	return ch.Account.Send(ctx, c.Out)
}

// record stores the outcome, for as long as it takes: it is the only witness. What the
// database refuses for good is left to the sweeper.
func (s *Sender) record(o conversations.Outcome) {
	for pause := recordPause; ; pause = min(2*pause, recordPauses) {
		err := s.Store.RecordSend(context.Background(), o)
		if err == nil {
			return
		}
		s.Log.Warn("record outcome", "message", o.Claim.MessageID, "err", err)
		if db.IsData(err) {
			return
		}
		select {
		case <-time.After(pause):
		case <-s.callCtx.Done(): // the grace is over: the lease ends, and reports settle it
			return
		}
	}
}
