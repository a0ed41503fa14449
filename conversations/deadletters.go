package conversations

import (
	"context"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
)

// DeadLetter is a message that ended without being delivered, or whose unknown
// outcome was left to a person.
type DeadLetter struct {
	Message Message
	At      time.Time // when it ended
	Class   channels.Class
	Code    string
}

// DeadFilter selects dead letters; empty fields select all.
type DeadFilter struct {
	ChannelIDs []string
	Code       string
	Class      string
	From, To   time.Time // of At; To is not included
	MessageIDs []string
}

// DeadCursor is the place of a letter in the list.
type DeadCursor struct {
	At int64 // microseconds
	ID string
}

// Cursor is the place of l.
func (l DeadLetter) Cursor() DeadCursor { return DeadCursor{db.Micros(l.At), l.Message.ID} }

// ListDeadLetters returns up to limit letters behind after (nil: from the start):
// the newest first, or the oldest first.
func (s *Store) ListDeadLetters(ctx context.Context, tenantID string, f DeadFilter, oldestFirst bool, after *DeadCursor, limit int) ([]DeadLetter, error) {
	w := where{args: []any{tenantID}, sql: ` WHERE d.tenant_id = $1`}
	w.in("d.channel_id", f.ChannelIDs)
	w.in("d.message_id", f.MessageIDs)
	w.eq("d.code", f.Code)
	w.eq("d.class", f.Class)
	if !f.From.IsZero() {
		w.add("d.at >= ", db.Micros(f.From))
	}
	if !f.To.IsZero() {
		w.add("d.at < ", db.Micros(f.To))
	}
	order, beyond := "DESC", "<"
	if oldestFirst {
		order, beyond = "ASC", ">"
	}
	if after != nil {
		w.args = append(w.args, after.At, after.ID)
		w.sql += fmt.Sprintf(` AND (d.at, d.message_id) %s ($%d, $%d)`, beyond, len(w.args)-1, len(w.args))
	}
	w.args = append(w.args, limit)
	rows, err := s.db.QueryContext(ctx, `SELECT `+messageColumns+`, d.at, d.class, d.code FROM dead_letters d JOIN messages m ON m.id = d.message_id
		LEFT JOIN sends s ON s.message_id = m.id`+w.sql+fmt.Sprintf(` ORDER BY d.at %s, d.message_id %s LIMIT $%d`, order, order, len(w.args)), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	defer rows.Close()
	var letters []DeadLetter
	for rows.Next() {
		var l DeadLetter
		var at int64
		if l.Message, err = scanMessage(rows, &at, &l.Class, &l.Code); err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		l.At = db.Time(at)
		letters = append(letters, l)
	}
	return letters, rows.Err()
}
