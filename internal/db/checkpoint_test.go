package db

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// While commits follow each other without a pause, the log begins anew all the same:
// together they are many times as long as it may become.
func TestTheLogBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	d, err := Open(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	const least = 100
	d.log.least, d.log.long = least, least
	if _, err := d.Exec(t.Context(), `CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)`); err != nil {
		t.Fatal(err)
	}
	const writers, commits = 4, 500
	body := strings.Repeat("x", 3000) // of one page each
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range commits {
				err := d.InTx(t.Context(), func(tx *Tx) error {
					rows := NewRows("body text")
					rows.Add(body)
					_, err := tx.ExecRows(t.Context(), `WITH {{rows}} INSERT INTO notes (body) SELECT body FROM v`, rows)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	log, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const frame = 4096 + 24 // bytes of a page in the log
	if n := log.Size() / frame; n < least || n > writers*commits/2 {
		t.Errorf("the log has had up to %d pages; want some more than %d, far from all %d", n, least, writers*commits)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the log after Close: %v", err)
	}
	d, err = Open(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var n int
	if err := d.Get(&n, `SELECT count(*) FROM notes WHERE body = $1`, body); err != nil || n != writers*commits {
		t.Errorf("%d rows (%v); want %d", n, err, writers*commits)
	}
}
