package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// Gauges are the limits of a channel that live in the database, and what waits.
type Gauges struct {
	Tier      Tier
	Breaker   Breaker
	Throttled time.Time // the provider asked to wait until then; zero: it did not
	Marketing time.Time // held back on the whole channel until then; zero: it is not
	Persons   int64     // people to whom marketing is held back
	Pairs     int64     // recipients who got as many messages as they may for now
	PairFree  time.Time // when the first of them may get another
	Templates []StoppedTemplate
	Queued    int64
	Waiting   []WaitCount
}

// StoppedTemplate is a template whose messages wait or end.
type StoppedTemplate struct {
	Name, Language, Status string
	Until                  time.Time // zero: until the provider says so
}

// WaitCount is what waits for one reason.
type WaitCount struct {
	Reason     string
	Count      int64
	Until      time.Time // of the first of them; zero: until somebody acts
	MessageIDs []string  // a few of them
}

// waitSamples is how many messages of a reason are named.
const waitSamples = 5

const waitCounts = `SELECT wait_reason, count(*), min(wait_until) FROM sends
	WHERE tenant_id = $1 AND channel_id = $2 AND state = 'queued'` + waits + ` GROUP BY wait_reason ORDER BY wait_reason`

const waitSample = `SELECT message_id FROM sends WHERE channel_id = $1 AND wait_reason = $2 AND state = 'queued'` + waits + ` ORDER BY priority, seq LIMIT $3`

// Gauges reads the limits of a channel of the tenant. The pair limit is burst
// messages at once.
func (s *Store) Gauges(ctx context.Context, tenantID, channelID, scope string, burst int64) (g Gauges, err error) {
	err = s.db.InReadTx(ctx, func(tx *db.Tx) error {
		g = Gauges{}
		if g.Tier, err = readTier(ctx, tx, scope); err != nil {
			return err
		}
		if g.Breaker, err = readBreaker(ctx, tx, channelID, ""); err != nil {
			return err
		}
		if err := g.readHolds(ctx, tx, channelID, burst); err != nil {
			return err
		}
		if err := g.readTemplates(ctx, tx, channelID); err != nil {
			return err
		}
		return g.readWaiting(ctx, tx, tenantID, channelID)
	})
	if err != nil {
		return g, fmt.Errorf("limits of channel %s: %w", channelID, err)
	}
	return g, nil
}

// readTier counts afresh, so that it shows whoever looks what will be counted.
func readTier(ctx context.Context, tx *db.Tx, scope string) (t Tier, err error) {
	t.Scope = scope
	var updated, oldest int64
	err = tx.QueryRowContext(ctx, `SELECT name, recipients, source, updated_at FROM tiers WHERE scope = $1`, scope).
		Scan(&t.Name, &t.Recipients, &t.Source, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	t.UpdatedAt = db.Time(updated)
	err = tx.QueryRowContext(ctx, `SELECT count(*), COALESCE(min(at), 0) FROM tier_recipients WHERE scope = $1 AND at > `+tx.Dialect.Clock()+` - $2`,
		scope, tierWindow.Microseconds()).Scan(&t.Used, &oldest)
	if oldest > 0 {
		t.Next = db.Time(oldest).Add(tierWindow)
	}
	return t, err
}

func (g *Gauges) readHolds(ctx context.Context, tx *db.Tx, channelID string, burst int64) error {
	query := `SELECT
		COALESCE((SELECT until FROM holds WHERE channel_id = $1 AND kind = 'channel' AND key = '' AND reason = 'throttled' AND until > {clock}), 0),
		COALESCE((SELECT until FROM holds WHERE channel_id = $1 AND kind = 'marketing' AND key = '' AND until > {clock}), 0),
		(SELECT count(*) FROM holds WHERE channel_id = $1 AND kind = 'marketing' AND key <> '' AND until > {clock}),
		(SELECT count(*) FROM pairs WHERE channel_id = $1 AND free_at > {clock} AND (used >= $2 OR window_at + $3 < {clock})),
		COALESCE((SELECT min(free_at) FROM pairs WHERE channel_id = $1 AND free_at > {clock} AND (used >= $2 OR window_at + $3 < {clock})), 0)`
	var throttled, marketing, free int64
	err := tx.QueryRowContext(ctx, strings.ReplaceAll(query, "{clock}", tx.Dialect.Clock()), channelID, burst, pairWindow.Microseconds()).
		Scan(&throttled, &marketing, &g.Persons, &g.Pairs, &free)
	for at, v := range map[*time.Time]int64{&g.Throttled: throttled, &g.Marketing: marketing, &g.PairFree: free} {
		if v > 0 {
			*at = db.Time(v)
		}
	}
	return err
}

func (g *Gauges) readTemplates(ctx context.Context, tx *db.Tx, channelID string) error {
	rows, err := tx.QueryContext(ctx, `SELECT name, language, status, paused_until FROM templates
		WHERE channel_id = $1 AND (status = 'DISABLED' OR status = 'PAUSED' AND (paused_until = 0 OR paused_until > `+tx.Dialect.Clock()+`)) ORDER BY id LIMIT 100`, channelID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t StoppedTemplate
		var until int64
		if err := rows.Scan(&t.Name, &t.Language, &t.Status, &until); err != nil {
			return err
		}
		if until > 0 {
			t.Until = db.Time(until)
		}
		g.Templates = append(g.Templates, t)
	}
	return rows.Err()
}

func (g *Gauges) readWaiting(ctx context.Context, tx *db.Tx, tenantID, channelID string) error {
	if err := tx.GetContext(ctx, &g.Queued, `SELECT count(*) FROM sends WHERE tenant_id = $1 AND channel_id = $2 AND state = 'queued'`, tenantID, channelID); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, waitCounts, tenantID, channelID)
	if err != nil {
		return err
	}
	for rows.Next() {
		var w WaitCount
		var until int64
		if err := rows.Scan(&w.Reason, &w.Count, &until); err != nil {
			return errors.Join(err, rows.Close())
		}
		if until > 0 {
			w.Until = db.Time(until)
		}
		g.Waiting = append(g.Waiting, w)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for i := range g.Waiting {
		w := &g.Waiting[i]
		if err := tx.SelectContext(ctx, &w.MessageIDs, waitSample, channelID, w.Reason, waitSamples); err != nil {
			return err
		}
	}
	return nil
}
