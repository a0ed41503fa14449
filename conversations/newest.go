package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/id"
)

// busy reports whether f leaves out few conversations: then those of the newest
// messages are likely to fill its first page.
func (f ConversationFilter) busy() bool {
	return (f.Status == "" || f.Status == Open) && f.AssigneeID == "" && f.ContactID == "" && f.Label == ""
}

// onlyChannel is the channel that f names, or "" if it names none or several.
func (f ConversationFilter) onlyChannel() string {
	if len(f.ChannelIDs) == 1 {
		return f.ChannelIDs[0]
	}
	return ""
}

// amongNewest narrows the condition w of f to conversations that were active after
// some of the newest messages came, and reports whether it could. If those fill a page,
// it is the first one: whoever is left out has had no message since, and the time of a
// conversation is never after the one in the id of its last message.
//
// PostgreSQL's index tells a conversation's minute alone, see migration 8, so that the
// list reads all that were active in a busy one. SQLite's tells the order.
func (s *Store) amongNewest(ctx context.Context, w where, f ConversationFilter, limit int) (narrow where, ok bool, err error) {
	if s.db.Dialect != db.Postgres || !f.busy() {
		return w, false, nil
	}
	since, err := s.nthNewest(ctx, w.args[0].(string), f, 2*limit)
	if err != nil || since == "" {
		return w, false, err
	}
	at, err := id.Time(id.Message, since)
	if err != nil {
		return w, false, err
	}
	narrow = where{w.sql, slices.Clone(w.args)}
	narrow.add("c.last_message_at >= ", db.Micros(at.Add(time.Millisecond)))
	narrow.sql += ` AND c.id IN (SELECT m.conversation_id FROM messages m WHERE m.tenant_id = $1`
	narrow.eq("m.channel_id", f.onlyChannel())
	narrow.add("m.id >= ", since)
	narrow.sql += `)`
	return narrow, true, nil
}

// nthNewest returns the id of the nth newest message of the tenant, or of the channel
// if f names one, counted from 0; "" if there are fewer.
func (s *Store) nthNewest(ctx context.Context, tenantID string, f ConversationFilter, n int) (messageID string, err error) {
	channelID := f.onlyChannel()
	w := ofTenant("m.tenant_id", tenantID, channelID != "")
	w.eq("m.channel_id", channelID)
	w.args = append(w.args, n)
	err = s.db.QueryRowContext(ctx, `SELECT m.id FROM messages m`+w.sql+fmt.Sprintf(` ORDER BY m.id DESC OFFSET $%d LIMIT 1`, len(w.args)), w.args...).Scan(&messageID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return messageID, err
}
