package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

const conversationColumns = `c.id, c.tenant_id, c.channel_id, c.contact_id, c.status, c.assignee_id, c.unread_count, c.last_message_id,
	c.last_message_at, c.last_inbound_at, c.window_expires_at, c.snoozed_until, c.created_at, c.updated_at, c.resolved_at,
	p.name, p.profile_name, COALESCE(m.id, ''), COALESCE(m.direction, ''), COALESCE(m.type, ''), COALESCE(m.status, ''), COALESCE(m.content, '')`

const fromConversations = ` FROM conversations c JOIN contacts p ON p.id = c.contact_id LEFT JOIN messages m ON m.id = c.last_message_id`

// newestFirst is the order of lists: that of last_message_at and id, in the words of
// the indexes.
const newestFirst = ` ORDER BY c.last_minute DESC, c.last_message_at DESC, c.id DESC`

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

func (f ConversationFilter) where(tenantID string) where {
	rare := f.Status != "" && f.Status != Open || f.AssigneeID != "" && f.AssigneeID != "none" // these have indexes of a tenant's
	w := ofTenant("c.tenant_id", tenantID, f.ContactID != "" || f.onlyChannel() != "" && !rare)
	if w.eq("c.status", f.Status); f.Status != "" && f.Status != Open {
		w.sql += ` AND c.status <> 'open'` // the condition of an index
	}
	w.in("c.channel_id", f.ChannelIDs)
	w.eq("c.contact_id", f.ContactID)
	switch f.AssigneeID {
	case "":
	case "none":
		w.sql += ` AND c.assignee_id = ''`
	default:
		w.eq("c.assignee_id", f.AssigneeID)
		w.sql += ` AND c.assignee_id <> ''` // likewise
	}
	if f.Label != "" {
		w.args = append(w.args, f.Label)
		w.sql += fmt.Sprintf(` AND EXISTS (SELECT 1 FROM conversation_labels l WHERE l.conversation_id = c.id AND l.label = $%d)`, len(w.args))
	}
	return w
}

// ListConversations returns up to limit conversations, the last active first,
// that come after the one with the given activity time and id (zero: the first).
func (s *Store) ListConversations(ctx context.Context, tenantID string, f ConversationFilter, beforeAt time.Time, beforeID string, limit int) (list []Conversation, err error) {
	w := f.where(tenantID)
	if beforeID == "" {
		narrow, ok, err := s.amongNewest(ctx, w, f, limit)
		if ok {
			list, err = s.readConversations(ctx, narrow, limit)
		}
		if err != nil {
			return nil, fmt.Errorf("list the newest conversations: %w", err)
		}
	} else {
		w.add("c.last_minute <= ", db.Micros(beforeAt)/time.Minute.Microseconds())
		w.args = append(w.args, db.Micros(beforeAt), beforeID)
		w.sql += fmt.Sprintf(` AND (c.last_message_at, c.id) < ($%d, $%d)`, len(w.args)-1, len(w.args))
	}
	if len(list) < limit {
		if list, err = s.readConversations(ctx, w, limit); err != nil {
			return nil, fmt.Errorf("list conversations: %w", err)
		}
	}
	return list, s.loadLabels(ctx, list)
}

// readConversations returns the first conversations of w, without their labels.
func (s *Store) readConversations(ctx context.Context, w where, limit int) ([]Conversation, error) {
	w.args = append(w.args, limit)
	// What belongs to a conversation is looked up for those of the page alone: the
	// index is by the minute, and a busy one has many more.
	page := `(SELECT * FROM conversations c` + w.sql + fmt.Sprintf(newestFirst+` LIMIT $%d)`, len(w.args))
	rows, err := s.db.QueryContext(ctx, `SELECT `+conversationColumns+strings.Replace(fromConversations, "conversations", page, 1)+newestFirst, w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Conversation
	for rows.Next() {
		c, err := scanConversation(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, rows.Err()
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
	w := ofTenant("tenant_id", list[0].TenantID, true)
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
