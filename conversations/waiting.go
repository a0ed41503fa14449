package conversations

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// Reasons for which a queued message waits.
const (
	WaitScheduled       = "scheduled"
	WaitRetry           = "retry"            // a try failed; the next one comes
	WaitThroughput      = "throughput"       // the channel sends as fast as it may
	WaitThrottled       = "throttled"        // the provider asked the channel or the recipient's lane to slow down
	WaitPair            = "pair_limit"       // this recipient got as much as one may get
	WaitTier            = "tier_limit"       // as many new people were written to as the messaging tier allows
	WaitTemplatePaused  = "template_paused"  // the provider paused the template
	WaitTemplatePacing  = "template_pacing"  // the provider has it, and holds it back until it has judged the template
	WaitMarketing       = "marketing_limit"  // marketing is held back, on the channel or for this person
	WaitChannelPaused   = "channel_paused"   // until somebody repairs the channel
	WaitChannelDisabled = "channel_disabled" // until somebody enables the channel
	WaitBreaker         = "breaker_open"     // the provider cannot be reached
	WaitSlowCalls       = "slow_calls"       // the provider does not answer the channel's calls under way
	WaitOrder           = "order"            // another message to the same person goes first
	WaitUncertain       = "uncertain"        // the outcome of a call is awaited
)

// waits goes beside any condition on wait_reason: SQLite uses the index of what
// waits only where the index's own condition is written.
const waits = ` AND wait_reason <> ''`

// Waiting explains a message that is not being sent right now.
type Waiting struct {
	Reason      string
	Until       time.Time // when it is looked at again; zero: when somebody acts
	Limit, Used int64     // of the limit that holds it; 0 if none does
	Behind      string    // of WaitOrder: the message that goes first
}

// silence is how long a wait may be before it is announced: shorter ones, such
// as the gap between two sends of a channel at its rate, would only make noise.
const silence = time.Second

// waitingData is the body of message.waiting; see docs/reference/events.md.
type waitingData struct {
	MessageID      string      `json:"messageId"`
	ChannelID      string      `json:"channelId"`
	ConversationID string      `json:"conversationId"`
	Waiting        waitingBody `json:"waiting"`
}

type waitingBody struct {
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"`
	Limit  int64  `json:"limit,omitempty"`
	Used   int64  `json:"used,omitempty"`
}

const newWaits = `
	WITH {{rows}} SELECT s.message_id, s.tenant_id, s.channel_id, m.conversation_id, s.wait_reason, s.wait_until, s.wait_limit, s.wait_used
	FROM v JOIN sends s ON s.message_id = v.message_id JOIN messages m ON m.id = v.message_id
	WHERE s.state = 'queued' AND s.wait_reason <> '' AND s.wait_reason <> s.wait_said
		AND (s.wait_until = 0 OR s.wait_until >= {clock} + {silence})
	ORDER BY s.seq`

