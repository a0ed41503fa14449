package conversations

import (
	"context"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

const unassign = `UPDATE conversations SET assignee_id = '', updated_at = $1 WHERE tenant_id = $2 AND assignee_id = $3
	RETURNING id, channel_id, contact_id, status, unread_count`

// Unassign takes every conversation from a user who leaves, and announces each, in
// the transaction that removes the user. Call it last: it appends events.
func Unassign(ctx context.Context, tx *db.Tx, tenantID, userID string, now time.Time) error {
	rows, err := tx.QueryContext(ctx, unassign, db.Micros(now), tenantID, userID)
	if err != nil {
		return fmt.Errorf("unassign conversations: %w", err)
	}
	defer rows.Close()
	var freed []events.Event
	for rows.Next() {
		var d conversationData
		if err := rows.Scan(&d.ID, &d.ChannelID, &d.ContactID, &d.Status, &d.UnreadCount); err != nil {
			return fmt.Errorf("unassign conversations: %w", err)
		}
		e, err := events.New(tenantID, "conversation.updated", d.ChannelID, d.ID, now, d)
		if err != nil {
			return err
		}
		freed = append(freed, e)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("unassign conversations: %w", err)
	}
	return events.Append(ctx, tx, freed)
}
