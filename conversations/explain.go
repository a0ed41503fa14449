package conversations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// Explain gives a reason to what has been due for a while and may not be sent:
// on channels that are disabled, paused or held. It also lets go what waited for
// a channel that may send again.
func (s *Store) Explain(ctx context.Context) (explained int, err error) {
	held, err := s.heldChannels(ctx)
	if err != nil {
		return 0, fmt.Errorf("explain waits: %w", err)
	}
	for _, h := range held {
		n, failed := s.explainChannel(ctx, h)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("explain waits of channel %s: %w", h.ID, failed))
		}
		explained += n
	}
	_, failed := s.FreeTiers(ctx)
	return explained, errors.Join(err, s.freeChannels(ctx), s.freeTemplates(ctx), s.tellPaces(ctx), failed)
}

// heldChannel is a channel that may not send.
type heldChannel struct {
	ID     string `db:"id"`
	Reason string `db:"reason"`
	Until  int64  `db:"until"` // 0: until somebody acts
}

func (s *Store) heldChannels(ctx context.Context) (held []heldChannel, err error) {
	query := `
		SELECT id, CASE WHEN paused_reason <> '' THEN 'channel_paused' ELSE 'channel_disabled' END AS reason, 0 AS until
		FROM channels WHERE deleted_at IS NULL AND (NOT enabled OR paused_reason <> '')
		UNION ALL
		SELECT h.channel_id, h.reason, h.until FROM holds h JOIN channels c ON c.id = h.channel_id
		WHERE h.kind = 'channel' AND h.key = '' AND h.until > {clock} AND c.enabled AND c.paused_reason = ''`
	err = s.db.SelectContext(ctx, &held, strings.ReplaceAll(query, "{clock}", s.db.Dialect.Clock()))
	return held, err
}

// explainLimit bounds the rows that are explained in one transaction, and
// explainRounds the transactions of one look at a channel.
const (
	explainLimit  = 500
	explainRounds = 10
)

func (s *Store) explainChannel(ctx context.Context, h heldChannel) (explained int, err error) {
	query := `UPDATE sends SET wait_reason = $1, wait_until = CAST($2 AS BIGINT), wait_limit = 0, wait_used = 0,
			due_at = CASE WHEN CAST($2 AS BIGINT) = 0 THEN valid_until ELSE CAST($2 AS BIGINT) END
		WHERE seq IN (SELECT seq FROM sends WHERE channel_id = $3 AND state = 'queued' AND due_at <= {clock}
			ORDER BY priority, due_at, seq LIMIT {limit}{lock})
		RETURNING message_id`
	for range explainRounds {
		n, err := s.mark(ctx, query, h.Reason, h.Until, h.ID)
		explained += n
		if err != nil || n < explainLimit {
			return explained, err
		}
	}
	return explained, nil
}

// ExplainRate says of what waits for a channel's rate when its turn comes: the
// first of each lane in the order in which they will be sent, at perSecond.
func (s *Store) ExplainRate(ctx context.Context, channelID string, perSecond float64) (int, error) {
	query := `WITH told AS (SELECT count(*) AS n FROM sends WHERE channel_id = $1 AND wait_reason = 'throughput' AND wait_reason <> '' AND state = 'queued'),
		turn AS (SELECT s.seq, row_number() OVER (ORDER BY s.priority, s.due_at, s.seq) AS n FROM sends s
			WHERE s.channel_id = $1 AND s.state = 'queued' AND s.wait_reason IN ('', 'slow_calls') AND s.due_at <= {clock}
			AND NOT EXISTS (SELECT 1 FROM sends p WHERE p.channel_id = s.channel_id AND p.contact_id = s.contact_id AND p.seq < s.seq)
			AND EXISTS (SELECT 1 FROM messages m WHERE m.id = s.message_id AND m.created_at <= $4)
			ORDER BY s.priority, s.due_at, s.seq LIMIT {limit})
		UPDATE sends SET wait_reason = 'throughput', wait_limit = CAST($2 AS BIGINT), wait_used = CAST($2 AS BIGINT),
			wait_until = {clock} + (told.n + turn.n) * CAST($3 AS BIGINT)
		FROM told, turn WHERE sends.seq = turn.seq AND sends.state = 'queued' AND sends.wait_reason IN ('', 'slow_calls')
		RETURNING message_id`
	perSecond = max(perSecond, 0.001)
	queued := db.Micros(s.opts.Now().Add(-silence)) // a new send is due at 0, whenever it came
	n, err := s.mark(ctx, query, channelID, int64(max(perSecond, 1)), int64(1e6/perSecond), queued)
	if err != nil {
		return n, fmt.Errorf("explain the rate of channel %s: %w", channelID, err)
	}
	return n, nil
}

// ExplainSlow says of what waits because the provider does not answer a channel's
// calls that it does, and for how long one of them may still take. They stay due.
func (s *Store) ExplainSlow(ctx context.Context, channelID string, within time.Duration) (int, error) {
	query := `UPDATE sends SET wait_reason = 'slow_calls', wait_until = {clock} + $2, wait_limit = 0, wait_used = 0
		WHERE seq IN (SELECT s.seq FROM sends s WHERE s.channel_id = $1 AND s.state = 'queued' AND s.due_at <= {clock}
			AND (s.wait_reason = '' OR s.wait_reason = 'slow_calls' AND s.wait_until <= {clock})
			AND NOT EXISTS (SELECT 1 FROM sends p WHERE p.channel_id = s.channel_id AND p.contact_id = s.contact_id AND p.seq < s.seq)
			ORDER BY s.priority, s.due_at, s.seq LIMIT {limit}{lock})
		RETURNING message_id`
	n, err := s.mark(ctx, query, channelID, within.Microseconds())
	if err != nil {
		return n, fmt.Errorf("explain the slow calls of channel %s: %w", channelID, err)
	}
	return n, nil
}

