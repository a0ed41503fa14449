package db

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// clock is what a process knows of its database's time.
type clock struct {
	mu   sync.RWMutex
	at   time.Time // the database's time,
	seen time.Time // when it was read
}

// Now is the database's time as this process knows it: what SyncClock read last,
// carried on by the monotonic clock. All nodes agree on it, whatever their own
// clocks say, and it does not jump with them. Before the first SyncClock it is the
// process's own time.
func (d *DB) Now() time.Time {
	d.clock.mu.RLock()
	defer d.clock.mu.RUnlock()
	if d.clock.seen.IsZero() {
		return time.Now()
	}
	return d.clock.at.Add(time.Since(d.clock.seen))
}

// SyncClock reads the database's time.
func (d *DB) SyncClock(ctx context.Context) error {
	began := time.Now()
	var micros int64
	if err := d.GetContext(ctx, &micros, `SELECT `+d.Dialect.Clock()); err != nil {
		return fmt.Errorf("db: read the clock: %w", err)
	}
	took := time.Since(began)
	d.clock.mu.Lock()
	defer d.clock.mu.Unlock()
	d.clock.at, d.clock.seen = Time(micros).Add(took/2), began.Add(took)
	return nil
}
