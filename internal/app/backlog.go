package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/telemetry"
)

// blockedLanes is the age of the oldest message behind one whose outcome is not
// known. What was left to a person blocks nobody. The states are those of the index
// of leases: hardly any send is in it. (SQLite keeps to the order of a CROSS JOIN.)
const blockedLanes = `SELECT COALESCE({clock} - min(m.created_at), 0) FROM sends p
	CROSS JOIN sends q CROSS JOIN messages m
	WHERE p.state IN ('sending', 'uncertain') AND p.lease_until > 0 AND p.state = 'uncertain'
		AND q.channel_id = p.channel_id AND q.contact_id = p.contact_id AND q.seq > p.seq AND q.state = 'queued' AND m.id = q.message_id`

// backlog counts the work that waits in the tables.
func backlog(ctx context.Context, d *db.DB) (b telemetry.Backlog, err error) {
	if b.SendsDue, err = countStates(ctx, d, `SELECT state, count(*) FROM sends GROUP BY state`); err != nil {
		return b, err
	}
	if b.Breakers, err = countStates(ctx, d, `SELECT state, count(*) FROM breakers GROUP BY state`); err != nil {
		return b, err
	}
	var oldest, blocked int64 // microseconds
	for _, q := range []struct {
		into  *int64
		query string
	}{
		{&b.ParkedStatuses, `SELECT count(*) FROM parked_statuses`},
		{&b.JournalFailed, `SELECT count(*) FROM journal WHERE state <> 'applied'`},
		{&b.MediaPending, `SELECT count(*) FROM media WHERE state = 'pending'`},
		{&b.PausedChannels, `SELECT count(*) FROM channels WHERE paused_reason <> '' AND deleted_at IS NULL`},
		{&oldest, `SELECT COALESCE(` + d.Dialect.Clock() + ` - min(m.created_at), 0) FROM sends s JOIN messages m ON m.id = s.message_id
			WHERE s.state = 'queued' AND s.due_at <= ` + d.Dialect.Clock()},
		{&blocked, strings.ReplaceAll(blockedLanes, "{clock}", d.Dialect.Clock())},
	} {
		if err := d.GetContext(ctx, q.into, q.query); err != nil {
			return b, fmt.Errorf("backlog: %w", err)
		}
	}
	b.LaneBlocked = max(0, time.Duration(blocked)*time.Microsecond)
	b.OldestSend = max(0, time.Duration(oldest)*time.Microsecond)
	return b, nil
}

// countStates runs a query for states and how many rows are in each.
func countStates(ctx context.Context, d *db.DB, query string) (map[string]int64, error) {
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("backlog: %w", err)
	}
	defer rows.Close()
	found := map[string]int64{}
	for rows.Next() {
		var state string
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return nil, fmt.Errorf("backlog: %w", err)
		}
		found[state] = n
	}
	return found, rows.Err()
}
