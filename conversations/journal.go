package conversations

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
)

const upsertJournal = `
	WITH {{rows}} INSERT INTO journal (id, tenant_id, channel_id, told, sha256, state, problems, headers, body, truncated, size,
		events, deliveries, received_at, applied_at, last_at)
	SELECT id, tenant_id, channel_id, told, sha256, state, problems, headers, body, truncated, size, events, deliveries,
		received_at, applied_at, received_at FROM v WHERE true
	ON CONFLICT (channel_id, told, sha256) DO UPDATE SET
		deliveries = journal.deliveries + excluded.deliveries,
		last_at = CASE WHEN excluded.last_at > journal.last_at THEN excluded.last_at ELSE journal.last_at END
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
	rows := db.NewRows("id text", "tenant_id text", "channel_id text", "told text", "sha256 text", "state text", "problems text",
		"headers long", "body bytea", "truncated boolean", "size bigint", "events bigint", "deliveries bigint", "received_at bigint", "applied_at bigint").
		Share("tenant_id", "channel_id").Share("state", "problems", "truncated", "deliveries", "applied_at")
	for _, k := range order {
		if err := addJournalRow(rows, groups[k][0], len(groups[k]), b); err != nil {
			return err
		}
	}
	var again []*ingestItem
	err := b.tx.QueryRows(ctx, upsertJournal, rows, func(r *sql.Rows) error {
		var journalID, state string
		var k bodyKey
		if err := r.Scan(&journalID, &k.channelID, &k.sha, &state); err != nil {
			return err
		}
		for i, it := range groups[k] {
			known := i > 0 || journalID != it.id
			it.skip = known && !it.Replay && (i > 0 || JournalState(state) == JournalApplied)
			it.applied = Applied{JournalID: journalID, Duplicate: it.skip}
			if known && !it.skip && !it.piece {
				again = append(again, it)
			}
			if !it.skip {
				it.applied.Failed = len(it.problems)
				it.applied.Events = max(0, len(it.Events)-it.applied.Failed)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.settle(ctx, again)
}

func addJournalRow(rows *db.Rows, it *ingestItem, deliveries int, b *ingestBatch) error {
	headers, err := jsonText(it.Headers)
	if err != nil {
		return err
	}
	problems, err := problemsText(it.problems)
	if err != nil {
		return err
	}
	if it.Replay {
		deliveries = 0
	}
	rows.Add(it.id, it.TenantID, it.ChannelID, toldAt(it.Body), it.sha, string(it.state()), problems, headers, it.sealed, it.truncated, int64(len(it.Body)),
		int64(len(it.Events)), int64(deliveries), db.Micros(it.ReceivedAt), db.Micros(b.now))
	return nil
}

// maxTold is the longest time that toldAt returns: an RFC 3339 one with nanoseconds.
const maxTold = 35

// toldAt is the first "timestamp" in a body as the provider wrote it, in seconds or in
// RFC 3339, or "". In the key by which repeats are found it stands before the hash, so
// that new entries are neighbours: hashes alone are scattered over the whole index,
// and in a large journal each would cost a page of its own. It reads bytes rather than
// events, as the key of a body must not change with what we understand of it.
func toldAt(body []byte) string {
	_, rest, _ := bytes.Cut(body, []byte(`"timestamp"`))
	rest = bytes.TrimLeft(rest, " \t\r\n:\"")
	end := bytes.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("0123456789-+:.TZ", r) })
	if end < 0 || end > maxTold {
		return ""
	}
	return string(rest[:end])
}

// settle records the outcome of bodies that are applied once more: replays, and
// repeats of a body of which something could not be applied.
func (b *ingestBatch) settle(ctx context.Context, again []*ingestItem) error {
	rows := db.NewRows("id text", "state text", "problems text", "events bigint", "at bigint")
	for _, it := range again {
		problems, err := problemsText(it.problems)
		if err != nil {
			return err
		}
		rows.Add(it.applied.JournalID, string(it.state()), problems, int64(len(it.Events)), db.Micros(b.now))
	}
	_, err := b.tx.ExecRows(ctx, `WITH {{rows}} UPDATE journal SET state = v.state, problems = v.problems, events = v.events,
		applied_at = v.at FROM v WHERE journal.id = v.id`, rows)
	return err
}

// keepProblems records what the database would not take of a body.
func (s *Store) keepProblems(ctx context.Context, it *ingestItem) error {
	problems, err := problemsText(it.problems)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `UPDATE journal SET state = $1, problems = $2, applied_at = $3, events = $4 WHERE id = $5`,
		string(it.state()), problems, db.Micros(s.opts.Now()), len(it.Events), it.applied.JournalID)
	return err
}

func problemsText(problems []JournalProblem) (string, error) {
	if len(problems) == 0 {
		return "", nil
	}
	return jsonText(problems)
}

// state is the verdict on an item.
func (it *ingestItem) state() JournalState {
	return journalState(it.problems, len(it.Events)-len(it.problems))
}

// journalAAD binds a sealed body to its row: (channel, hash) is its key.
func journalAAD(tenantID, channelID, sha string) string {
	return tenantID + "|journal|body|" + channelID + "|" + sha
}

// sealBody encrypts what the journal keeps of a body: all of it, unless it is
// large and there is nothing left to apply.
func (s *Store) sealBody(it *ingestItem) (err error) {
	body := it.Body
	it.truncated = s.opts.MaxKept > 0 && len(body) > s.opts.MaxKept && len(it.problems) == 0
	if it.truncated {
		body = body[:s.opts.MaxKept]
	}
	it.sealed, err = s.opts.Seal(body, journalAAD(it.TenantID, it.ChannelID, it.sha))
	return err
}

// openBody is the inverse of sealBody. Rows of earlier versions are bound to
// their channel only, or are not sealed: then the hash proves them.
func (s *Store) openBody(e *JournalEntry, kept []byte) ([]byte, error) {
	body, err := s.opts.Unseal(kept, journalAAD(e.TenantID, e.ChannelID, e.SHA256))
	if err == nil {
		return body, nil
	}
	if body, older := s.opts.Unseal(kept, "journal|"+e.ChannelID+"|"+e.SHA256); older == nil {
		return body, nil
	}
	if sum := sha256.Sum256(kept); hex.EncodeToString(sum[:]) == e.SHA256 {
		return kept, nil
	}
	return nil, fmt.Errorf("journal entry %s: %w", e.ID, err)
}

// arrived is when it.Webhook was received, or now where nobody noted it. A replay
// arrived when its body first did.
func (it *ingestItem) arrived(now time.Time) time.Time {
	if it.ReceivedAt.IsZero() {
		return now
	}
	return it.ReceivedAt
}
