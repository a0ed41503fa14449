package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
)

// ConversationPatch changes a conversation; nil leaves a field alone.
type ConversationPatch struct {
	Status       *string
	SnoozedUntil *time.Time // required with Status snoozed
	AssigneeID   *string    // "" unassigns
	Labels       *[]string  // replaces all
}

// Limits of labels.
const (
	maxLabels      = 20
	maxLabelLength = 50 // characters
)

func (p *ConversationPatch) validate(now time.Time) error {
	if p.Status != nil && !slices.Contains([]string{Open, Pending, Snoozed, Resolved}, *p.Status) {
		return fault.Field("/status", "invalid", "status must be open, pending, snoozed or resolved.")
	}
	if p.Status != nil && *p.Status == Snoozed && (p.SnoozedUntil == nil || !p.SnoozedUntil.After(now)) {
		return fault.Field("/snoozedUntil", "required", "A snoozed conversation needs snoozedUntil, a time to come.")
	}
	if p.SnoozedUntil != nil && (p.Status == nil || *p.Status != Snoozed) {
		return fault.Field("/snoozedUntil", "not_allowed", "snoozedUntil goes with the status snoozed.")
	}
	if p.Labels == nil {
		return nil
	}
	if len(*p.Labels) > maxLabels {
		return fault.Field("/labels", "too_many", fmt.Sprintf("A conversation has at most %d labels.", maxLabels))
	}
	for i, l := range *p.Labels {
		if strings.TrimSpace(l) == "" || len([]rune(l)) > maxLabelLength {
			return fault.Field(fmt.Sprintf("/labels/%d", i), "invalid", fmt.Sprintf("A label has 1 to %d characters.", maxLabelLength))
		}
	}
	return nil
}

