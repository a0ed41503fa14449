package db_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func TestFull(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		if d.Full(time.Hour) {
			t.Error("full before anything was written")
		}
		err := d.InTx(t.Context(), func(tx *db.Tx) error { return useUp(t, tx) })
		if !db.IsFull(err) || db.IsData(err) || db.IsAway(err) || !d.Full(time.Hour) || d.Full(0) {
			t.Errorf("%v: full %v, data %v, away %v, noted %v", err, db.IsFull(err), db.IsData(err), db.IsAway(err), d.Full(time.Hour))
		}
	})
	if !db.IsFull(fmt.Errorf("spool: %w", syscall.ENOSPC)) || db.IsFull(errors.New("full")) || db.IsFull(nil) {
		t.Error("a full disk is not told from other errors")
	}
}

// useUp makes a statement fail for want of space: on SQLite by writing more pages
// than the file may have, on PostgreSQL by raising what it raises then.
func useUp(t *testing.T, tx *db.Tx) error {
	if tx.Dialect == db.Postgres {
		_, err := tx.ExecContext(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`)
		return err
	}
	if _, err := tx.ExecContext(t.Context(), `PRAGMA max_page_count = 1`); err != nil { // never below what it has
		return err
	}
	_, err := tx.ExecContext(t.Context(), `INSERT INTO tenants (id, name, created_at) VALUES ('t', $1, 0)`, strings.Repeat("x", 1<<20))
	return err
}

func TestAway(t *testing.T) {
	d := dbtest.Postgres(t)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'the database system is starting up' USING ERRCODE = 'cannot_connect_now'; END $$`)
		return err
	})
	if !db.IsAway(err) || db.IsFull(err) || db.IsData(err) {
		t.Errorf("%v: away %v, full %v, data %v", err, db.IsAway(err), db.IsFull(err), db.IsData(err))
	}
	if db.IsAway(errors.New("boom")) {
		t.Error("any error means that the database is away")
	}
}
