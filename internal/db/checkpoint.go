package db

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// checkpointer copies SQLite's write-ahead log into the file beside the transactions.
// By itself SQLite does that within whichever commit has made the log long: in a large
// file the pages lie far apart, and everyone waits until they have reached the disk.
//
// Only a log of which all is copied begins anew, and while commits follow each other
// there is one more at the end of each copy. A long log is therefore copied once more on
// the connection that writes: little is left by then, and the rest has reached the disk.
// See docs/decisions/0016-sqlite-checkpoints.md.
type checkpointer struct {
	own, write *sqlx.DB
	least      int // pages of a log that may stay as it is, in a small file

	mu              sync.Mutex
	long            int // pages of a log that should begin anew
	pages           int // written since the last copy began, estimated
	running, closed bool
	wg              sync.WaitGroup
}

const (
	// A log that should begin anew is a sixteenth of the file, of at least 16 and at most
	// 64 MiB. The longer, the more often a page that changes several times is copied
	// once, and the less often the connection that writes has to copy; but where the file
	// is small the disk may be.
	logShare          = 16
	leastLog, mostLog = 4000, 16_000
	// A commit writes some pages whatever it is about, and then one or two for each row,
	// or fewer where rows share pages.
	pagesPerCommit, pagesPerRow = 8, 2
	// maxLog, in pages, is where SQLite copies the log by itself: after statements that
	// change very many rows, or when another process writes.
	maxLog = "40000"
	// copyTimeout bounds a copy, and what it waits for its connection.
	copyTimeout = 10 * time.Second
)

func newCheckpointer(own, write *sqlx.DB) *checkpointer {
	return &checkpointer{own: own, write: write, least: leastLog, long: leastLog}
}

// wrote notes the commit of so many rows, and starts a copy when it is time.
// A nil checkpointer, that of PostgreSQL, does nothing.
func (c *checkpointer) wrote(rows int64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pages += pagesPerCommit + pagesPerRow*int(rows)
	if c.pages >= c.long*3/5 { // what comes during the copy fills the rest
		c.start(c.long)
	}
}

// full notes that there is no space left: a log that begins anew needs none.
func (c *checkpointer) full() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start(0)
}

// start starts a copy if none is under way; a log of long pages should begin anew.
func (c *checkpointer) start(long int) {
	if c.running || c.closed {
		return
	}
	c.pages, c.running = 0, true
	c.wg.Go(func() { c.run(long) })
}

func (c *checkpointer) run(long int) {
	err := c.copy(long)
	file := c.filePages()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.long = min(max(file/logShare, c.least), mostLog)
	if err != nil { // as on a full disk: the log grows until it is copied, so the next commit tries again
		c.pages = c.long
	}
	c.running = false
}

// copy copies the log, and lets it begin anew if it has long pages.
func (c *checkpointer) copy(long int) error {
	pages, err := passive(c.own)
	if err != nil || pages < long {
		return err
	}
	// SQLite waits for the disk only when it has copied all there is: the first of these
	// copies most of what came during the one above, the next nearly always all.
	for range 3 {
		if _, err := passive(c.own); err != nil {
			return err
		}
	}
	_, err = passive(c.write)
	return err
}

// filePages returns the size of the file, in pages; 0 if that cannot be found out.
func (c *checkpointer) filePages() (n int) {
	ctx, cancel := context.WithTimeout(context.Background(), copyTimeout)
	defer cancel()
	if err := c.own.GetContext(ctx, &n, `PRAGMA page_count`); err != nil {
		return 0
	}
	return n
}

// passive copies what it can of the log without making anyone wait, and returns how
// many pages the log has.
func passive(on *sqlx.DB) (pages int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), copyTimeout)
	defer cancel()
	var busy, copied int
	if err := on.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &pages, &copied); err != nil {
		return 0, fmt.Errorf("db: copy the write-ahead log: %w", err)
	}
	return pages, nil
}

// close waits for a copy under way.
func (c *checkpointer) close() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wg.Wait()
	return c.own.Close()
}