// mark runs an update that gives sends a reason, and announces it.
func (s *Store) mark(ctx context.Context, query string, args ...any) (n int, err error) {
	err = s.inTx(ctx, func(tx *db.Tx) error {
		lock := ""
		if tx.Dialect == db.Postgres {
			lock = ` FOR UPDATE SKIP LOCKED`
		}
		q := strings.NewReplacer("{clock}", tx.Dialect.Clock(), "{limit}", fmt.Sprint(explainLimit), "{lock}", lock).Replace(query)
		var ids []string
		if err := tx.SelectContext(ctx, &ids, q, args...); err != nil {
			return err
		}
		n = len(ids)
		evs, err := sayWaits(ctx, tx, s.opts.Now(), ids)
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, evs)
	})
	return n, err
}

// HoldChannel gives a reason to everything that waits on a channel that was just
// paused; later ones get theirs from Explain.
func (s *Store) HoldChannel(ctx context.Context, channelID, reason string) error {
	_, err := s.explainChannel(ctx, heldChannel{ID: channelID, Reason: reason})
	return err
}

// refusedDelay is how long a message that was refused because of its channel lets
// others go first after the channel was repaired: the fault may be its own.
const refusedDelay = 5 * time.Second

const (
	pausedByProvider = `SELECT EXISTS (SELECT 1 FROM sends WHERE channel_id = $1 AND wait_reason = 'channel_paused'` + waits + `)`
	releaseSends     = `UPDATE sends SET due_at = CASE WHEN refused = 0 THEN 0 ELSE {clock} + $2 END, wait_reason = '', wait_until = 0, wait_said = ''
		WHERE channel_id = $1 AND state = 'queued' AND wait_reason IN ('channel_paused', 'channel_disabled')` + waits
	releasable = `SELECT id FROM channels c WHERE enabled AND paused_reason = '' AND deleted_at IS NULL AND (
		EXISTS (SELECT 1 FROM sends s WHERE s.channel_id = c.id AND s.wait_reason = 'channel_paused' AND s.state = 'queued'` + waits + `)
		OR EXISTS (SELECT 1 FROM sends s WHERE s.channel_id = c.id AND s.wait_reason = 'channel_disabled' AND s.state = 'queued'` + waits + `))`
	awaitTemplates = `SELECT c.id, (SELECT COALESCE(max(t.updated_at), 0) FROM templates t WHERE t.channel_id = c.id) AS changed
		FROM channels c WHERE EXISTS (SELECT 1 FROM sends s WHERE s.channel_id = c.id AND s.wait_reason = 'template_paused'` + waits + `)`
	freeTemplate = `UPDATE sends SET due_at = 0, wait_reason = '', wait_until = 0
		WHERE channel_id = $1 AND state = 'queued' AND wait_reason = 'template_paused'` + waits
)

// ReleaseChannel makes everything that waited for a channel to be repaired or
// enabled due again.
func (s *Store) ReleaseChannel(ctx context.Context, channelID string) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		tx.Announce(SendsQueued{1})
		var paused bool // by its provider: not everybody should find out at once whether it works
		if err := tx.GetContext(ctx, &paused, pausedByProvider, channelID); err != nil {
			return err
		}
		query := strings.ReplaceAll(releaseSends, "{clock}", tx.Dialect.Clock())
		if _, err := tx.ExecContext(ctx, query, channelID, refusedDelay.Microseconds()); err != nil || !paused {
			return err
		}
		return tryOne(ctx, tx, channelID)
	})
}

// freeChannels releases what still waits on channels that may send again: a stop
// between the two steps of a repair leaves it behind.
func (s *Store) freeChannels(ctx context.Context) error {
	var ids []string
	err := s.db.SelectContext(ctx, &ids, releasable)
	for _, id := range ids {
		err = errors.Join(err, s.ReleaseChannel(ctx, id))
	}
	if err != nil {
		return fmt.Errorf("free channels: %w", err)
	}
	return nil
}

// freeTemplates lets what waits for templates of a channel be looked at again when
// one of them has changed.
func (s *Store) freeTemplates(ctx context.Context) error {
	var found []struct {
		ID      string `db:"id"`
		Changed int64  `db:"changed"`
	}
	err := s.db.SelectContext(ctx, &found, awaitTemplates)
	if err != nil {
		return fmt.Errorf("free templates: %w", err)
	}
	for _, f := range found {
		if last, ok := s.templatesSeen.Load(f.ID); ok && last == f.Changed {
			continue
		}
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			tx.Announce(SendsQueued{1})
			_, err := tx.ExecContext(ctx, freeTemplate, f.ID)
			return err
		})
		if err != nil {
			return fmt.Errorf("free templates of channel %s: %w", f.ID, err)
		}
		s.templatesSeen.Store(f.ID, f.Changed) // only now: what failed is done again
	}
	return nil
}
