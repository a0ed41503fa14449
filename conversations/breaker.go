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

// States of a channel's circuit breaker. A channel without a row is closed.
const (
	BreakerClosed  = "closed"  // sending
	BreakerOpen    = "open"    // the provider cannot be reached: nothing is sent
	BreakerProbing = "probing" // one message finds out whether it can
)

// Breaker is what a channel's circuit breaker does. It is in the database, so that
// all nodes stop and only one of them tries.
type Breaker struct {
	State  string
	Opens  int64 // times in a row
	Until  time.Time
	Reason string
}

const (
	breakerFirst = 30 * time.Second // open for so long at first, then twice as long each time
	breakerLast  = 10 * time.Minute
	// probeTime is how long a probe may take before another message tries.
	probeTime = 45 * time.Second
)

// pauseData is the body of channel.paused and channel.resumed.
type pauseData struct {
	ChannelID string `json:"channelId"`
	Cause     string `json:"cause"` // breaker
	Reason    string `json:"reason,omitempty"`
	Until     string `json:"until,omitempty"`
}

// TripBreaker stops a channel whose provider cannot be reached, unless it is
// stopped already: for 30 s, then twice as long after each probe that fails. reason
// is a sentence.
func (s *Store) TripBreaker(ctx context.Context, tenantID, channelID, reason string, probe bool) error {
	err := s.inTx(ctx, func(tx *db.Tx) error {
		b, err := readBreaker(ctx, tx, channelID, forUpdate(tx))
		if err != nil {
			return err
		}
		if b.State != BreakerClosed && !probe { // a call that was under way when it opened
			return nil
		}
		wait := breakerFirst
		for range min(b.Opens, 8) {
			wait *= 2
		}
		wait = min(wait, breakerLast)
		clock := tx.Dialect.Clock()
		_, err = tx.ExecContext(ctx, `INSERT INTO breakers (channel_id, tenant_id, state, opens, until, reason, at)
			VALUES ($1, $2, 'open', 1, `+clock+` + $3, $4, `+clock+`)
			ON CONFLICT (channel_id) DO UPDATE SET state = 'open', opens = breakers.opens + 1, until = excluded.until, reason = excluded.reason, probe = '', at = excluded.at`,
			channelID, tenantID, wait.Microseconds(), reason)
		if err != nil {
			return err
		}
		if err := hold(ctx, tx, tenantID, channelID, "channel", WaitBreaker, reason, wait); err != nil || b.Opens > 0 {
			return err
		}
		return s.sayPause(ctx, tx, "channel.paused", tenantID, pauseData{ChannelID: channelID, Cause: "breaker", Reason: reason, Until: stamp(s.opts.Now().Add(wait))})
	})
	if err != nil {
		return fmt.Errorf("open the breaker of channel %s: %w", channelID, err)
	}
	return nil
}

const dropBreakerHold = `DELETE FROM holds WHERE channel_id = $1 AND kind = 'channel' AND key = '' AND reason = 'breaker_open'`

// undoProbes makes way for other probes where claims were to be one.
func undoProbes(ctx context.Context, tx *db.Tx, claims []Claim) error {
	for _, c := range claims {
		if !c.Probe {
			continue
		}
		n, err := affected(tx.ExecContext(ctx, `UPDATE breakers SET probe = '', until = 0 WHERE channel_id = $1 AND probe = $2`, c.ChannelID, c.MessageID))
		if err != nil {
			return err
		}
		if n == 0 { // another one took its place
			continue
		}
		if _, err := tx.ExecContext(ctx, dropBreakerHold, c.ChannelID); err != nil {
			return err
		}
	}
	return nil
}

// CloseBreaker lets a channel send again: its probe came through.
func (s *Store) CloseBreaker(ctx context.Context, tenantID, channelID string) error {
	const free = `UPDATE sends SET due_at = 0, wait_reason = '', wait_until = 0 WHERE channel_id = $1 AND state = 'queued' AND wait_reason = 'breaker_open'` + waits
	err := s.inTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, free, channelID); err != nil { // before the breaker, as claims lock them
			return err
		}
		b, err := readBreaker(ctx, tx, channelID, forUpdate(tx))
		if err != nil || b.State == BreakerClosed {
			return err
		}
		for _, q := range []string{`DELETE FROM breakers WHERE channel_id = $1`, dropBreakerHold} {
			if _, err := tx.ExecContext(ctx, q, channelID); err != nil {
				return err
			}
		}
		tx.Announce(SendsQueued{1})
		if b.Opens == 0 { // it was repaired by a person, who knows
			return nil
		}
		return s.sayPause(ctx, tx, "channel.resumed", tenantID, pauseData{ChannelID: channelID, Cause: "breaker"})
	})
	if err == nil { // what a claim put back meanwhile
		_, err = s.db.Exec(ctx, free, channelID)
	}
	if err != nil {
		return fmt.Errorf("close the breaker of channel %s: %w", channelID, err)
	}
	return nil
}