// sayWaits returns the events of those messages whose reason to wait is another
// one than the last that was told, and notes that it is told now.
func sayWaits(ctx context.Context, tx *db.Tx, now time.Time, messageIDs []string) (evs []events.Event, err error) {
	rows, said := db.NewRows("message_id text"), db.NewRows("message_id text")
	for _, id := range messageIDs {
		rows.Add(id)
	}
	query := strings.NewReplacer("{clock}", tx.Dialect.Clock(), "{silence}", fmt.Sprint(silence.Microseconds())).Replace(newWaits)
	err = tx.QueryRows(ctx, query, rows, func(r *sql.Rows) error {
		var d waitingData
		var tenantID string
		var until int64
		if err := r.Scan(&d.MessageID, &tenantID, &d.ChannelID, &d.ConversationID, &d.Waiting.Reason, &until, &d.Waiting.Limit, &d.Waiting.Used); err != nil {
			return err
		}
		if until > 0 {
			d.Waiting.Until = stamp(db.Time(until))
		}
		said.Add(d.MessageID)
		e, err := events.New(tenantID, "message.waiting", d.ChannelID, d.ConversationID, now, d)
		evs = append(evs, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("announce waits: %w", err)
	}
	_, err = tx.ExecRows(ctx, `WITH {{rows}} UPDATE sends SET wait_said = sends.wait_reason FROM v WHERE sends.message_id = v.message_id`, said)
	return evs, err
}

// sayHeld announces that the provider holds m back.
func (a *advance) sayHeld(m *sentMessage) error {
	e, err := events.New(m.tenantID, "message.waiting", m.channelID, m.conversationID, a.now, waitingData{MessageID: m.id,
		ChannelID: m.channelID, ConversationID: m.conversationID, Waiting: waitingBody{Reason: WaitTemplatePacing}})
	a.events = append(a.events, e)
	return err
}

// waiting reads the explanation of a message from its send.
func (m *Message) explain(state, reason string, until, limit, used, lease int64, behind string) {
	at := func(micros int64) time.Time {
		if micros == 0 {
			return time.Time{}
		}
		return db.Time(micros)
	}
	switch {
	case state == "" && reason == WaitTemplatePacing: // until the provider reports on it
		m.Waiting = &Waiting{Reason: reason}
	case state == "scheduled":
		m.Waiting = &Waiting{Reason: WaitScheduled, Until: m.ScheduledAt}
	case state == "uncertain":
		m.Waiting = &Waiting{Reason: WaitUncertain, Until: at(lease)}
	case state == stateManual: // until somebody settles it
		m.Waiting = &Waiting{Reason: WaitUncertain}
	case state != "queued":
	case reason != "":
		m.Waiting = &Waiting{Reason: reason, Until: at(until), Limit: limit, Used: used}
	case behind != "":
		m.Waiting = &Waiting{Reason: WaitOrder, Behind: behind}
	}
}

// ReleaseSends gives claims back that were not used: no call was made, and none
// is counted. They become due again after wait.
func (s *Store) ReleaseSends(ctx context.Context, claims []Claim, wait time.Duration, reason string) error {
	if len(claims) == 0 {
		return nil
	}
	back := make([]putBack, len(claims))
	for i, c := range claims {
		back[i] = putBack{claim: c, reason: reason, wait: wait, due: wait}
	}
	return s.inTx(ctx, func(tx *db.Tx) error {
		told, err := s.recall(ctx, tx, claims)
		if err != nil {
			return err
		}
		if err := undoLimits(ctx, tx, claims); err != nil {
			return err
		}
		evs, err := giveBack(ctx, tx, s.opts.Now(), back, true)
		if err != nil {
			return err
		}
		if err := undoProbes(ctx, tx, claims); err != nil {
			return err
		}
		return events.Append(ctx, tx, append(told, evs...))
	})
}

// putBack is a claim that is not used now. due is when it may be claimed again,
// wait what is told about that: until another reason to look comes first.
type putBack struct {
	claim       Claim
	reason      string
	wait, due   time.Duration
	limit, used int64
	open        bool // wait is not known: until somebody acts
}

const giveBackSends = `WITH {{rows}} UPDATE sends SET state = 'queued', attempt = sends.attempt - 1, lease_until = 0, lease_owner = '',
		due_at = {clock} + v.due, wait_reason = v.reason, wait_until = v.known * ({clock} + v.until), wait_limit = v.lim, wait_used = v.used, ` + held + `
	FROM v WHERE sends.message_id = v.message_id AND sends.attempt = v.attempt AND sends.state = 'sending' RETURNING sends.message_id, sends.attempt + 1`

// giveBack returns claims to the queue, where they are still ours, and announces why.
// The attempt number is given back too: no call was made under it. opened says that
// attempts were recorded.
func giveBack(ctx context.Context, tx *db.Tx, now time.Time, back []putBack, opened bool) ([]events.Event, error) {
	slices.SortFunc(back, func(a, b putBack) int { return strings.Compare(a.claim.MessageID, b.claim.MessageID) })
	rows := db.NewRows("message_id text", "attempt bigint", "due bigint", "until bigint", "known bigint", "reason text", "lim bigint", "used bigint")
	for _, b := range back {
		rows.Add(b.claim.MessageID, b.claim.Attempt, b.due.Microseconds(), b.wait.Microseconds(), one(!b.open), b.reason, b.limit, b.used)
	}
	var ids []string
	attempts := db.NewRows("message_id text", "attempt bigint")
	err := tx.QueryRows(ctx, strings.ReplaceAll(giveBackSends, "{clock}", tx.Dialect.Clock()), rows, func(r *sql.Rows) error {
		var messageID string
		var attempt int64
		if err := r.Scan(&messageID, &attempt); err != nil {
			return err
		}
		ids = append(ids, messageID)
		attempts.Add(messageID, attempt)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if opened {
		if _, err := tx.ExecRows(ctx, `WITH {{rows}} DELETE FROM attempts WHERE (message_id, attempt) IN (SELECT message_id, attempt FROM v)`, attempts); err != nil {
			return nil, err
		}
	}
	return sayWaits(ctx, tx, now, ids)
}

const overtaken = `WITH {{rows}} SELECT s.message_id FROM v JOIN sends s ON s.message_id = v.message_id AND s.attempt = v.attempt WHERE s.state = 'uncertain'`

// recall takes claims back whose lease ended before they were used, so that a sweep
// took them for calls that were cut off: their messages are queued again.
func (s *Store) recall(ctx context.Context, tx *db.Tx, claims []Claim) ([]events.Event, error) {
	rows, ids := db.NewRows("message_id text", "attempt bigint"), db.NewRows("id text")
	for _, c := range claims {
		rows.Add(c.MessageID, c.Attempt)
	}
	var messageID string
	if err := tx.QueryRows(ctx, overtaken, rows, func(r *sql.Rows) error {
		err := r.Scan(&messageID)
		ids.Add(messageID)
		return err
	}); err != nil || ids.Len() == 0 {
		return nil, err
	}
	msgs, err := lockSent(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	a := newAdvance(s.opts.Now())
	err = tx.QueryRows(ctx, `WITH {{rows}} UPDATE sends SET state = 'sending', held_since = 0
		FROM v WHERE sends.message_id = v.message_id AND sends.attempt = v.attempt AND sends.state = 'uncertain'`+returnID, rows, func(r *sql.Rows) error {
		if err := r.Scan(&messageID); err != nil {
			return err
		}
		m := msgs[messageID]
		m.errorText = ""
		return a.put(m, Queued, nil)
	})
	if err != nil {
		return nil, err
	}
	if err := a.save(ctx, tx); err != nil {
		return nil, err
	}
	return a.events, nil
}
