package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
)

const conversationColumns = `c.id, c.tenant_id, c.channel_id, c.contact_id, c.status, c.assignee_id, c.unread_count, c.last_message_id,
	c.last_message_at, c.last_inbound_at, c.window_expires_at, c.snoozed_until, c.created_at, c.updated_at, c.resolved_at,
	p.name, p.profile_name, COALESCE(m.id, ''), COALESCE(m.direction, ''), COALESCE(m.type, ''), COALESCE(m.status, ''), COALESCE(m.content, '')`

const fromConversations = ` FROM conversations c JOIN contacts p ON p.id = c.contact_id LEFT JOIN messages m ON m.id = c.last_message_id`

// previewLength is how much of the last message a list shows, in characters.
const previewLength = 120

func scanConversation(row scanner) (c Conversation, err error) {
	var last, created, updated int64
	var inbound, window, snoozed, resolved sql.NullInt64
	var m MessageSummary
	var content string
	err = row.Scan(&c.ID, &c.TenantID, &c.ChannelID, &c.ContactID, &c.Status, &c.AssigneeID, &c.UnreadCount, &c.LastMessageID,
		&last, &inbound, &window, &snoozed, &created, &updated, &resolved, &c.ContactName, &c.ContactProfileName,
		&m.ID, &m.Direction, &m.Type, &m.Status, &content)
	if err != nil {
		return c, err
	}
	c.LastMessageAt, c.CreatedAt, c.UpdatedAt = db.Time(last), db.Time(created), db.Time(updated)
	c.LastInboundAt, c.WindowExpiresAt = db.NullTime(inbound), db.NullTime(window)
	c.SnoozedUntil, c.ResolvedAt = db.NullTime(snoozed), db.NullTime(resolved)
	if m.ID != "" {
		var body channels.Content
		if err := parseJSON(content, &body); err != nil {
			return c, err
		}
		m.Preview = preview(&body)
		c.LastMessage = &m
	}
	return c, nil
}

func preview(c *channels.Content) string {
	text := c.Text
	if part := c.MediaPart(); part != nil {
		text = part.Caption
	}
	if c.Interactive != nil && c.Interactive.Body != nil {
		text = c.Interactive.Body.Text
	}
	if c.ButtonReply != nil {
		text = c.ButtonReply.Title
	}
	if c.ListReply != nil {
		text = c.ListReply.Title
	}
	if r := []rune(text); len(r) > previewLength {
		return string(r[:previewLength]) + "…"
	}
	return text
}

// GetConversation returns a conversation with its labels, or a not_found fault.
func (s *Store) GetConversation(ctx context.Context, tenantID, conversationID string) (Conversation, error) {
	c, err := scanConversation(s.db.QueryRowContext(ctx, `SELECT `+conversationColumns+fromConversations+
		` WHERE c.tenant_id = $1 AND c.id = $2`, tenantID, conversationID))
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.Missing("conversation")
	}
	if err != nil {
		return c, fmt.Errorf("get conversation %s: %w", conversationID, err)
	}
	list := []Conversation{c}
	err = s.loadLabels(ctx, list)
	return list[0], err
}

// ConversationFilter selects conversations; empty fields select all.
type ConversationFilter struct {
	Status     string
	ChannelIDs []string
	ContactID  string
	AssigneeID string // "none" for the unassigned
	Label      string
}

