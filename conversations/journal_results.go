package conversations

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// journalResult is what a body led to. It is known once the body is committed,
// and is written behind the answer to the provider, many at a time: a second
// write of the row that holds the body would double the cost of ingest.
type journalResult struct {
	tenantID          string
	logged            int64
	firstSeq, lastSeq int64
	took              time.Duration
}

func (r *journalResult) join(more *journalResult) {
	r.tenantID = more.tenantID
	r.logged += more.logged
	if more.firstSeq > 0 && (r.firstSeq == 0 || more.firstSeq < r.firstSeq) {
		r.firstSeq = more.firstSeq
	}
	r.lastSeq = max(r.lastSeq, more.lastSeq)
	r.took = max(r.took, more.took)
}

// result is what the journal says about it apart from its events.
func (it *ingestItem) result(now time.Time) *journalResult {
	r := &journalResult{tenantID: it.TenantID}
	if !it.Replay && !it.piece && !it.ReceivedAt.IsZero() {
		r.took = max(0, now.Sub(it.ReceivedAt))
	}
	return r
}

// resultsOf gathers appended events by the body that led to them.
func resultsOf(appended []events.Event) map[string]*journalResult {
	found := map[string]*journalResult{}
	for i := range appended {
		e := &appended[i]
		if e.JournalID == "" {
			continue
		}
		r := found[e.JournalID]
		if r == nil {
			r = &journalResult{}
			found[e.JournalID] = r
		}
		r.join(&journalResult{tenantID: e.TenantID, logged: 1, firstSeq: e.Seq, lastSeq: e.Seq})
	}
	return found
}

// noteResults remembers what items led to, after their commit.
func (s *Store) noteResults(items []*ingestItem, appended []events.Event) {
	found, now := resultsOf(appended), s.opts.Now()
	for _, it := range items {
		r := found[it.applied.JournalID]
		if it.skip || it.applied.JournalID == "" {
			continue
		}
		if r == nil {
			r = &journalResult{}
			found[it.applied.JournalID] = r
		}
		it.applied.Logged = int(r.logged)
		r.join(it.result(now))
	}
	s.results.add(found)
}

// resultWriter writes results a moment after they are known. A process that is
// killed loses those of its last moment: what the bodies did is committed, only
// how long it took and where their events begin is not told.
type resultWriter struct {
	db      *db.DB
	mu      sync.Mutex
	pending map[string]*journalResult // by journal id
	writing sync.Mutex                // one flush at a time: whoever flushes sees all that was added before
	wake    chan struct{}
	quit    context.CancelFunc
	wg      sync.WaitGroup
}

const (
	// resultDelay gathers the results of a busy server into one statement.
	resultDelay = time.Second
	// maxResults bounds what waits while the database is away, when nothing is
	// added either: a guard, not a limit that is met.
	maxResults = 100_000
)

func startResults(d *db.DB) *resultWriter {
	ctx, quit := context.WithCancel(context.Background())
	w := &resultWriter{db: d, pending: map[string]*journalResult{}, wake: make(chan struct{}, 1), quit: quit}
	w.wg.Go(func() { w.run(ctx) })
	return w
}

// add takes over more.
func (w *resultWriter) add(more map[string]*journalResult) {
	if len(more) == 0 {
		return
	}
	w.mu.Lock()
	for journalID, r := range more {
		if old := w.pending[journalID]; old != nil {
			old.join(r)
		} else if len(w.pending) < maxResults {
			w.pending[journalID] = r
		}
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *resultWriter) run(ctx context.Context) {
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(resultDelay):
		case <-ctx.Done():
			return
		}
		bound, cancel := context.WithTimeout(ctx, batchTimeout)
		_ = w.flush(bound) // what it could not write is added again, which wakes us
		cancel()
	}
}

func (w *resultWriter) stop() {
	w.quit()
	w.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = w.flush(ctx) // if it fails, it is as if the process had been killed
}

const upsertResults = `
	WITH {{rows}} INSERT INTO journal_results (journal_id, tenant_id, events, first_seq, last_seq, took)
	SELECT journal_id, tenant_id, events, first_seq, last_seq, took FROM v WHERE true
	ON CONFLICT (journal_id) DO UPDATE SET
		events = journal_results.events + excluded.events,
		first_seq = CASE WHEN journal_results.first_seq = 0 THEN excluded.first_seq ELSE journal_results.first_seq END,
		last_seq = CASE WHEN excluded.last_seq = 0 THEN journal_results.last_seq ELSE excluded.last_seq END,
		took = CASE WHEN journal_results.took = 0 THEN excluded.took ELSE journal_results.took END`

// flush writes everything that was added so far.
func (w *resultWriter) flush(ctx context.Context) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	batch := w.pending
	w.pending = map[string]*journalResult{}
	w.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	rows := db.NewRows("journal_id text", "tenant_id text", "events bigint", "first_seq bigint", "last_seq bigint", "took bigint").
		Share("tenant_id")
	for _, journalID := range slices.Sorted(maps.Keys(batch)) { // one order on every node: no deadlock
		r := batch[journalID]
		rows.Add(journalID, r.tenantID, r.logged, r.firstSeq, r.lastSeq, r.took.Microseconds())
	}
	err := w.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecRows(ctx, upsertResults, rows)
		return err
	})
	if err != nil {
		w.add(batch)
	}
	return err
}
