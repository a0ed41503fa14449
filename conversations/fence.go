package conversations

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// called are the states of a send whose last attempt may be under way somewhere.
const called = ` AND sends.state IN ('sending', 'uncertain', 'manual')`

const dropSends = `WITH {{rows}} DELETE FROM sends WHERE (message_id, attempt) IN (SELECT message_id, attempt FROM v)`

const (
	returnID      = ` RETURNING sends.message_id`
	returnAttempt = returnID + `, sends.attempt`
)

const requeueSends = `WITH {{rows}} UPDATE sends SET state = 'queued', lease_until = 0, lease_owner = '', tries = sends.tries + v.spent,
		due_at = {clock} + v.wait, wait_reason = v.reason, wait_until = v.known * ({clock} + v.wait), wait_limit = 0, wait_used = 0,
		refused = sends.refused + v.refused, ` + held + `
	FROM v WHERE sends.message_id = v.message_id AND sends.attempt = v.attempt AND sends.state = 'sending'` + returnAttempt

const suspendSends = `WITH {{rows}} UPDATE sends SET state = 'uncertain', lease_owner = '', lease_until = {clock} + v.wait,
		wait_reason = 'uncertain', wait_until = {clock} + v.wait,
		held_since = CASE WHEN sends.held_since > 0 THEN sends.held_since ELSE {clock} END
	FROM v WHERE sends.message_id = v.message_id AND sends.attempt = v.attempt AND sends.state = 'sending'` + returnAttempt

// fence moves the sends on, where the attempt is still the current one.
func fence(ctx context.Context, tx *db.Tx, items []*recordItem) error {
	drop := db.NewRows("message_id text", "attempt bigint")
	requeue := db.NewRows("message_id text", "attempt bigint", "spent bigint", "wait bigint", "reason text", "known bigint", "refused bigint")
	suspend := db.NewRows("message_id text", "attempt bigint", "wait bigint")
	type attempt struct { // two of one message can be in one batch
		messageID string
		n         int64
	}
	of := map[attempt]*recordItem{}
	for _, it := range items {
		c := it.Claim
		of[attempt{c.MessageID, c.Attempt}] = it
		verdict := it.Verdict
		if it.fallback {
			verdict = VerdictRetry
		}
		switch verdict {
		case VerdictRetry:
			requeue.Add(c.MessageID, c.Attempt, one(it.Spent), it.Wait.Microseconds(), it.Reason, one(!it.Open), one(it.Refused))
		case VerdictUncertain:
			suspend.Add(c.MessageID, c.Attempt, it.Wait.Microseconds())
		default:
			drop.Add(c.MessageID, c.Attempt)
		}
	}
	owned := func(r *sql.Rows) error {
		var a attempt
		if err := r.Scan(&a.messageID, &a.n); err != nil {
			return err
		}
		of[a].owned = true
		return nil
	}
	clock := tx.Dialect.Clock()
	if err := tx.QueryRows(ctx, dropSends+called+returnAttempt, drop, owned); err != nil {
		return err
	}
	if err := tx.QueryRows(ctx, strings.ReplaceAll(requeueSends, "{clock}", clock), requeue, owned); err != nil {
		return err
	}
	return tx.QueryRows(ctx, strings.ReplaceAll(suspendSends, "{clock}", clock), suspend, owned)
}

// one is a truth that SQL counts with.
func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// settleLimits does what the outcomes say about limits and about later messages,
// and returns the events of that and of what waits now.
func (s *Store) settleLimits(ctx context.Context, tx *db.Tx, items []*recordItem, now time.Time) ([]events.Event, error) {
	if err := unreached(ctx, tx, items); err != nil {
		return nil, err
	}
	if err := slowPairs(ctx, tx, items); err != nil {
		return nil, err
	}
	news, err := keepRefusals(ctx, tx, now, refusalsOf(items))
	if err != nil {
		return nil, err
	}
	waits, err := sayWaits(ctx, tx, now, requeued(items))
	return append(news, waits...), err
}

// requeued lists the messages that go back to the queue.
func requeued(items []*recordItem) (messageIDs []string) {
	for _, it := range items {
		if it.Verdict == VerdictRetry && it.owned {
			messageIDs = append(messageIDs, it.Claim.MessageID)
		}
	}
	return messageIDs
}

func closeAttempts(ctx context.Context, tx *db.Tx, items []*recordItem, now time.Time) error {
	rows := db.NewRows("message_id text", "attempt bigint", "at bigint", "outcome text", "code text", "title text", "detail text",
		"http_status bigint", "provider_id text", "exchange bytea")
	for _, it := range items {
		outcome, e := string(it.Verdict), &channels.SendError{}
		switch {
		case it.Err != nil:
			outcome, e = string(it.Err.Class), it.Err
		case it.Sent.Held: // see heldBack
			e.Code = WaitTemplatePacing
		}
		rows.Add(it.Claim.MessageID, it.Claim.Attempt, db.Micros(now), outcome, e.Code, e.Title, e.Detail, int64(e.HTTPStatus), it.Sent.ProviderID, it.exchange)
	}
	_, err := tx.ExecRows(ctx, `WITH {{rows}} UPDATE attempts SET finished_at = v.at, outcome = v.outcome, code = v.code, title = v.title,
			detail = v.detail, http_status = v.http_status, provider_id = v.provider_id, exchange = v.exchange
		FROM v WHERE attempts.message_id = v.message_id AND attempts.attempt = v.attempt`, rows)
	return err
}
