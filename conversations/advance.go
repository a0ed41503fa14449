package conversations

import (
	"context"
	"fmt"
	"strings"

	"github.com/linktor/linktor/internal/db"
)

const updateSent = `
	WITH {{rows}} UPDATE messages SET status = v.status, provider_message_id = v.provider_id, alt_provider_id = v.alt_id,
		tracking_lost = v.lost, deleted_at = v.deleted_at, sent_at = v.sent_at, delivered_at = v.delivered_at,
		read_at = v.read_at, failed_at = v.failed_at, error = v.error, pricing = v.pricing, updated_at = v.at,
		attempt = CASE WHEN v.attempt > messages.attempt THEN v.attempt ELSE messages.attempt END
	FROM v WHERE messages.id = v.id`

const insertStatuses = `
	WITH {{rows}} INSERT INTO message_statuses (message_id, tenant_id, provider, at, participant, status, applied, received_at, error, pricing, journal_id)
	SELECT message_id, tenant_id, provider, at, participant, status, applied, received_at, error, pricing, journal_id FROM v WHERE true
	ON CONFLICT (message_id, provider, at, participant) DO NOTHING`

// settleSends removes the deliveries of messages that the provider reported on:
// whatever an attempt under way will say, the message must not be sent again.
const settleSends = `
	WITH {{rows}} DELETE FROM sends WHERE message_id IN (SELECT message_id FROM v)`

// countAttempts keeps the number of the attempt whose answer is not in yet.
const countAttempts = `
	WITH {{rows}} UPDATE messages SET attempt = s.attempt FROM sends s
	WHERE s.message_id = messages.id AND s.attempt > messages.attempt AND messages.id IN (SELECT message_id FROM v)`

// closeReported ends attempts that nobody else may end: their process may have died
// during the call that the provider reports on. One that lives writes over it.
const closeReported = `
	WITH {{rows}} UPDATE attempts SET outcome = 'sent', finished_at = {clock}, provider_id = m.provider_message_id FROM messages m
	WHERE m.id = attempts.message_id AND m.provider_message_id IS NOT NULL AND attempts.outcome = 'open'
		AND attempts.message_id IN (SELECT message_id FROM v)`

// save writes everything that was applied. Rows are written in the order of their
// ids, which is the order in which they were locked.
func (a *advance) save(ctx context.Context, tx *db.Tx) error {
	rows := db.NewRows("id text", "status text", "provider_id text", "alt_id text", "lost boolean", "deleted_at bigint",
		"sent_at bigint", "delivered_at bigint", "read_at bigint", "failed_at bigint", "error text", "pricing text", "at bigint", "attempt bigint")
	for _, m := range a.order {
		if m.changed {
			rows.Add(m.id, string(m.status), nullText(m.providerID), nullText(m.altID), m.trackingLost, m.deletedAt, m.sentAt,
				m.deliveredAt, m.readAt, m.failedAt, m.errorText, m.pricingText, db.Micros(a.now), m.attempt)
		}
		if m.hadNoProvider && rank[m.status] >= rank[Sent] {
			a.settled.Add(m.id)
		}
	}
	if _, err := tx.ExecRows(ctx, updateSent, rows); err != nil {
		return err
	}
	if _, err := tx.ExecRows(ctx, insertStatuses, a.statuses); err != nil {
		return err
	}
	if err := a.saveRare(ctx, tx); err != nil {
		return err
	}
	if err := a.saveDead(ctx, tx); err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	if a.settled.Len() > 0 {
		if _, err := tx.ExecRows(ctx, countAttempts, a.settled); err != nil {
			return err
		}
		if _, err := tx.ExecRows(ctx, strings.ReplaceAll(closeReported, "{clock}", tx.Dialect.Clock()), a.settled); err != nil {
			return err
		}
		if _, err := tx.ExecRows(ctx, settleSends, a.settled); err != nil {
			return err
		}
	}
	news, err := keepRefusals(ctx, tx, a.now, a.refusals)
	if err != nil {
		return err
	}
	a.events = append(a.events, news...)
	return a.sendAgain(ctx, tx)
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}