// UpdateConversation applies p and returns the conversation as it is then. Opening
// a resolved conversation while the pair has another open one is a conflict.
func (s *Store) UpdateConversation(ctx context.Context, tenantID, conversationID string, p ConversationPatch) (Conversation, error) {
	now := s.opts.Now()
	if err := p.validate(now); err != nil {
		return Conversation{}, err
	}
	err := s.inTx(ctx, func(tx *db.Tx) error {
		if err := p.holdAssignee(ctx, tx, tenantID); err != nil {
			return err
		}
		c, err := lockConversation(ctx, tx, tenantID, conversationID)
		if err != nil {
			return err
		}
		p.apply(&c, now)
		if _, err := tx.ExecContext(ctx, `UPDATE conversations SET status = $1, assignee_id = $2, snoozed_until = $3, resolved_at = $4, updated_at = $5
			WHERE id = $6`, c.Status, c.AssigneeID, db.NullMicros(c.SnoozedUntil), db.NullMicros(c.ResolvedAt), db.Micros(now), c.ID); err != nil {
			return err
		}
		if err := p.saveLabels(ctx, tx, &c); err != nil {
			return err
		}
		e, err := events.New(tenantID, "conversation.updated", c.ChannelID, c.ID, now, conversationData{ID: c.ID, ChannelID: c.ChannelID,
			ContactID: c.ContactID, Status: c.Status, UnreadCount: c.UnreadCount, AssigneeID: c.AssigneeID, Labels: c.Labels})
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
	if db.IsUnique(err) {
		return Conversation{}, fault.New(fault.Conflict, "conversation_open", "This contact already has another open conversation on the channel.")
	}
	if err != nil {
		return Conversation{}, err
	}
	return s.GetConversation(ctx, tenantID, conversationID)
}

// holdAssignee keeps the user who gets the conversation from being deleted until the
// end of tx: a delete takes away what the user has by then. It locks the user before
// the conversation, as the delete does.
func (p *ConversationPatch) holdAssignee(ctx context.Context, tx *db.Tx, tenantID string) error {
	if p.AssigneeID == nil || *p.AssigneeID == "" {
		return nil
	}
	query := `SELECT id FROM users WHERE tenant_id = $1 AND id = $2`
	if tx.Dialect == db.Postgres { // SQLite has one writer
		query += ` FOR KEY SHARE`
	}
	var found string
	err := tx.GetContext(ctx, &found, query, tenantID, *p.AssigneeID)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Field("/assigneeId", "not_found", "There is no such user.")
	}
	return err
}

func (p *ConversationPatch) apply(c *Conversation, now time.Time) {
	if p.AssigneeID != nil {
		c.AssigneeID = *p.AssigneeID
	}
	if p.Status == nil {
		return
	}
	c.Status, c.SnoozedUntil, c.ResolvedAt = *p.Status, time.Time{}, time.Time{}
	switch c.Status {
	case Snoozed:
		c.SnoozedUntil = *p.SnoozedUntil
	case Resolved:
		c.ResolvedAt = now
	}
}

// readLabels fills in the labels of c.
func readLabels(ctx context.Context, tx *db.Tx, c *Conversation) error {
	return tx.SelectContext(ctx, &c.Labels, `SELECT label FROM conversation_labels WHERE conversation_id = $1 ORDER BY label`, c.ID)
}

func (p *ConversationPatch) saveLabels(ctx context.Context, tx *db.Tx, c *Conversation) error {
	if p.Labels == nil {
		return readLabels(ctx, tx, c)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM conversation_labels WHERE conversation_id = $1`, c.ID); err != nil {
		return err
	}
	c.Labels = slices.Compact(slices.Sorted(slices.Values(*p.Labels)))
	rows := db.NewRows("conversation_id text", "tenant_id text", "label text")
	for _, l := range c.Labels {
		rows.Add(c.ID, c.TenantID, l)
	}
	_, err := tx.ExecRows(ctx, `WITH {{rows}} INSERT INTO conversation_labels (conversation_id, tenant_id, label)
		SELECT conversation_id, tenant_id, label FROM v`, rows)
	return err
}

// MarkRead sets the unread count of a conversation to 0 and returns the newest
// inbound message, which the provider may be told about; its ID is empty if there
// is none. A message that comes meanwhile stays unread.
func (s *Store) MarkRead(ctx context.Context, tenantID, conversationID string) (newest Message, err error) {
	now := s.opts.Now()
	err = s.inTx(ctx, func(tx *db.Tx) error {
		newest = Message{}
		c, err := lockConversation(ctx, tx, tenantID, conversationID)
		if err != nil {
			return err
		}
		newest, err = scanMessage(tx.QueryRowContext(ctx, `SELECT `+messageColumns+fromMessages+`
			WHERE m.conversation_id = $1 AND m.direction = 'inbound' ORDER BY m.id DESC LIMIT 1`, conversationID))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("newest message: %w", err)
		}
		if c.UnreadCount == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE conversations SET unread_count = 0, updated_at = $1 WHERE id = $2`, db.Micros(now), c.ID); err != nil {
			return err
		}
		if err := readLabels(ctx, tx, &c); err != nil {
			return err
		}
		e, err := events.New(tenantID, "conversation.updated", c.ChannelID, c.ID, now, conversationData{ID: c.ID, ChannelID: c.ChannelID,
			ContactID: c.ContactID, Status: c.Status, AssigneeID: c.AssigneeID, Labels: c.Labels})
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
	return newest, err
}

// lockConversation reads a conversation and keeps others from changing it until the
// end of tx.
func lockConversation(ctx context.Context, tx *db.Tx, tenantID, conversationID string) (Conversation, error) {
	c, err := scanConversation(tx.QueryRowContext(ctx, `SELECT `+conversationColumns+fromConversations+
		` WHERE c.tenant_id = $1 AND c.id = $2`+tx.ForUpdate("c"), tenantID, conversationID))
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.Missing("conversation")
	}
	return c, err
}

// WakeSnoozed opens conversations whose snooze is over and returns how many.
func (s *Store) WakeSnoozed(ctx context.Context) (n int, err error) {
	now := s.opts.Now()
	err = s.inTx(ctx, func(tx *db.Tx) error {
		rows, err := tx.QueryContext(ctx, `UPDATE conversations SET status = 'open', snoozed_until = NULL, updated_at = $1
			WHERE status = 'snoozed' AND snoozed_until <= $1 RETURNING id, tenant_id, channel_id, contact_id, unread_count, assignee_id`, db.Micros(now))
		if err != nil {
			return err
		}
		defer rows.Close()
		var woken []events.Event
		for rows.Next() {
			var tenantID string
			d := conversationData{Status: Open}
			if err := rows.Scan(&d.ID, &tenantID, &d.ChannelID, &d.ContactID, &d.UnreadCount, &d.AssigneeID); err != nil {
				return err
			}
			e, err := events.New(tenantID, "conversation.updated", d.ChannelID, d.ID, now, d)
			if err != nil {
				return err
			}
			woken = append(woken, e)
		}
		n = len(woken)
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		return events.Append(ctx, tx, woken)
	})
	return n, err
}
