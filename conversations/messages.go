package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

const messageColumns = `m.id, m.tenant_id, m.channel_id, m.conversation_id, m.contact_id, m.direction, m.type, m.status, m.content,
	m.from_address, m.to_address, COALESCE(m.provider_message_id, ''), COALESCE(m.alt_provider_id, ''), m.reply_to_id, m.context,
	m.metadata, m.options, m.author, m.author_id, m.reference, m.category, m.error, m.pricing, m.possible_duplicate,
	m.tracking_lost, m.journal_id, m.request_id, m.provider_at, m.created_at, m.updated_at, m.scheduled_at, m.valid_until,
	m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.deleted_at, m.delivery, m.used_fallback, m.late_acceptance,
	COALESCE(s.state, ''), COALESCE(s.attempt, m.attempt), COALESCE(s.wait_reason, ` + heldBack + `), COALESCE(s.wait_until, 0),
	COALESCE(s.wait_limit, 0), COALESCE(s.wait_used, 0), COALESCE(s.lease_until, 0), ` + behind

// heldBack is why a message waits that only its provider has: what closeAttempts
// noted of the attempt that brought it there.
const heldBack = `CASE WHEN m.status = 'sending' THEN (SELECT t.code FROM attempts t WHERE t.message_id = m.id AND t.attempt = m.attempt) END, ''`

// behind is the message that goes before a queued one of the same lane.
const behind = `COALESCE((SELECT p.message_id FROM sends p WHERE p.channel_id = s.channel_id AND p.contact_id = s.contact_id
	AND p.seq < s.seq AND s.state = 'queued' AND p.state IN ('queued', 'sending', 'uncertain') ORDER BY p.seq DESC LIMIT 1), '')`

const fromMessages = ` FROM messages m LEFT JOIN sends s ON s.message_id = m.id`

// GetMessage returns a message, or a not_found fault.
func (s *Store) GetMessage(ctx context.Context, tenantID, messageID string) (Message, error) {
	return getMessage(ctx, s.db, tenantID, messageID)
}

func getMessage(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, tenantID, messageID string) (Message, error) {
	m, err := scanMessage(q.QueryRowContext(ctx, `SELECT `+messageColumns+fromMessages+` WHERE m.tenant_id = $1 AND m.id = $2`, tenantID, messageID))
	if errors.Is(err, sql.ErrNoRows) {
		return Message{}, fault.Missing("message")
	}
	if err != nil {
		return Message{}, fmt.Errorf("get message %s: %w", messageID, err)
	}
	return m, nil
}

// nullTimes scans nullable times in the order of messageColumns.
type nullTimes [9]sql.NullInt64

// scanMessage reads messageColumns, and what the query selects after them into more.
func scanMessage(row scanner, more ...any) (m Message, err error) {
	var content, ref, metadata, options, errText, pricing, delivery, state, waitReason, ahead string
	var created, updated, waitUntil, waitLimit, waitUsed, lease int64
	var t nullTimes
	err = row.Scan(append([]any{&m.ID, &m.TenantID, &m.ChannelID, &m.ConversationID, &m.ContactID, &m.Direction, &m.Type, &m.Status, &content,
		&m.From, &m.To, &m.ProviderID, &m.AltProviderID, &m.ReplyToID, &ref, &metadata, &options, &m.Author.Type, &m.Author.ID,
		&m.Reference, &m.Category, &errText, &pricing, &m.PossibleDuplicate, &m.TrackingLost, &m.JournalID, &m.RequestID,
		&t[0], &created, &updated, &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7], &delivery, &m.UsedFallback, &m.LateAcceptance,
		&state, &m.Attempt, &waitReason, &waitUntil, &waitLimit, &waitUsed, &lease, &ahead}, more...)...)
	if err != nil {
		return m, err
	}
	m.ProviderAt, m.ScheduledAt, m.ValidUntil, m.SentAt = db.NullTime(t[0]), db.NullTime(t[1]), db.NullTime(t[2]), db.NullTime(t[3])
	m.DeliveredAt, m.ReadAt, m.FailedAt, m.DeletedAt = db.NullTime(t[4]), db.NullTime(t[5]), db.NullTime(t[6]), db.NullTime(t[7])
	m.CreatedAt, m.UpdatedAt = db.Time(created), db.Time(updated)
	if state == "sending" {
		m.Status = Sending
	}
	m.explain(state, waitReason, waitUntil, waitLimit, waitUsed, lease, ahead)
	var r reference
	err = errors.Join(parseJSON(content, &m.Content), parseJSON(ref, &r), parseJSON(metadata, &m.Metadata),
		parseJSON(options, &m.Options), parseJSON(errText, &m.Error), parseJSON(pricing, &m.Pricing), parseJSON(delivery, &m.Delivery))
	m.Context, m.Referral, m.GroupID = r.Context, r.Referral, r.GroupID
	m.fillMetadata()
	return m, err
}

