package conversations

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

const upsertJournal = `
	WITH {{rows}} INSERT INTO journal (id, tenant_id, channel_id, sha256, state, problems, headers, body, size,
		events, deliveries, received_at, applied_at, last_at)
	SELECT id, tenant_id, channel_id, sha256, state, problems, headers, body, size, events, deliveries,
		received_at, applied_at, received_at FROM v WHERE true
	ON CONFLICT (channel_id, sha256) DO UPDATE SET
		deliveries = journal.deliveries + excluded.deliveries, last_at = excluded.last_at
	RETURNING id, channel_id, sha256, state`

type bodyKey struct{ channelID, sha string }

// journal writes a row for each distinct body and marks the items that are exact
// repeats of one that was applied.
func (b *ingestBatch) journal(ctx context.Context, items []*ingestItem) error {
	groups := map[bodyKey][]*ingestItem{}
	var order []bodyKey
	for _, it := range items {
		it.skip, it.applied = false, Applied{}
		k := bodyKey{it.ChannelID, it.sha}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], it)
	}
	slices.SortFunc(order, func(x, y bodyKey) int { // one order on every node: no deadlock
		return cmp.Or(cmp.Compare(x.channelID, y.channelID), cmp.Compare(x.sha, y.sha))
	})
	rows := db.NewRows("id text", "tenant_id text", "channel_id text", "sha256 text", "state text", "problems text",
		"headers text", "body bytea", "size bigint", "events bigint", "deliveries bigint", "received_at bigint", "applied_at bigint")
	for _, k := range order {
		if err := addJournalRow(rows, groups[k][0], len(groups[k]), b); err != nil {
			return err
		}
	}
	return b.tx.QueryRows(ctx, upsertJournal, rows, func(r *sql.Rows) error {
		var journalID, state string
		var k bodyKey
		if err := r.Scan(&journalID, &k.channelID, &k.sha, &state); err != nil {
			return err
		}
		for i, it := range groups[k] {
			known := i > 0 || journalID != it.id
			it.skip = known && !it.Replay && (i > 0 || JournalState(state) == JournalApplied)
			it.applied = Applied{JournalID: journalID, Duplicate: it.skip}
			if !it.skip {
				it.applied.Failed = len(it.problems)
				it.applied.Events = len(it.Events) - it.applied.Failed
			}
		}
		return nil
	})
}

func addJournalRow(rows *db.Rows, it *ingestItem, deliveries int, b *ingestBatch) error {
	headers, err := jsonText(it.Headers)
	if err != nil {
		return err
	}
	problems := ""
	if len(it.problems) > 0 {
		if problems, err = jsonText(it.problems); err != nil {
			return err
		}
	}
	state := journalState(it.problems, len(it.Events)-len(it.problems))
	if it.Replay {
		deliveries = 0
	}
	rows.Add(it.id, it.TenantID, it.ChannelID, it.sha, string(state), problems, headers, it.sealed, int64(len(it.Body)),
		int64(len(it.Events)), int64(deliveries), db.Micros(it.ReceivedAt), db.Micros(b.now))
	return nil
}

// setJournal records what became of a body after all.
func (s *Store) setJournal(ctx context.Context, journalID string, state JournalState, problems []JournalProblem) error {
	text := ""
	if len(problems) > 0 {
		var err error
		if text, err = jsonText(problems); err != nil {
			return err
		}
	}
	_, err := s.db.Exec(ctx, `UPDATE journal SET state = $1, problems = $2, applied_at = $3 WHERE id = $4`,
		string(state), text, db.Micros(s.opts.Now()), journalID)
	return err
}

// FinishReplay records the outcome of applying a journal entry again.
func (s *Store) FinishReplay(ctx context.Context, e JournalEntry, w Webhook, applied Applied) error {
	var problems []JournalProblem
	if w.ParseErr != "" {
		problems = append(problems, JournalProblem{-1, w.ParseErr})
	}
	for i, ev := range w.Events {
		if ev.Kind == "invalid" {
			problems = append(problems, JournalProblem{i, ev.Reason})
		}
	}
	return s.setJournal(ctx, e.ID, journalState(problems, applied.Events), problems)
}

// JournalFilter selects entries; empty fields select all.
type JournalFilter struct {
	ChannelID string
	State     JournalState
}

const journalColumns = `id, tenant_id, channel_id, state, problems, headers, size, events, deliveries, received_at, applied_at, last_at`

// ListJournal returns up to limit entries before the given id, newest first,
// without their bodies.
func (s *Store) ListJournal(ctx context.Context, tenantID string, f JournalFilter, before string, limit int) ([]JournalEntry, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+journalColumns+` FROM journal
		WHERE tenant_id = $1 AND ($2 = '' OR channel_id = $2) AND ($3 = '' OR state = $3) AND ($4 = '' OR id < $4)
		ORDER BY id DESC LIMIT $5`, tenantID, f.ChannelID, string(f.State), before, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var entries []JournalEntry
	for rows.Next() {
		e, err := scanJournal(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// GetJournal returns an entry with its body.
func (s *Store) GetJournal(ctx context.Context, tenantID, journalID string) (JournalEntry, error) {
	var sealed []byte
	var sha string
	row := s.db.QueryRowContext(ctx, `SELECT `+journalColumns+`, body, sha256 FROM journal
		WHERE tenant_id = $1 AND id = $2`, tenantID, journalID)
	e, err := scanJournal(row, &sealed, &sha)
	if errors.Is(err, sql.ErrNoRows) {
		return JournalEntry{}, fault.Missing("journal entry")
	}
	if err != nil {
		return JournalEntry{}, err
	}
	e.Body, err = s.opts.Unseal(sealed, journalAAD(e.ChannelID, sha))
	return e, err
}

type scanner interface{ Scan(dest ...any) error }

func scanJournal(row scanner, more ...any) (e JournalEntry, err error) {
	var state, problems, headers string
	var received, last int64
	var applied sql.NullInt64
	dest := []any{&e.ID, &e.TenantID, &e.ChannelID, &state, &problems, &headers, &e.Size, &e.Events, &e.Deliveries, &received, &applied, &last}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return e, err
	}
	e.State, e.ReceivedAt, e.LastAt, e.AppliedAt = JournalState(state), db.Time(received), db.Time(last), db.NullTime(applied)
	if err := parseJSON(problems, &e.Problems); err != nil {
		return e, err
	}
	return e, parseJSON(headers, &e.Headers)
}
