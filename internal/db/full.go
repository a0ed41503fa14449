package db

import (
	"errors"
	"syscall"
	"time"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsFull reports whether err means that there is no space left where it was to be
// written: nothing is wrong with the data or the connection, and the same will
// succeed once there is space.
func IsFull(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return e.Code == "53100" // disk_full
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE
	}
	return errors.Is(err, syscall.ENOSPC)
}

func (d *DB) noteFull(err error) {
	if err != nil && IsFull(err) {
		d.full.Store(time.Now().UnixNano())
		d.log.full()
	}
}

// Full reports whether a write failed for want of space not longer ago than within.
func (d *DB) Full(within time.Duration) bool {
	last := d.full.Load()
	return last != 0 && time.Since(time.Unix(0, last)) <= within
}
