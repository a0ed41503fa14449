package conversations

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// CutPace announces that a channel sends at a share of its rate because its provider
// found it too fast, for as long as the way back takes. Later cuts on that way are
// not announced; the end is, see tellPaces. The pace itself is kept by whoever
// counts it: the row of holds is what remains to be told.
func (s *Store) CutPace(ctx context.Context, tenantID, channelID string, rate, share float64, back time.Duration) error {
	cut := limitData{ChannelID: channelID, Limit: "throughput", Reason: "throttled",
		Value: int64(math.Max(1, math.Round(rate*share))), Previous: int64(math.Round(rate))}
	restored := limitData{ChannelID: channelID, Limit: "throughput", Reason: "recovered", Value: cut.Previous, Previous: cut.Value}
	detail, err := json.Marshal(restored)
	if err != nil {
		return err
	}
	err = s.inTx(ctx, func(tx *db.Tx) error {
		clock := tx.Dialect.Clock()
		res, err := tx.ExecContext(ctx, `INSERT INTO holds (channel_id, kind, key, tenant_id, reason, detail, until, at)
			VALUES ($1, 'pace', '', $2, 'throttled', $3, `+clock+` + $4, `+clock+`) ON CONFLICT (channel_id, kind, key) DO NOTHING`,
			channelID, tenantID, string(detail), back.Microseconds())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 { // told already: it ends later now
			_, err := tx.ExecContext(ctx, `UPDATE holds SET until = `+clock+` + $2
				WHERE channel_id = $1 AND kind = 'pace' AND key = '' AND until < `+clock+` + $2`, channelID, back.Microseconds())
			return err
		}
		e, err := events.New(tenantID, "channel.limit", channelID, "", s.opts.Now(), cut)
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
	if err != nil {
		return fmt.Errorf("cut the pace of channel %s: %w", channelID, err)
	}
	return nil
}

const restoredPaces = ` FROM holds WHERE kind = 'pace' AND until <= `

// tellPaces announces the channels that send at their full rate again.
func (s *Store) tellPaces(ctx context.Context) error {
	var any bool
	if err := s.db.GetContext(ctx, &any, `SELECT EXISTS (SELECT 1`+restoredPaces+s.db.Dialect.Clock()+`)`); err != nil || !any {
		return err
	}
	err := s.inTx(ctx, func(tx *db.Tx) error {
		var back []struct {
			TenantID string `db:"tenant_id"`
			Detail   string `db:"detail"`
		}
		if err := tx.SelectContext(ctx, &back, `DELETE`+restoredPaces+tx.Dialect.Clock()+` RETURNING tenant_id, detail`); err != nil {
			return err
		}
		var told []events.Event
		for _, b := range back {
			var d limitData
			if err := json.Unmarshal([]byte(b.Detail), &d); err != nil {
				return err
			}
			e, err := events.New(b.TenantID, "channel.limit", d.ChannelID, "", s.opts.Now(), d)
			if err != nil {
				return err
			}
			told = append(told, e)
		}
		return events.Append(ctx, tx, told)
	})
	if err != nil {
		return fmt.Errorf("tell of restored paces: %w", err)
	}
	return nil
}
