package events

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/id"
)

// APIVersion is the date of the event format; see docs/reference/events.md.
const APIVersion = "2026-11-21"

// TimeFormat is RFC 3339 in UTC with milliseconds, as in every answer of the API.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// Event is one row of a tenant's log.
type Event struct {
	TenantID       string
	Seq            int64 // 1, 2, 3, ... without gaps; set by Append
	ID             string
	Type           string // e.g. message.received
	ChannelID      string // empty if it concerns no channel
	ConversationID string // empty if it concerns no conversation
	At             time.Time
	Data           json.RawMessage
	JournalID      string // of the webhook that led to it, for whoever appends it; not stored
}

// Committed is announced after each commit that appended to a tenant's log.
type Committed struct {
	TenantID string
	Seq      int64 // of the newest event
}

// Appended is announced with Committed: how many events of each type.
type Appended map[string]int

// New returns an event about to be appended, with data as its JSON.
func New(tenantID, typ, channelID, conversationID string, at time.Time, data any) (Event, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("events: %s: %w", typ, err)
	}
	return Event{TenantID: tenantID, ID: id.New(id.Event), Type: typ, ChannelID: channelID,
		ConversationID: conversationID, At: at, Data: raw}, nil
}

// Envelope is the event as every consumer gets it:
// {id, seq, type, event, timestamp, apiVersion, data}, where event equals type.
func (e *Event) Envelope() []byte {
	b := make([]byte, 0, len(e.Data)+256)
	b = append(append(b, `{"id":"`...), e.ID...)
	b = strconv.AppendInt(append(b, `","seq":`...), e.Seq, 10)
	b = append(append(b, `,"type":"`...), e.Type...)
	b = append(append(b, `","event":"`...), e.Type...)
	b = e.At.UTC().AppendFormat(append(b, `","timestamp":"`...), TimeFormat)
	b = append(append(append(b, `","apiVersion":"`...), APIVersion...), `","data":`...)
	return append(append(b, e.Data...), '}')
}

const bumpHeads = `
	WITH {{rows}} INSERT INTO event_heads (tenant_id, epoch, seq)
	SELECT tenant_id, epoch, n FROM v WHERE true
	ON CONFLICT (tenant_id) DO UPDATE SET seq = event_heads.seq + excluded.seq
	RETURNING tenant_id, seq`

const insertEvents = `
	WITH {{rows}} INSERT INTO events (tenant_id, seq, id, type, channel_id, conversation_id, at, data)
	SELECT tenant_id, seq, id, type, channel_id, conversation_id, at, data FROM v`

// Append adds events to their tenants' logs, in order, and announces Committed.
// It locks each tenant's counter until the end of tx, so call it last.
func Append(ctx context.Context, tx *db.Tx, events []Event) error {
	return AppendBeside(ctx, tx, events, db.Insert{})
}

// AppendBeside is Append that also runs an insert which goes with the events; in
// the common case both are one statement.
func AppendBeside(ctx context.Context, tx *db.Tx, events []Event, beside db.Insert) error {
	if len(events) == 0 {
		_, err := tx.ExecRows(ctx, beside.Query, beside.Rows)
		return err
	}
	counts, types := map[string]int64{}, Appended{}
	for i := range events {
		counts[events[i].TenantID]++
		types[events[i].Type]++
	}
	tx.Announce(types)
	if tx.Dialect == db.Postgres && len(counts) == 1 {
		return appendOne(ctx, tx, events, beside)
	}
	if _, err := tx.ExecRows(ctx, beside.Query, beside.Rows); err != nil {
		return err
	}
	return appendMany(ctx, tx, events, counts)
}

const appendEvents = `
	WITH {{rows}}, head AS (
		INSERT INTO event_heads (tenant_id, epoch, seq) SELECT tenant_id, epoch, n FROM v WHERE behind = 0 AND ` + db.AfterInsert + `
		ON CONFLICT (tenant_id) DO UPDATE SET seq = event_heads.seq + excluded.seq
		RETURNING seq),
	appended AS (
		INSERT INTO events (tenant_id, seq, id, type, channel_id, conversation_id, at, data)
		SELECT v.tenant_id, head.seq - v.behind, v.id, v.type, v.channel_id, v.conversation_id, v.at, v.data FROM v, head)
	SELECT seq FROM head`

// appendOne numbers and stores the events of one tenant in one statement, so that
// its counter is locked for as short as can be: from after the insert beside it.
func appendOne(ctx context.Context, tx *db.Tx, events []Event, beside db.Insert) error {
	rows := db.NewRows("behind bigint", "tenant_id text", "epoch text", "n bigint", "id text", "type text", "channel_id text",
		"conversation_id text", "at bigint", "data long").Share("tenant_id", "epoch", "n").Share("at").Share("channel_id")
	epoch, n := newEpoch(), int64(len(events))
	for i := range events {
		e := &events[i]
		rows.Add(n-1-int64(i), e.TenantID, epoch, n, e.ID, e.Type, e.ChannelID, e.ConversationID, db.Micros(e.At), string(e.Data))
	}
	var last int64
	err := tx.QueryRowsBeside(ctx, beside, appendEvents, rows, func(r *sql.Rows) error { return r.Scan(&last) })
	if err != nil {
		return fmt.Errorf("events: append: %w", err)
	}
	for i := range events {
		events[i].Seq = last - int64(len(events)-1-i)
	}
	tx.Announce(Committed{events[0].TenantID, last})
	return nil
}

