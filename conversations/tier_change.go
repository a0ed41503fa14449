package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// TierScope is who shares the messaging tier of a channel: those of the tenant's
// channels that name the same portfolio, or the channel alone.
func TierScope(tenantID, channelID, portfolio string) string {
	if portfolio == "" {
		return channelID
	}
	return tenantID + "/" + portfolio
}

// SetTier changes how many people the channels of a scope may write to first. It
// announces a change on channelID.
func (s *Store) SetTier(ctx context.Context, tenantID, channelID, portfolio, name string, recipients int64, source string) error {
	err := s.inTx(ctx, func(tx *db.Tx) error {
		return s.SetTierIn(ctx, tx, tenantID, channelID, portfolio, name, recipients, source)
	})
	if err != nil {
		return fmt.Errorf("set the tier of channel %s: %w", channelID, err)
	}
	_, err = s.FreeTiers(ctx)
	return err
}

// SetTierIn is SetTier in a transaction of the caller's, who calls FreeTiers once it
// is committed.
func (s *Store) SetTierIn(ctx context.Context, tx *db.Tx, tenantID, channelID, portfolio, name string, recipients int64, source string) error {
	e, err := setTier(ctx, tx, s.opts.Now(), tenantID, channelID, TierScope(tenantID, channelID, portfolio), name, recipients, source)
	if err != nil {
		return err
	}
	return events.Append(ctx, tx, e)
}

// limitData is the body of channel.limit; see docs/reference/events.md.
type limitData struct {
	ChannelID string `json:"channelId"`
	Limit     string `json:"limit"` // tier or throughput
	Reason    string `json:"reason"`
	Name      string `json:"name,omitempty"`
	Value     int64  `json:"value"`
	Previous  int64  `json:"previous"`
}

func setTier(ctx context.Context, tx *db.Tx, now time.Time, tenantID, channelID, scope, name string, recipients int64, source string) ([]events.Event, error) {
	var before int64
	err := tx.GetContext(ctx, &before, `SELECT recipients FROM tiers WHERE scope = $1`+forUpdate(tx), scope)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	// An unknown or unlimited tier counts nobody: begin with who was counted last.
	_, err = tx.ExecContext(ctx, `INSERT INTO tiers (scope, tenant_id, name, recipients, used, source, updated_at)
		VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT (scope) DO UPDATE SET name = excluded.name, recipients = excluded.recipients,
			source = excluded.source, updated_at = excluded.updated_at,
			used = (SELECT count(*) FROM tier_recipients r WHERE r.scope = excluded.scope)`,
		scope, tenantID, name, recipients, source, db.Micros(now))
	if err != nil || before == recipients {
		return nil, err
	}
	e, err := events.New(tenantID, "channel.limit", channelID, "", now, limitData{ChannelID: channelID, Limit: "tier",
		Reason: source, Name: name, Value: recipients, Previous: before})
	return []events.Event{e}, err
}

// tierScope is what TierScope returns for a channel c.
const tierScope = `CASE WHEN c.portfolio = '' THEN c.id ELSE c.tenant_id || '/' || c.portfolio END`

const awaitTiers = `SELECT DISTINCT c.tenant_id, ` + tierScope + ` AS scope FROM channels c
		WHERE EXISTS (SELECT 1 FROM sends s WHERE s.channel_id = c.id AND s.wait_reason = 'tier_limit'` + waits + `)`

// FreeTiers lets those messages go that wait for their messaging tier and no longer
// need a place, and as many of the others as there are free places.
func (s *Store) FreeTiers(ctx context.Context) (freed int, err error) {
	var scopes []struct {
		Tenant string `db:"tenant_id"`
		Scope  string `db:"scope"`
	}
	if err := s.db.SelectContext(ctx, &scopes, awaitTiers); err != nil {
		return 0, fmt.Errorf("free tiers: %w", err)
	}
	for _, sc := range scopes {
		err := s.inTx(ctx, func(tx *db.Tx) error {
			n, err := s.freeTier(ctx, tx, sc.Tenant, sc.Scope)
			freed += n
			tx.Announce(SendsQueued{n})
			return err
		})
		if err != nil {
			return freed, fmt.Errorf("free tier %s: %w", sc.Scope, err)
		}
	}
	return freed, nil
}

// freeSends makes the sends due that a query finds.
const freeSends = `UPDATE sends SET due_at = 0, wait_reason = '', wait_until = 0 WHERE state = 'queued' AND wait_reason = 'tier_limit' AND seq IN (`

// placeless finds what waits for a tier although its person has been counted, or has
// written, a moment ago: that needs no place.
const placeless = `
	SELECT s.seq FROM tier_recipients r JOIN channels c ON ` + tierScope + ` = r.scope JOIN sends s ON s.channel_id = c.id AND s.contact_id = r.contact_id
	WHERE r.scope = $1 AND r.at > {clock} - $4
	UNION ALL
	SELECT s.seq FROM conversations v JOIN channels c ON c.id = v.channel_id JOIN sends s ON s.channel_id = v.channel_id AND s.contact_id = v.contact_id
	WHERE v.tenant_id = $2 AND v.last_message_at > $3 - $4 AND v.window_expires_at > $3 AND ` + tierScope + ` = $1`

// awaitPlace finds what waits for a tier, the first first: of each channel by the
// index of what waits. (SQLite keeps to the order of a CROSS JOIN.)
const awaitPlace = `
		SELECT s.seq FROM channels c CROSS JOIN sends s
		WHERE s.channel_id = c.id AND s.wait_reason = 'tier_limit' AND s.state = 'queued' AND ` + tierScope + ` = $1` + waits + `
		ORDER BY s.priority, s.seq LIMIT $2)`

// recently is how far placeless looks back: for longer than a sweep may be late.
const recently = time.Minute

func (s *Store) freeTier(ctx context.Context, tx *db.Tx, tenantID, scope string) (n int, err error) {
	t, err := lockTier(ctx, tx, scope)
	if err != nil {
		return 0, err
	}
	free := int64(sweepLimit)
	if t.limited() {
		if err := t.keep(ctx, tx); err != nil {
			return 0, err
		}
		query := strings.ReplaceAll(freeSends+placeless+`)`, "{clock}", tx.Dialect.Clock())
		if n, err = affected(tx.ExecContext(ctx, query, scope, tenantID, db.Micros(s.opts.Now()), recently.Microseconds())); err != nil {
			return 0, err
		}
		free = min(free, t.Recipients-t.Used)
	}
	if free <= 0 {
		return n, nil
	}
	m, err := affected(tx.ExecContext(ctx, freeSends+awaitPlace, scope, free))
	return n + m, err
}

func affected(res sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}