// ListConversations returns up to limit conversations, the last active first,
// that come after the one with the given activity time and id (zero: the first).
func (s *Store) ListConversations(ctx context.Context, tenantID string, f ConversationFilter, beforeAt time.Time, beforeID string, limit int) ([]Conversation, error) {
	w := where{args: []any{tenantID}, sql: ` WHERE c.tenant_id = $1`}
	w.eq("c.status", f.Status)
	w.in("c.channel_id", f.ChannelIDs)
	w.eq("c.contact_id", f.ContactID)
	switch f.AssigneeID {
	case "none":
		w.sql += ` AND c.assignee_id = ''`
	default:
		w.eq("c.assignee_id", f.AssigneeID)
	}
	if f.Label != "" {
		w.args = append(w.args, f.Label)
		w.sql += fmt.Sprintf(` AND EXISTS (SELECT 1 FROM conversation_labels l WHERE l.conversation_id = c.id AND l.label = $%d)`, len(w.args))
	}
	if beforeID != "" {
		w.args = append(w.args, db.Micros(beforeAt), beforeID)
		w.sql += fmt.Sprintf(` AND (c.last_message_at, c.id) < ($%d, $%d)`, len(w.args)-1, len(w.args))
	}
	w.args = append(w.args, limit)
	rows, err := s.db.QueryContext(ctx, `SELECT `+conversationColumns+fromConversations+w.sql+
		fmt.Sprintf(` ORDER BY c.last_message_at DESC, c.id DESC LIMIT $%d`, len(w.args)), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list conversations: %w", err)
	}
	defer rows.Close()
	var list []Conversation
	for rows.Next() {
		c, err := scanConversation(rows)
		if err != nil {
			return nil, fmt.Errorf("list conversations: %w", err)
		}
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, s.loadLabels(ctx, list)
}

func (s *Store) loadLabels(ctx context.Context, list []Conversation) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]string, len(list))
	at := map[string]*Conversation{}
	for i := range list {
		list[i].Labels = []string{}
		ids[i], at[list[i].ID] = list[i].ID, &list[i]
	}
	w := where{args: []any{list[0].TenantID}, sql: ` WHERE tenant_id = $1`}
	w.in("conversation_id", ids)
	rows, err := s.db.QueryContext(ctx, `SELECT conversation_id, label FROM conversation_labels`+w.sql+` ORDER BY label`, w.args...)
	if err != nil {
		return fmt.Errorf("labels: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var conversationID, label string
		if err := rows.Scan(&conversationID, &label); err != nil {
			return err
		}
		at[conversationID].Labels = append(at[conversationID].Labels, label)
	}
	return rows.Err()
}

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
		c, err := scanConversation(tx.QueryRowContext(ctx, `SELECT `+conversationColumns+fromConversations+
			` WHERE c.tenant_id = $1 AND c.id = $2`+tx.ForUpdate("c"), tenantID, conversationID))
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("conversation")
		}
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

func (p *ConversationPatch) saveLabels(ctx context.Context, tx *db.Tx, c *Conversation) error {
	if p.Labels == nil {
		rows, err := tx.QueryContext(ctx, `SELECT label FROM conversation_labels WHERE conversation_id = $1 ORDER BY label`, c.ID)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l string
			if err := rows.Scan(&l); err != nil {
				return err
			}
			c.Labels = append(c.Labels, l)
		}
		return rows.Err()
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
// is none.
func (s *Store) MarkRead(ctx context.Context, tenantID, conversationID string) (newest Message, err error) {
	c, err := s.GetConversation(ctx, tenantID, conversationID)
	if err != nil {
		return newest, err
	}
	msgs, err := s.ListMessages(ctx, tenantID, MessageFilter{ConversationID: conversationID, Direction: Inbound}, "", 1)
	if err != nil {
		return newest, err
	}
	if len(msgs) > 0 {
		newest = msgs[0]
	}
	if c.UnreadCount == 0 {
		return newest, nil
	}
	now := s.opts.Now()
	return newest, s.inTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE conversations SET unread_count = 0, updated_at = $1 WHERE tenant_id = $2 AND id = $3`,
			db.Micros(now), tenantID, conversationID); err != nil {
			return err
		}
		e, err := events.New(tenantID, "conversation.updated", c.ChannelID, c.ID, now, conversationData{ID: c.ID, ChannelID: c.ChannelID,
			ContactID: c.ContactID, Status: c.Status, AssigneeID: c.AssigneeID, Labels: c.Labels})
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
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