// fillMetadata adds the provider's id, which is known later than the rest.
func (m *Message) fillMetadata() {
	if m.Metadata == nil {
		m.Metadata = map[string]string{}
	}
	if m.Metadata["waMessageId"] != "" {
		return
	}
	if m.AltProviderID != "" {
		m.Metadata["waMessageId"] = m.AltProviderID
	} else if strings.HasPrefix(m.ProviderID, "wamid.") {
		m.Metadata["waMessageId"] = m.ProviderID
	}
}

// MessageFilter selects messages; empty fields select all.
type MessageFilter struct {
	ChannelIDs     []string // any of these; for keys bound to channels
	ConversationID string
	ContactID      string
	Direction      string
	Statuses       []Status
	Reference      string
}

// ListMessages returns up to limit messages with ids below before (empty: the
// newest), newest first.
func (s *Store) ListMessages(ctx context.Context, tenantID string, f MessageFilter, before string, limit int) ([]Message, error) {
	w := ofTenant("m.tenant_id", tenantID, f.ContactID != "" || f.ConversationID != "")
	w.eq("m.contact_id", f.ContactID)
	var within []string // there is no index of messages by contact
	if f.ContactID != "" && f.ConversationID == "" {
		var err error
		if within, err = s.conversationsOf(ctx, tenantID, f.ContactID); len(within) == 0 || err != nil {
			return nil, err
		}
	}
	if len(within) > 1 {
		f.newest(&w, within, before, limit)
	} else {
		f.where(&w, within, before)
	}
	w.args = append(w.args, limit)
	query := `SELECT ` + messageColumns + fromMessages + w.sql + fmt.Sprintf(` ORDER BY m.id DESC LIMIT $%d`, len(w.args))
	rows, err := s.db.QueryContext(ctx, query, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	defer rows.Close()
	var msgs []Message
	for rows.Next() {
		m, err := scanMessage(rows)
		if err != nil {
			return nil, fmt.Errorf("list messages: %w", err)
		}
		msgs = append(msgs, m)
	}
	return msgs, rows.Err()
}

// where adds the conditions of f but for those on the tenant and on the contact, and
// that a message is in one of the conversations within, or in any if there are none.
func (f MessageFilter) where(w *where, within []string, before string) {
	w.in("m.conversation_id", within)
	w.in("m.channel_id", f.ChannelIDs)
	w.eq("m.conversation_id", f.ConversationID)
	w.eq("m.direction", f.Direction)
	if w.eq("m.reference", f.Reference); f.Reference != "" {
		w.sql += ` AND m.reference <> ''` // the condition of an index
	}
	statuses := make([]string, len(f.Statuses))
	for i, st := range f.Statuses {
		statuses[i] = string(st)
	}
	if w.in("m.status", statuses); len(statuses) > 0 && !slices.ContainsFunc(f.Statuses, Status.common) {
		w.sql += ` AND m.rare` // likewise
	}
	if before != "" {
		w.add("m.id < ", before)
	}
}

// newest adds that a message is one of the newest in several conversations. No index
// has them in this order, only all messages of everybody; so their ids are sorted, which
// are in the index by conversation, and only the rows of the page are read.
func (f MessageFilter) newest(w *where, within []string, before string, limit int) {
	w.sql += ` AND m.id IN (SELECT m.id FROM messages m WHERE TRUE`
	f.where(w, within, before)
	w.args = append(w.args, limit)
	w.sql += fmt.Sprintf(` ORDER BY %s DESC LIMIT $%d)`, besides("m.id"), len(w.args))
}

// conversationsOf returns the ids of the conversations of a contact.
func (s *Store) conversationsOf(ctx context.Context, tenantID, contactID string) (ids []string, err error) {
	err = s.db.SelectContext(ctx, &ids, `SELECT id FROM conversations WHERE contact_id = $1 AND `+besides("tenant_id")+` = $2`, contactID, tenantID)
	if err != nil {
		return nil, fmt.Errorf("conversations of %s: %w", contactID, err)
	}
	return ids, nil
}

// besides is a column whose condition shall not be found by an index: another one
// of the statement finds fewer rows, which SQLite cannot know.
func besides(column string) string { return column + ` || ''` }

// where builds a condition; every value is a parameter.
type where struct {
	sql  string
	args []any
}

// ofTenant begins a condition with the rows of a tenant. narrow says that one to come
// finds fewer of them, see besides.
func ofTenant(column, tenantID string, narrow bool) where {
	if narrow {
		column = besides(column)
	}
	return where{args: []any{tenantID}, sql: ` WHERE ` + column + ` = $1`}
}

func (w *where) add(cond string, v any) {
	w.args = append(w.args, v)
	w.sql += fmt.Sprintf(` AND %s$%d`, cond, len(w.args))
}

func (w *where) eq(column, v string) {
	if v != "" {
		w.add(column+" = ", v)
	}
}

func (w *where) in(column string, values []string) {
	if len(values) == 0 {
		return
	}
	marks := make([]string, len(values))
	for i, v := range values {
		w.args = append(w.args, v)
		marks[i] = fmt.Sprintf("$%d", len(w.args))
	}
	w.sql += ` AND ` + column + ` IN (` + strings.Join(marks, ", ") + `)`
}

// Timeline returns everything that happened to a message of the tenant, oldest first.
func (s *Store) Timeline(ctx context.Context, tenantID, messageID string) (t Timeline, err error) {
	if t.Attempts, err = s.attempts(ctx, tenantID, messageID); err != nil {
		return t, fmt.Errorf("attempts of %s: %w", messageID, err)
	}
	if t.Statuses, err = s.statuses(ctx, tenantID, messageID); err != nil {
		return t, fmt.Errorf("statuses of %s: %w", messageID, err)
	}
	return t, nil
}

func (s *Store) attempts(ctx context.Context, tenantID, messageID string) ([]Attempt, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT attempt, node, started_at, finished_at, outcome, code, title, detail, http_status, provider_id, fallback
		FROM attempts WHERE message_id = $1 AND tenant_id = $2 ORDER BY attempt`, messageID, tenantID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Attempt
	for rows.Next() {
		var a Attempt
		var started int64
		var finished sql.NullInt64
		if err := rows.Scan(&a.Attempt, &a.Node, &started, &finished, &a.Outcome, &a.Code, &a.Title, &a.Detail, &a.HTTPStatus, &a.ProviderID, &a.Fallback); err != nil {
			return nil, err
		}
		a.StartedAt, a.FinishedAt = db.Time(started), db.NullTime(finished)
		list = append(list, a)
	}
	return list, rows.Err()
}

func (s *Store) statuses(ctx context.Context, tenantID, messageID string) ([]StatusRecord, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT status, provider, at, received_at, applied, error, pricing, journal_id
		FROM message_statuses WHERE message_id = $1 AND tenant_id = $2 ORDER BY received_at, at`, messageID, tenantID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []StatusRecord
	for rows.Next() {
		var r StatusRecord
		var at, received int64
		var errText, pricing string
		if err := rows.Scan(&r.Status, &r.Provider, &at, &received, &r.Applied, &errText, &pricing, &r.JournalID); err != nil {
			return nil, err
		}
		r.At, r.ReceivedAt = db.Time(at), db.Time(received)
		if err := errors.Join(parseJSON(errText, &r.Error), parseJSON(pricing, &r.Pricing)); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}
