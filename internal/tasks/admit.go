package tasks

import (
	"context"
	"errors"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/registry"
)

// breakerTimeout bounds the writing of a breaker's state.
const breakerTimeout = 5 * time.Second

// admit starts as many claims of a channel as its rate allows and gives the rest
// back; the channel is then claimed for at the pace of its rate.
func (s *Sender) admit(ctx context.Context, channelID string, claims []conversations.Claim) int {
	broken := s.rules.broken(channelID)
	ch, err := s.lookup(ctx, channelID)
	if err != nil {
		s.release(ctx, claims, time.Second, conversations.WaitRetry)
		return 0
	}
	if broken { // what it allows was not known when they were claimed
		s.release(ctx, claims, 0, "")
		return 0
	}
	claims = s.reject(claims)
	granted, next, rate := s.Limits.TakeChannel(ctx, channelID, s.rate(ch), len(claims))
	if granted < len(claims) {
		s.hot.set(channelID, next, rate)
		s.release(ctx, claims[granted:], 0, "") // its turn comes: see Explain
	}
	for _, c := range claims[:granted] {
		s.call(ch, c)
	}
	return granted
}

// hotRound claims for a channel at its limit: no more than the limit grants.
func (s *Sender) hotRound(ctx context.Context, channelID string, free int) (int, error) {
	ch, err := s.lookup(ctx, channelID)
	if err != nil {
		s.hot.drop(channelID)
		return 0, nil //nolint:nilerr // its sends are claimed, and held, like any other's
	}
	granted, next, rate := s.Limits.TakeChannel(ctx, channelID, s.rate(ch), free)
	if granted == 0 {
		s.hot.set(channelID, next, rate)
		return 0, nil
	}
	claims, err := s.claim(ctx, granted, conversations.ClaimFilter{Only: channelID})
	if err != nil {
		s.Limits.TakeChannel(context.WithoutCancel(ctx), channelID, s.rate(ch), -granted)
		return 0, err
	}
	claims = s.reject(claims)
	if unused := granted - len(claims); unused > 0 {
		s.Limits.TakeChannel(context.WithoutCancel(ctx), channelID, s.rate(ch), -unused)
		s.hot.drop(channelID) // its backlog is gone, or held by other limits
	} else {
		s.hot.set(channelID, next, rate)
	}
	for _, c := range claims {
		s.call(ch, c)
	}
	return len(claims), nil
}

func (s *Sender) rate(ch *registry.Open) float64 {
	switch {
	case ch.Channel.Throughput > 0:
		return ch.Channel.Throughput
	case ch.Description.Throughput > 0:
		return ch.Description.Throughput
	}
	return s.Throughput
}

// reject ends the claims that a limit ends, and returns the others.
func (s *Sender) reject(claims []conversations.Claim) []conversations.Claim {
	keep := claims[:0]
	for _, c := range claims {
		if c.Refusal == nil {
			keep = append(keep, c)
			continue
		}
		verdict := conversations.VerdictRejected
		if c.Refusal.Class != channels.ClassRejected { // the provider's word, heard before
			verdict = conversations.VerdictFailed
		}
		o := conversations.Outcome{Claim: c, Verdict: verdict, Err: c.Refusal}
		s.calls.Go(func() { s.record(o) })
	}
	return keep
}

// react does what an error says about the whole channel.
func (s *Sender) react(ctx context.Context, c conversations.Claim, o *conversations.Outcome) {
	if o.Err == nil {
		return
	}
	var err error
	switch {
	case o.Err.Class == channels.ClassChannel:
		reason := o.Err.Title + ". " + o.Err.Action
		err = errors.Join(s.Channels.Pause(ctx, c.TenantID, c.ChannelID, reason),
			s.Store.HoldChannel(ctx, c.ChannelID, conversations.WaitChannelPaused))
	case o.Err.Class == channels.ClassThrottled && (o.Err.Scope == "" || o.Err.Scope == channels.ScopeChannel):
		err = s.slowDown(ctx, c)
		if o.Err.RetryAfter > 0 {
			err = errors.Join(err, s.Store.Throttle(ctx, c.TenantID, c.ChannelID, min(o.Err.RetryAfter, maxRetryAfter)))
		}
	}
	if err != nil {
		s.Log.Warn("stop channel", "channel", c.ChannelID, "err", err)
	}
}

// slowDown lowers the channel's pace, and says so.
func (s *Sender) slowDown(ctx context.Context, c conversations.Claim) error {
	share, back := s.Limits.SlowDown(ctx, c.ChannelID)
	if back <= 0 {
		return nil
	}
	ch, err := s.Channels.Lookup(ctx, c.ChannelID)
	if err != nil {
		return err
	}
	return s.Store.CutPace(ctx, c.TenantID, c.ChannelID, s.rate(ch), share, back)
}

// beat tells the channel's breaker how a call ended.
func (s *Sender) beat(c conversations.Claim, o conversations.Outcome) {
	if s.callCtx.Err() != nil {
		return // it was our stop that cut the call off
	}
	ctx, cancel := context.WithTimeout(s.callCtx, breakerTimeout)
	defer cancel()
	failed := unanswered(o.Err)
	trip := s.pulse.note(c.ChannelID, failed)
	var err error
	switch {
	case failed && (trip || c.Probe):
		err = s.Store.TripBreaker(ctx, c.TenantID, c.ChannelID, "The provider does not answer: "+o.Err.Title+".", c.Probe)
	case c.Probe && (o.Err == nil || o.Err.Class != channels.ClassChannel):
		err = s.Store.CloseBreaker(ctx, c.TenantID, c.ChannelID)
	}
	if err != nil { // the breaker is looked at again by the next probe
		s.Log.Warn("breaker", "channel", c.ChannelID, "err", err)
	}
}
