package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
)

// minFree is the share of the disk that must be free, in percent: below it a
// database may soon refuse commits.
const minFree = 5

// fullFor is how long a write that failed for want of space keeps the server from
// being ready. The database's disk can be another machine's: only a write tells that
// there is space again, and there is none unless requests come.
const fullFor = 3 * time.Second

var errFull = errors.New("the disk of the database is full")

func diskSpace(dir string) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	if st.Blocks > 0 && st.Bavail*100/st.Blocks < minFree {
		return fmt.Errorf("less than %d %% of the disk is free", minFree)
	}
	return nil
}

// idleMemory gives memory back to the system soon after work has ceased: the
// collector itself would keep for minutes what a burst, or the start, has left.
type idleMemory struct {
	allocated uint64 // bytes, ever
	given     bool   // since the last work
}

// idleBytes is how much an idle server may allocate between two looks: heartbeats,
// polls and scrapes.
const idleBytes = 8 << 20

func (m *idleMemory) giveBack(context.Context) error {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	now := sample[0].Value.Uint64()
	idle := now-m.allocated < idleBytes
	m.allocated = now
	if idle && !m.given {
		debug.FreeOSMemory()
	}
	m.given = idle
	return nil
}
