package conversations

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// Options are what a Store needs besides its database.
type Options struct {
	Now       func() time.Time
	Node      string                                          // names this process in leases and attempts
	Seal      func(plain []byte, aad string) ([]byte, error)  // for journal bodies
	Unseal    func(sealed []byte, aad string) ([]byte, error) // the inverse
	MediaURL  func(mediaID string) string                     // an expiring address, for events
	Writers   int                                             // shared transactions at a time of webhooks, and of sends; 0 means 1 on SQLite, 2 or more on PostgreSQL
	LateAfter time.Duration                                   // age at which an item of a webhook is marked as late; 0 = never
	MaxBatch  int                                             // messages and statuses per transaction; 0 means 256
	MaxKept   int                                             // bytes of a body that the journal keeps of what was applied; 0 = all

	Log *slog.Logger // gets panics that an item of a webhook caused; nil means slog.Default

	UncertainWait time.Duration // how long reports on an uncertain attempt are awaited; 0 means the constant
}

// Store keeps conversations and messages in SQL. Every query names its tenant,
// except those that begin with a channel or message that the caller has proved.
type Store struct {
	db   *db.DB
	opts Options

	owners *owners
	ingest *db.Group[*ingestItem]
	queue  *db.Group[*queueItem]
	record *db.Group[*recordItem]

	results *resultWriter

	templatesSeen sync.Map // channel → when its templates last changed
}

// NewStore returns a running store over an open, migrated database; Stop it.
func NewStore(d *db.DB, opts Options) *Store {
	if opts.UncertainWait == 0 {
		opts.UncertainWait = UncertainWait
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	s := &Store{db: d, opts: opts, owners: newOwners()}
	// On PostgreSQL one batch is committed while another runs its statements, and on
	// large machines several run them: then tenants do not wait for each other.
	writers := 1
	if d.Dialect == db.Postgres {
		writers += max(1, runtime.GOMAXPROCS(0)/4)
	}
	if opts.Writers > 0 {
		writers = opts.Writers
	}
	if opts.MaxBatch == 0 {
		opts.MaxBatch = 256
	}
	s.ingest = db.NewGroup(writers, opts.MaxBatch, func(it *ingestItem) int { return 1 + len(it.Events) }, s.runIngest)
	s.queue = db.NewGroup(writers, opts.MaxBatch, func(*queueItem) int { return 1 }, s.runQueue)
	s.results = startResults(d)
	s.record = db.NewGroup(1, opts.MaxBatch, func(*recordItem) int { return 1 }, func(items []*recordItem, _ func()) { s.runRecord(items) })
	return s
}

// Stop waits for the writes under way and refuses new ones.
func (s *Store) Stop() {
	s.ingest.Stop()
	s.queue.Stop()
	s.record.Stop()
	s.results.stop()
}

// batchTimeout bounds one shared transaction. Batches run on behalf of many
// callers, so that none of their contexts may cancel one.
const batchTimeout = 30 * time.Second

// errRace means that another node wrote the same row between our look and our
// write; the transaction is run again.
var errRace = errors.New("conversations: lost a race, run again")

// inTx runs fn in a transaction, again after a lost race or a deadlock.
func (s *Store) inTx(ctx context.Context, fn func(*db.Tx) error) error {
	for tries := 1; ; tries++ {
		err := s.db.InTx(ctx, fn)
		if err == nil || tries == 5 || !(errors.Is(err, errRace) || db.IsRetryable(err)) {
			return err
		}
	}
}
