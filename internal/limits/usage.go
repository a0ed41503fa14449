package limits

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// Ledger keeps in the database what API keys used, and which nodes live. What it
// was told since the last Save is lost if the process dies: if Redis is flushed as
// well, a key has at most that much more than its day.
type Ledger struct {
	db   *db.DB
	node string
	now  func() time.Time

	mu      sync.Mutex
	pending map[used]int64
	nodes   int64
}

type used struct {
	keyID string
	slot  int64
}

// SaveEvery is how often Save should be called.
const SaveEvery = 5 * time.Second

// alive is how long after its last sign a node counts.
const alive = 4 * SaveEvery

// NewLedger returns a ledger that says that node lives.
func NewLedger(d *db.DB, node string, now func() time.Time) *Ledger {
	return &Ledger{db: d, node: node, now: now, pending: map[used]int64{}, nodes: 1}
}

// Add implements Usage.
func (l *Ledger) Add(keyID string, slot, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending[used{keyID, slot}] += n
}

// Load implements Usage.
func (l *Ledger) Load(ctx context.Context, keyID string, since int64) (string, error) {
	sums := map[int64]int64{}
	var rows []struct {
		Slot int64 `db:"slot"`
		N    int64 `db:"n"`
	}
	if err := l.db.SelectContext(ctx, &rows, `SELECT slot, n FROM key_usage WHERE key_id = $1 AND slot >= $2`, keyID, since); err != nil {
		return "", fmt.Errorf("load the usage of key %s: %w", keyID, err)
	}
	for _, r := range rows {
		sums[r.Slot] = r.N
	}
	l.mu.Lock()
	for u, n := range l.pending {
		if u.keyID == keyID && u.slot >= since {
			sums[u.slot] += n
		}
	}
	l.mu.Unlock()
	var list []count
	for _, slot := range slices.Sorted(maps.Keys(sums)) {
		list = append(list, count{slot: slot, n: sums[slot]})
	}
	return slots(list), nil
}

// Save writes what was added since the last call, says that this node lives, and
// counts the nodes that do.
func (l *Ledger) Save(ctx context.Context) error {
	l.mu.Lock()
	pending := l.pending
	l.pending = map[used]int64{}
	l.mu.Unlock()
	var nodes int64
	err := l.db.InTx(ctx, func(tx *db.Tx) error {
		rows := db.NewRows("key_id text", "slot bigint", "n bigint")
		keys := slices.SortedFunc(maps.Keys(pending), func(a, b used) int {
			return cmp.Or(cmp.Compare(a.keyID, b.keyID), cmp.Compare(a.slot, b.slot))
		})
		for _, u := range keys {
			rows.Add(u.keyID, u.slot, pending[u])
		}
		if _, err := tx.ExecRows(ctx, `WITH {{rows}} INSERT INTO key_usage (key_id, slot, n) SELECT key_id, slot, n FROM v WHERE true
			ON CONFLICT (key_id, slot) DO UPDATE SET n = key_usage.n + excluded.n`, rows); err != nil {
			return err
		}
		clock := tx.Dialect.Clock()
		if _, err := tx.ExecContext(ctx, `INSERT INTO nodes (name, seen_at) VALUES ($1, `+clock+`)
			ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at`, l.node); err != nil {
			return err
		}
		return tx.GetContext(ctx, &nodes, `SELECT count(*) FROM nodes WHERE seen_at > `+clock+` - $1`, alive.Microseconds())
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		for u, n := range pending {
			l.pending[u] += n
		}
		return fmt.Errorf("save the usage of keys: %w", err)
	}
	l.nodes = max(1, nodes)
	return nil
}

// Nodes is how many nodes lived at the last Save.
func (l *Ledger) Nodes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nodes
}

// Prune forgets what no window holds any more, and nodes long gone.
func (l *Ledger) Prune(ctx context.Context) error {
	old := window{slot: daySlot}.at(l.now().Add(-25 * time.Hour))
	if _, err := l.db.Exec(ctx, `DELETE FROM key_usage WHERE slot < $1`, old); err != nil {
		return fmt.Errorf("prune the usage of keys: %w", err)
	}
	if _, err := l.db.Exec(ctx, `DELETE FROM nodes WHERE seen_at < $1`, db.Micros(l.now().Add(-24*time.Hour))); err != nil {
		return fmt.Errorf("prune nodes: %w", err)
	}
	return nil
}

// Leave saves, and says that this node lives no longer: the others share its part.
func (l *Ledger) Leave(ctx context.Context) error {
	if err := l.Save(ctx); err != nil {
		return err
	}
	_, err := l.db.Exec(ctx, `DELETE FROM nodes WHERE name = $1`, l.node)
	return err
}
