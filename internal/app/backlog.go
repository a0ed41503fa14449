package app

import (
	"context"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/telemetry"
)

// backlog counts the work that waits in the tables.
func backlog(ctx context.Context, d *db.DB) (b telemetry.Backlog, err error) {
	b.SendsDue = map[string]int64{}
	rows, err := d.QueryContext(ctx, `SELECT state, count(*) FROM sends GROUP BY state`)
	if err != nil {
		return b, fmt.Errorf("backlog: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var state string
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return b, fmt.Errorf("backlog: %w", err)
		}
		b.SendsDue[state] = n
	}
	var oldest int64 // microseconds
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
	} {
		if err := d.GetContext(ctx, q.into, q.query); err != nil {
			return b, fmt.Errorf("backlog: %w", err)
		}
	}
	b.OldestSend = max(0, time.Duration(oldest)*time.Microsecond)
	return b, nil
}
