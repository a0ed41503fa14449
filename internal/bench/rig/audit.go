package rig

import (
	"context"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// drainTime bounds the wait for the work left over.
const drainTime = 25 * time.Second

// drain waits until nothing is to be sent, or only messages whose outcome is
// awaited and those behind them.
func (r *killRun) drain(ctx context.Context) error {
	d, err := db.Open(ctx, r.node.DSN(), 2)
	if err != nil {
		return err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	open, calm := 0, 0
	for calm < 5 { // statuses are on their way a little longer than sends
		if !Pause(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%d sends are still to be made after %s", open, drainTime)
		}
		const query = `SELECT count(*) FROM sends s WHERE s.state <> 'uncertain' AND NOT EXISTS
			(SELECT 1 FROM sends u WHERE u.state = 'uncertain' AND u.channel_id = s.channel_id AND u.contact_id = s.contact_id)`
		if err := d.GetContext(ctx, &open, query); err != nil {
			continue // a busy file; the deadline bounds it
		}
		if open == 0 && len(r.statuses) == 0 {
			calm++
		} else {
			calm = 0
		}
	}
	return nil
}

// audit compares the ledgers with the database.
func (r *killRun) audit(ctx context.Context, res *KillResult) error {
	d, err := db.Open(ctx, r.node.DSN(), 2)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, step := range []func(context.Context, *db.DB, *KillResult) error{r.auditInbound, r.auditSends, auditEvents} {
		if err := step(ctx, d, res); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	return nil
}

func (r *killRun) auditInbound(ctx context.Context, d *db.DB, res *KillResult) error {
	var stored []struct {
		ID string `db:"provider_message_id"`
		N  int    `db:"n"`
	}
	err := d.SelectContext(ctx, &stored, `SELECT provider_message_id, count(*) AS n FROM messages WHERE direction = 'inbound' GROUP BY provider_message_id`)
	if err != nil {
		return err
	}
	have, total := map[string]bool{}, 0
	for _, s := range stored {
		have[s.ID] = true
		total += s.N
		res.DuplicatedInbound += s.N - 1
	}
	for id := range r.inbound {
		if !have[id] {
			res.LostInbound++
		}
	}
	var announced int
	if err := d.GetContext(ctx, &announced, `SELECT count(*) FROM events WHERE type = 'message.received'`); err != nil {
		return err
	}
	res.DuplicatedInbound += max(0, announced-total)
	res.LostInbound += max(0, total-announced)
	return nil
}

func (r *killRun) auditSends(ctx context.Context, d *db.DB, res *KillResult) error {
	var stored []struct {
		ID        string `db:"id"`
		State     string `db:"state"` // of the send; empty once it is settled
		Duplicate bool   `db:"possible_duplicate"`
	}
	err := d.SelectContext(ctx, &stored, `SELECT m.id, COALESCE(s.state, '') AS state, m.possible_duplicate
		FROM messages m LEFT JOIN sends s ON s.message_id = m.id WHERE m.direction = 'outbound'`)
	if err != nil {
		return err
	}
	found := 0
	for _, s := range stored {
		if r.sends[s.ID] {
			found++
		}
		if s.State != "" {
			res.Open++
		}
		if s.State == "uncertain" {
			res.Uncertain++
		}
		switch n := r.provider.Count(s.ID); {
		case n == 0 && s.State == "" && r.sends[s.ID]:
			res.LostSends++
		case n > 1:
			res.DuplicatedSends++
			if !s.Duplicate {
				res.Unmarked++
			}
		}
	}
	res.LostSends += len(r.sends) - found
	res.DuplicatedSends += max(0, len(stored)-r.keys)
	return nil
}

// auditEvents counts the numbers that are missing in the log.
func auditEvents(ctx context.Context, d *db.DB, res *KillResult) error {
	var log struct {
		Count int64 `db:"n"`
		Last  int64 `db:"last"`
		Head  int64 `db:"head"`
	}
	err := d.GetContext(ctx, &log, `SELECT count(*) AS n, max(seq) AS last, (SELECT max(seq) FROM event_heads) AS head FROM events`)
	if err != nil {
		return err
	}
	res.EventGaps = int(max(log.Last, log.Head) - log.Count)
	return nil
}
