package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

// JournalFilter selects entries; empty fields select all.
type JournalFilter struct {
	ChannelID string
	States    []JournalState
	From, To  time.Time // stored at From or later, and before To; to the millisecond
	SHA256    string    // of the body
	MessageID string    // a message, by our id or the provider's: what it and its statuses came from
}

const journalColumns = `j.id, j.tenant_id, j.channel_id, j.sha256, j.state, j.problems, j.headers, j.truncated, j.size, j.events, j.deliveries,
	j.received_at, j.applied_at, j.last_at, COALESCE(r.events, 0), COALESCE(r.first_seq, 0), COALESCE(r.last_seq, 0), COALESCE(r.took, 0)`

const fromJournal = ` FROM journal j LEFT JOIN journal_results r ON r.journal_id = j.id`

// where is the condition of f.
func (f JournalFilter) where(tenantID string) where {
	byHash := f.SHA256 != "" && f.From.IsZero() && f.To.IsZero() // else the time finds fewer
	w := ofTenant("j.tenant_id", tenantID, byHash)
	w.eq("j.channel_id", f.ChannelID)
	states, unapplied := make([]string, len(f.States)), len(f.States) > 0
	for i, st := range f.States {
		states[i] = string(st)
		unapplied = unapplied && st != JournalApplied
	}
	w.in("j.state", states)
	if unapplied {
		w.sql += ` AND j.state <> 'applied'` // the condition of the index journal_unapplied
	}
	if !f.From.IsZero() {
		w.add("j.id >= ", id.Floor(id.Journal, f.From)) // ids tell the time: no index by it
	}
	if !f.To.IsZero() {
		w.add("j.id < ", id.Floor(id.Journal, f.To))
	}
	const ours = `(SELECT id FROM channels WHERE tenant_id = $1)`
	if byHash { // a look at the index journal_body alone, if at all of it
		w.sql += ` AND j.channel_id IN ` + ours
	}
	if f.SHA256 != "" {
		w.add("j.sha256 = ", f.SHA256)
	}
	if f.MessageID != "" {
		w.args = append(w.args, f.MessageID)
		n := len(w.args)
		w.sql += fmt.Sprintf(` AND j.id IN (
			SELECT m.journal_id FROM messages m WHERE m.tenant_id = $1 AND (m.id = $%[1]d OR (m.channel_id IN %[2]s AND m.provider_message_id = $%[1]d))
			UNION SELECT t.journal_id FROM message_statuses t JOIN messages m ON m.id = t.message_id
				WHERE m.tenant_id = $1 AND (m.id = $%[1]d OR (m.channel_id IN %[2]s AND m.provider_message_id = $%[1]d)))`, n, ours)
	}
	return w
}

// ListJournal returns up to limit entries before the given id, newest first,
// without their bodies.
func (s *Store) ListJournal(ctx context.Context, tenantID string, f JournalFilter, before string, limit int) ([]JournalEntry, error) {
	w := f.where(tenantID)
	if before != "" {
		w.add("j.id < ", before)
	}
	return s.readJournal(ctx, w, "DESC", limit)
}

// JournalAfter returns up to limit entries after the given id, oldest first,
// without their bodies.
func (s *Store) JournalAfter(ctx context.Context, tenantID string, f JournalFilter, after string, limit int) ([]JournalEntry, error) {
	w := f.where(tenantID)
	if after != "" {
		w.add("j.id > ", after)
	}
	return s.readJournal(ctx, w, "ASC", limit)
}

func (s *Store) readJournal(ctx context.Context, w where, order string, limit int) ([]JournalEntry, error) {
	if err := s.results.flush(ctx); err != nil {
		return nil, fmt.Errorf("list the journal: %w", err)
	}
	w.args = append(w.args, limit)
	rows, err := s.db.QueryContext(ctx, `SELECT `+journalColumns+fromJournal+w.sql+fmt.Sprintf(` ORDER BY j.id %s LIMIT $%d`, order, len(w.args)), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the journal: %w", err)
	}
	defer rows.Close()
	var entries []JournalEntry
	for rows.Next() {
		e, err := scanJournal(rows)
		if err != nil {
			return nil, fmt.Errorf("list the journal: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// GetJournal returns an entry with its body.
func (s *Store) GetJournal(ctx context.Context, tenantID, journalID string) (JournalEntry, error) {
	if err := s.results.flush(ctx); err != nil {
		return JournalEntry{}, fmt.Errorf("journal entry %s: %w", journalID, err)
	}
	var kept []byte
	e, err := scanJournal(s.db.QueryRowContext(ctx, `SELECT `+journalColumns+`, j.body`+fromJournal+`
		WHERE j.tenant_id = $1 AND j.id = $2`, tenantID, journalID), &kept)
	if errors.Is(err, sql.ErrNoRows) {
		return JournalEntry{}, fault.Missing("journal entry")
	}
	if err != nil {
		return JournalEntry{}, fmt.Errorf("journal entry %s: %w", journalID, err)
	}
	e.Body, err = s.openBody(&e, kept)
	return e, err
}

type scanner interface{ Scan(dest ...any) error }

func scanJournal(row scanner, more ...any) (e JournalEntry, err error) {
	var problems, headers string
	var received, last, took int64
	var applied sql.NullInt64
	dest := []any{&e.ID, &e.TenantID, &e.ChannelID, &e.SHA256, &e.State, &problems, &headers, &e.Truncated, &e.Size, &e.Events, &e.Deliveries,
		&received, &applied, &last, &e.Logged, &e.FirstSeq, &e.LastSeq, &took}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return e, err
	}
	e.ReceivedAt, e.LastAt, e.AppliedAt = db.Time(received), db.Time(last), db.NullTime(applied)
	e.Took = time.Duration(took) * time.Microsecond
	if err := parseJSON(problems, &e.Problems); err != nil {
		return e, err
	}
	return e, parseJSON(headers, &e.Headers)
}

// PruneJournal deletes up to limit entries that were stored before the given time
// and returns how many it deleted; call it again until that is less than limit.
func (s *Store) PruneJournal(ctx context.Context, before time.Time, limit int) (n int64, err error) {
	oldest := id.Floor(id.Journal, before)
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM journal_results WHERE journal_id IN
			(SELECT journal_id FROM journal_results WHERE journal_id < $1 ORDER BY journal_id LIMIT $2)`, oldest, limit); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE id < $1 ORDER BY id LIMIT $2)`, oldest, limit)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune the journal: %w", err)
	}
	return n, nil
}
