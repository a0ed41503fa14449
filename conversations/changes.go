package conversations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// at is when the provider announced n; it announces some without a time.
func (n *notice) at(now time.Time) time.Time {
	if n.event.Change.At.IsZero() {
		return n.item.arrived(now)
	}
	return n.event.Change.At
}

// key tells n from every other change: by what was announced and when. Without a
// time the same words may be news again, so there the body counts too.
func (n *notice) key() string {
	c := n.event.Change
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%d\n", c.Type, c.Field, c.At.UnixMicro())
	if c.At.IsZero() {
		fmt.Fprintf(h, "%s\n", n.item.sha)
	}
	h.Write(n.event.Raw)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

const insertChanges = `
	WITH {{rows}} INSERT INTO applied_changes (channel_id, key, at)
	SELECT channel_id, key, at FROM v WHERE true
	ON CONFLICT (channel_id, key) DO NOTHING
	RETURNING channel_id, key`

// dropKnownChanges leaves only changes that were never applied: a template's pause
// that is replayed after its end must not pause it again.
func (b *ingestBatch) dropKnownChanges(ctx context.Context) error {
	if len(b.changes) == 0 {
		return nil
	}
	type changeKey struct{ channelID, key string }
	rows := db.NewRows("channel_id text", "key text", "at bigint")
	first := map[changeKey]*notice{}
	for _, n := range b.changes {
		k := changeKey{n.item.ChannelID, n.key()}
		if first[k] == nil {
			first[k] = n
			rows.Add(k.channelID, k.key, db.Micros(b.now))
		}
	}
	fresh := map[*notice]bool{}
	err := b.tx.QueryRows(ctx, insertChanges, rows, func(r *sql.Rows) error {
		var k changeKey
		err := r.Scan(&k.channelID, &k.key)
		fresh[first[k]] = true
		return err
	})
	if err != nil {
		return err
	}
	kept := b.changes[:0]
	for _, n := range b.changes {
		if fresh[n] {
			kept = append(kept, n)
		}
	}
	b.changes = kept
	return nil
}

// PruneChanges forgets up to limit changes that were applied before the given
// time and returns how many; call it again until that is less than limit.
func (s *Store) PruneChanges(ctx context.Context, before time.Time, limit int) (int64, error) {
	return s.db.Exec(ctx, `DELETE FROM applied_changes WHERE (channel_id, key) IN
		(SELECT channel_id, key FROM applied_changes WHERE at < $1 ORDER BY at LIMIT $2)`, db.Micros(before), limit)
}
