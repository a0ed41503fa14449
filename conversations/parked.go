package conversations

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

const insertParked = `
	WITH {{rows}} INSERT INTO parked_statuses (channel_id, provider_id, provider, at, participant, tenant_id, alt_id, message_id, payload, journal_id, received_at)
	SELECT channel_id, provider_id, provider, at, participant, tenant_id, alt_id, message_id, payload, journal_id, received_at FROM v WHERE true
	ON CONFLICT (channel_id, provider_id, provider, at, participant) DO NOTHING`

// park keeps statuses of messages that we do not know yet: a provider can report
// on a message before its answer to the send has been recorded.
func (b *ingestBatch) park(ctx context.Context, strays []*report) error {
	rows := db.NewRows("channel_id text", "provider_id text", "provider text", "at bigint", "participant text", "tenant_id text",
		"alt_id text", "message_id text", "payload long", "journal_id text", "received_at bigint")
	for _, r := range strays {
		payload, err := json.Marshal(r.update)
		if err != nil {
			return err
		}
		at := r.update.At
		if at.IsZero() {
			at = r.item.arrived(b.now)
		}
		rows.Add(r.item.ChannelID, r.update.ProviderID, r.update.Provider, db.Micros(at), r.update.Participant, r.item.TenantID,
			r.update.AltID, r.update.MessageID, string(payload), r.item.applied.JournalID, db.Micros(b.now))
	}
	b.parked = db.NewRows("channel_id text", "provider_id text")
	for _, r := range strays {
		b.parked.Add(r.item.ChannelID, r.update.ProviderID)
	}
	if _, err := b.tx.ExecRows(ctx, insertParked, rows); err != nil {
		return fmt.Errorf("park statuses: %w", err)
	}
	return nil
}

// parkedMatch joins parked statuses with the messages that have appeared since. It
// begins with those parked, of which there are few, and finds each message by a
// unique key: SQLite keeps to the order of a CROSS JOIN, and neither database can
// use the index of a channel's messages for an expression.
const parkedMatch = ` FROM parked_statuses p CROSS JOIN messages m
	WHERE (m.channel_id = p.channel_id AND m.provider_message_id = p.provider_id OR m.id = p.message_id)
		AND m.channel_id || '' = p.channel_id AND m.direction = 'outbound'`

// parkedOf is parkedMatch for the provider's ids of a few messages: SQLite, too,
// begins with those.
const parkedOf = ` FROM v CROSS JOIN parked_statuses p CROSS JOIN messages m
	WHERE p.channel_id = v.channel_id AND p.provider_id = v.provider_id
		AND m.channel_id = v.channel_id AND m.provider_message_id = v.provider_id AND m.direction = 'outbound'`

const parkedColumns = `p.channel_id, p.provider_id, p.provider, p.at, p.participant, p.payload, p.journal_id, p.received_at, ` + sentColumns

// UnparkStatuses applies the parked statuses whose messages have appeared since
// and returns how many those were. It looks at all that are parked.
func (s *Store) UnparkStatuses(ctx context.Context) (n int, err error) {
	var any bool
	if err := s.db.GetContext(ctx, &any, `SELECT EXISTS (SELECT 1`+parkedMatch+`)`); err != nil || !any {
		return 0, err
	}
	return s.unparkAll(ctx, func(tx *db.Tx, scan func(*sql.Rows) error) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+parkedColumns+parkedMatch+` ORDER BY m.id, p.at LIMIT 500`+tx.ForUpdate("m"))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// unparkOf is UnparkStatuses for the channels and provider's ids in ids. What it
// misses the sweeper finds.
func (s *Store) unparkOf(ctx context.Context, ids *db.Rows) error {
	found := false
	if err := s.db.QueryRows(ctx, `WITH {{rows}} SELECT 1`+parkedOf+` LIMIT 1`, ids, func(*sql.Rows) error { found = true; return nil }); err != nil || !found {
		return err
	}
	_, err := s.unparkAll(ctx, func(tx *db.Tx, scan func(*sql.Rows) error) error {
		return tx.QueryRows(ctx, `WITH {{rows}} SELECT `+parkedColumns+parkedOf+` ORDER BY m.id, p.at`+tx.ForUpdate("m"), ids, scan)
	})
	return err
}

// unparkAll applies the parked statuses that read finds.
func (s *Store) unparkAll(ctx context.Context, read func(tx *db.Tx, scan func(*sql.Rows) error) error) (n int, err error) {
	var a *advance
	err = s.inTx(ctx, func(tx *db.Tx) error {
		n = 0
		a = newAdvance(s.opts.Now())
		done := db.NewRows("channel_id text", "provider_id text", "provider text", "at bigint", "participant text")
		msgs := map[string]*sentMessage{}
		err := read(tx, func(r *sql.Rows) error {
			n++
			return unpark(r, a, done, msgs)
		})
		if err != nil {
			return err
		}
		if err := a.save(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecRows(ctx, `WITH {{rows}} DELETE FROM parked_statuses WHERE (channel_id, provider_id, provider, at, participant) IN
			(SELECT channel_id, provider_id, provider, at, participant FROM v)`, done); err != nil {
			return err
		}
		return events.Append(ctx, tx, a.events)
	})
	if err != nil {
		return 0, fmt.Errorf("unpark statuses: %w", err)
	}
	s.results.add(resultsOf(a.events))
	return n, nil
}

func unpark(r *sql.Rows, a *advance, done *db.Rows, msgs map[string]*sentMessage) error {
	var channelID, providerID, provider, participant, payload, journalID string
	var at, received int64
	m, err := scanSent(r, &channelID, &providerID, &provider, &at, &participant, &payload, &journalID, &received)
	if err != nil {
		return err
	}
	if msgs[m.id] == nil {
		msgs[m.id] = m
	}
	var u channels.StatusUpdate
	if err := json.Unmarshal([]byte(payload), &u); err != nil {
		return err
	}
	done.Add(channelID, providerID, provider, at, participant)
	return a.apply(msgs[m.id], &u, journalID, db.Time(received))
}

// DropParked deletes statuses parked before the given time: their messages were
// not sent through us.
func (s *Store) DropParked(ctx context.Context, before time.Time) (int64, error) {
	return s.db.Exec(ctx, `DELETE FROM parked_statuses WHERE received_at < $1`, db.Micros(before))
}