func (s *Store) sayPause(ctx context.Context, tx *db.Tx, typ, tenantID string, d pauseData) error {
	e, err := events.New(tenantID, typ, d.ChannelID, "", s.opts.Now(), d)
	if err != nil {
		return err
	}
	return events.Append(ctx, tx, []events.Event{e})
}

// readBreaker reads a breaker; lock is empty or forUpdate.
func readBreaker(ctx context.Context, tx *db.Tx, channelID, lock string) (b Breaker, err error) {
	var until int64
	err = tx.QueryRowContext(ctx, `SELECT state, opens, until, reason FROM breakers WHERE channel_id = $1`+lock, channelID).
		Scan(&b.State, &b.Opens, &until, &b.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return Breaker{State: BreakerClosed}, nil
	}
	b.Until = db.Time(until)
	return b, err
}

// tryOne makes the next message of a channel a probe: a person has repaired the
// channel, and one refused call is enough to learn that it is not.
func tryOne(ctx context.Context, tx *db.Tx, channelID string) error {
	clock := tx.Dialect.Clock()
	_, err := tx.ExecContext(ctx, `INSERT INTO breakers (channel_id, tenant_id, state, opens, until, reason, at)
		SELECT id, tenant_id, 'probing', 0, 0, '', `+clock+` FROM channels WHERE id = $1
		ON CONFLICT (channel_id) DO UPDATE SET state = 'probing', opens = 0, until = 0, probe = '', at = excluded.at`, channelID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, dropBreakerHold, channelID)
	return err
}

// probes lets one message through on each channel whose breaker is not closed; the
// others wait for what becomes of it.
func (g *gate) probes(ctx context.Context) error {
	rows, seen := db.NewRows("channel_id text"), map[string]bool{}
	for _, c := range g.claims {
		if !seen[c.ChannelID] {
			seen[c.ChannelID] = true
			rows.Add(c.ChannelID)
		}
	}
	lock := ""
	if g.tx.Dialect == db.Postgres {
		lock = ` FOR UPDATE OF b`
	}
	elected := map[string]string{} // channel → message, empty: none yet
	err := g.tx.QueryRows(ctx, `WITH {{rows}} SELECT b.channel_id FROM v JOIN breakers b ON b.channel_id = v.channel_id ORDER BY b.channel_id`+lock, rows,
		func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			elected[id] = ""
			return err
		})
	if err != nil || len(elected) == 0 {
		return err
	}
	tenants := map[string]string{}
	g.filter(func(c *Claim) *putBack {
		probe, unsure := elected[c.ChannelID]
		switch {
		case !unsure || c.Refusal != nil:
		case probe == "":
			c.Probe, elected[c.ChannelID], tenants[c.ChannelID] = true, c.MessageID, c.TenantID
		default:
			return &putBack{reason: WaitBreaker, wait: probeTime, due: probeTime}
		}
		return nil
	})
	for channelID, messageID := range elected {
		if messageID == "" {
			continue
		}
		if _, err := g.tx.ExecContext(ctx, `UPDATE breakers SET state = 'probing', probe = $2, until = `+g.tx.Dialect.Clock()+` + $3 WHERE channel_id = $1`,
			channelID, messageID, probeTime.Microseconds()); err != nil {
			return err
		}
		if err := hold(ctx, g.tx, tenants[channelID], channelID, "channel", WaitBreaker, "", probeTime); err != nil {
			return err
		}
	}
	return nil
}

// hold forbids something on a whole channel for a while, or for longer if it is forbidden already.
func hold(ctx context.Context, tx *db.Tx, tenantID, channelID, kind, reason, detail string, wait time.Duration) error {
	query := `INSERT INTO holds (channel_id, kind, key, tenant_id, reason, detail, until, at)
		VALUES ($1, $2, '', $3, $4, $5, {clock} + $6, {clock})
		ON CONFLICT (channel_id, kind, key) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, until = excluded.until, at = excluded.at
		WHERE excluded.until > holds.until OR holds.reason = excluded.reason`
	_, err := tx.ExecContext(ctx, strings.ReplaceAll(query, "{clock}", tx.Dialect.Clock()), channelID, kind, tenantID, reason, detail, wait.Microseconds())
	return err
}

// Throttle stops a channel for as long as its provider asked.
func (s *Store) Throttle(ctx context.Context, tenantID, channelID string, wait time.Duration) error {
	err := s.inTx(ctx, func(tx *db.Tx) error {
		return hold(ctx, tx, tenantID, channelID, "channel", WaitThrottled, "", wait)
	})
	if err != nil {
		return fmt.Errorf("throttle channel %s: %w", channelID, err)
	}
	return nil
}
