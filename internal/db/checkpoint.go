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
	each       int64 // rows written between two copies
	long       int   // pages of a log that should begin anew

	mu              sync.Mutex
	rows            int64 // written since the last copy began
	running, closed bool
	wg              sync.WaitGroup
}

const (
	// copyEach is some 16 MiB of log. The longer the wait, the more often a page that
	// changes several times is copied once.
	copyEach = 4000
	// longLog is 64 MiB of log, which a process that was killed reads anew in a fraction
	// of a second.
	longLog = 16_000
	// maxLog, in pages, is where SQLite copies the log by itself: after statements that
	// change very many rows, or when another process writes.
	maxLog = "40000"
	// copyTimeout bounds a copy, and what it waits for its connection.
	copyTimeout = 10 * time.Second
)

// wrote notes that a transaction wrote so many rows, and starts a copy when it is time.
// A nil checkpointer, that of PostgreSQL, does nothing.
func (c *checkpointer) wrote(rows int64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows += rows
	if c.rows < c.each || c.running || c.closed {
		return
	}
	c.rows, c.running = 0, true
	c.wg.Go(c.run)
}

func (c *checkpointer) run() {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.running = false
	}()
	pages, err := passive(c.own)
	if err != nil || pages < c.long {
		return // what could not be copied is, with what comes after it
	}
	// SQLite waits for the disk only when it has copied all there is: the first of these
	// copies most of what came during the one above, the next nearly always all.
	for range 3 {
		if _, err := passive(c.own); err != nil {
			return
		}
	}
	_, _ = passive(c.write) // if it fails, the log grows until the next time
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
