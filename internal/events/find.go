package events

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// findScan bounds how many events of the tenant a search by time reads.
const findScan = 50_000

const findColumns = `SELECT seq, id, type, channel_id, conversation_id, at, data FROM events `

// Around returns a conversation's events from one time to another, oldest first.
// The log has no index by time or conversation, and needs none: times grow with
// seq, so that a search by halves finds the place. They grow not strictly,
// because an event's time is that at which its transaction began: leave a margin.
func (l *Log) Around(ctx context.Context, tenantID, conversationID string, from, to time.Time) ([]Event, error) {
	_, head, oldest, err := l.Head(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	lo, hi := oldest, head+1 // the first event at from or later is in [lo, hi]
	for lo < hi {
		mid := lo + (hi-lo)/2
		at, err := l.TimeOf(ctx, tenantID, mid)
		if err != nil {
			return nil, err
		}
		if !at.IsZero() && at.Before(from) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return l.find(ctx, tenantID, findColumns+`WHERE tenant_id = $1 AND seq >= $2 AND seq < $3 AND at <= $4 AND conversation_id = $5 ORDER BY seq LIMIT 500`,
		tenantID, lo, lo+findScan, db.Micros(to), conversationID)
}

// Between returns a conversation's events from one seq to another, oldest first.
func (l *Log) Between(ctx context.Context, tenantID, conversationID string, first, last int64) ([]Event, error) {
	return l.find(ctx, tenantID, findColumns+`WHERE tenant_id = $1 AND seq >= $2 AND seq <= $3 AND conversation_id = $4 ORDER BY seq LIMIT 500`,
		tenantID, first, min(last, first+findScan), conversationID)
}

// Waits returns the message.waiting events of one message, oldest first.
func (l *Log) Waits(ctx context.Context, tenantID, conversationID, messageID string) ([]Event, error) {
	return l.find(ctx, tenantID, findColumns+`WHERE tenant_id = $1 AND conversation_id = $2 AND type = 'message.waiting' AND data LIKE $3 ORDER BY seq LIMIT 500`,
		tenantID, conversationID, `%"messageId":"`+messageID+`"%`)
}

// TimeOf returns when the event seq, or the first one kept after it, was stored;
// zero if there is none.
func (l *Log) TimeOf(ctx context.Context, tenantID string, seq int64) (time.Time, error) {
	var at int64
	err := l.db.QueryRowContext(ctx, `SELECT at FROM events WHERE tenant_id = $1 AND seq >= $2 ORDER BY seq LIMIT 1`, tenantID, seq).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("events: time of %d: %w", seq, err)
	}
	return db.Time(at), nil
}

func (l *Log) find(ctx context.Context, tenantID, query string, args ...any) ([]Event, error) {
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("events: find: %w", err)
	}
	defer rows.Close()
	var found []Event
	for rows.Next() {
		e := Event{TenantID: tenantID}
		var at int64
		var data string
		if err := rows.Scan(&e.Seq, &e.ID, &e.Type, &e.ChannelID, &e.ConversationID, &at, &data); err != nil {
			return nil, fmt.Errorf("events: find: %w", err)
		}
		e.At, e.Data = db.Time(at), json.RawMessage(data)
		found = append(found, e)
	}
	return found, rows.Err()
}