// appendMany does the same for several tenants, or on SQLite, in two statements.
func appendMany(ctx context.Context, tx *db.Tx, events []Event, counts map[string]int64) error {
	heads := db.NewRows("tenant_id text", "epoch text", "n bigint")
	for _, t := range slices.Sorted(mapKeys(counts)) { // in order, so that two nodes cannot deadlock
		heads.Add(t, newEpoch(), counts[t])
	}
	next := map[string]int64{}
	err := tx.QueryRows(ctx, bumpHeads, heads, func(r *sql.Rows) error {
		var tenant string
		var seq int64
		if err := r.Scan(&tenant, &seq); err != nil {
			return err
		}
		next[tenant] = seq - counts[tenant]
		tx.Announce(Committed{tenant, seq})
		return nil
	})
	if err != nil {
		return fmt.Errorf("events: number: %w", err)
	}
	rows := db.NewRows("tenant_id text", "seq bigint", "id text", "type text", "channel_id text",
		"conversation_id text", "at bigint", "data long")
	for i := range events {
		e := &events[i]
		next[e.TenantID]++
		e.Seq = next[e.TenantID]
		rows.Add(e.TenantID, e.Seq, e.ID, e.Type, e.ChannelID, e.ConversationID, db.Micros(e.At), string(e.Data))
	}
	if _, err := tx.ExecRows(ctx, insertEvents, rows); err != nil {
		return fmt.Errorf("events: append: %w", err)
	}
	return nil
}

func mapKeys[K cmp.Ordered, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// newEpoch names one life of a log; only the first event of a tenant uses it.
func newEpoch() string {
	s := id.New("")
	return "e" + s[len(s)-10:]
}

// Log reads the event log.
type Log struct{ db *db.DB }

// NewLog returns a reader of the log in d.
func NewLog(d *db.DB) *Log { return &Log{d} }

// Notify calls fn after each commit on this node that appended to a log.
func (l *Log) Notify(fn func(tenantID string, seq int64)) {
	l.db.Listen(func(v any) {
		if c, ok := v.(Committed); ok {
			fn(c.TenantID, c.Seq)
		}
	})
}

// Head returns the epoch of a tenant's log, its newest seq and the oldest one
// still kept (seq+1 when it is empty). A tenant without events has epoch "e0".
func (l *Log) Head(ctx context.Context, tenantID string) (epoch string, seq, oldest int64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT epoch, seq, oldest FROM event_heads WHERE tenant_id = $1`, tenantID).
		Scan(&epoch, &seq, &oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return "e0", 0, 1, nil
	}
	if err != nil {
		return "", 0, 0, fmt.Errorf("events: head: %w", err)
	}
	return epoch, seq, oldest, nil
}

// Read returns up to limit events after seq after, oldest first.
func (l *Log) Read(ctx context.Context, tenantID string, after int64, limit int) ([]Event, error) {
	rows, err := l.db.QueryContext(ctx, `
		SELECT seq, id, type, channel_id, conversation_id, at, data FROM events
		WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, tenantID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("events: read: %w", err)
	}
	defer rows.Close()
	var events []Event
	for rows.Next() {
		e := Event{TenantID: tenantID}
		var at int64
		var data string
		if err := rows.Scan(&e.Seq, &e.ID, &e.Type, &e.ChannelID, &e.ConversationID, &at, &data); err != nil {
			return nil, fmt.Errorf("events: read: %w", err)
		}
		e.At, e.Data = db.Time(at), json.RawMessage(data)
		events = append(events, e)
	}
	return events, rows.Err()
}

// Prune deletes up to limit events older than before and moves the oldest marks.
// It returns how many it deleted; call it again until that is less than limit.
func (l *Log) Prune(ctx context.Context, before time.Time, limit int) (n int64, err error) {
	err = l.db.InTx(ctx, func(tx *db.Tx) error {
		// From the oldest of each tenant on: the log needs no index by time.
		res, err := tx.ExecContext(ctx, `
			DELETE FROM events WHERE (tenant_id, seq) IN
				(SELECT e.tenant_id, e.seq FROM event_heads h JOIN events e ON e.tenant_id = h.tenant_id
					AND e.seq >= h.oldest AND e.seq < h.oldest + $2 WHERE e.at < $1 LIMIT $2)`, db.Micros(before), limit)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE event_heads SET oldest = COALESCE(
				(SELECT min(seq) FROM events WHERE events.tenant_id = event_heads.tenant_id), event_heads.seq + 1)
			WHERE oldest <= seq`)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("events: prune: %w", err)
	}
	return n, nil
}
