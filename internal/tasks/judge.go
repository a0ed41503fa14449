package tasks

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
)

// retrySchedule is how long a message waits after its first, second, ... refusal;
// the last step repeats until its validity ends.
func retrySchedule() []time.Duration {
	return []time.Duration{time.Second, 4 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}
}

const (
	maxRetryAfter  = time.Hour
	laneBackoff    = time.Second // Meta, pair rate limit: "retry after 4^X seconds", X from 0
	channelBackoff = time.Second
	maxBackoff     = 10 * time.Minute
)

// judge decides what becomes of a message after an attempt.
func judge(c conversations.Claim, sent channels.Sent, err error) conversations.Outcome {
	if err == nil {
		return conversations.Outcome{Claim: c, Verdict: conversations.VerdictSent, Sent: sent}
	}
	e := asSendError(err)
	o := conversations.Outcome{Claim: c, Err: e, Verdict: conversations.VerdictRetry, Reason: conversations.WaitRetry, Spent: true}
	switch e.Class {
	case channels.ClassUncertain:
		o.Verdict = conversations.VerdictUncertain
	case channels.ClassNotSent, channels.ClassTransient:
		schedule := retrySchedule()
		o.Wait = jitter(schedule[min(c.Tries, int64(len(schedule)-1))])
	case channels.ClassThrottled:
		throttled(&o, e)
	case channels.ClassChannel:
		o.Reason, o.Wait, o.Spent, o.Open, o.Refused = conversations.WaitChannelPaused, time.Until(c.ValidUntil), false, true, true
	default:
		o.Verdict = conversations.VerdictFailed
	}
	if e.RetryAfter > 0 && o.Verdict == conversations.VerdictRetry && e.Scope.Beyond() == "" {
		o.Wait = again(min(e.RetryAfter, maxRetryAfter), c.Tries)
	}
	return o
}

// throttled says for what a message waits that the provider finds too much.
func throttled(o *conversations.Outcome, e *channels.SendError) {
	switch e.Scope {
	case channels.ScopeLane:
		o.Reason = conversations.WaitPair
	case channels.ScopeTemplate:
		o.Reason = conversations.WaitTemplatePaused
	case channels.ScopeMarketing:
		o.Reason = conversations.WaitMarketing
	default:
		o.Reason = conversations.WaitThrottled
	}
	o.Wait = jitter(backoff(e.Scope, o.Claim.Tries))
	if e.Scope.Beyond() != "" { // the same is true for others: see conversations.refusal
		o.Wait, o.Spent = max(e.RetryAfter, maxBackoff), false
	}
}

// again is the delay that the provider named, doubled per try: a provider that
// names the same few seconds to every try would be asked for days on end.
func again(named time.Duration, tries int64) time.Duration {
	wait := named
	for range min(tries, 10) {
		wait *= 2
	}
	return max(named, min(wait, maxBackoff))
}

// backoff grows by 4 per try. Source: Meta, Cloud API throughput, "retry after
// 4^X seconds".
func backoff(scope channels.Scope, tries int64) time.Duration {
	wait := channelBackoff
	if scope == channels.ScopeLane {
		wait = laneBackoff
	}
	for range min(tries, 6) {
		wait *= 4
	}
	return min(wait, maxBackoff)
}

// jitter spreads d by a fifth either way, so that what failed together does not
// come back together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*0.4-0.2)*float64(d))
}

// asSendError makes a SendError of whatever an adapter returned. What is not one
// is taken for an unknown outcome: that loses no message and doubles none.
func asSendError(err error) *channels.SendError {
	if e, ok := errors.AsType[*channels.SendError](err); ok {
		return e
	}
	if inv, ok := errors.AsType[*channels.Invalid](err); ok {
		detail := ""
		if len(inv.Problems) > 0 {
			detail = inv.Problems[0].Pointer + ": " + inv.Problems[0].Message
		}
		return &channels.SendError{Class: channels.ClassRejected, Code: "invalid", Title: "The channel cannot carry this content", Detail: detail, Err: err}
	}
	return &channels.SendError{Class: channels.ClassUncertain, Code: "unknown", Title: "The call ended in an unexpected way", Err: err}
}

// class is the metrics' word for an outcome.
func class(o conversations.Outcome) string {
	if o.Err == nil {
		return "ok"
	}
	switch o.Err.Class {
	case channels.ClassNotSent, channels.ClassThrottled, channels.ClassUncertain:
		return string(o.Err.Class)
	}
	return "refused"
}
