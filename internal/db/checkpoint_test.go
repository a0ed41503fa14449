package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
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

// A copy that fails, as on a full disk, is made with the next commit: until then the log
// cannot begin anew, and takes more of the disk with every commit.
func TestAFailedCopyIsMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	d, err := Open(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const least = 100
	d.log.least, d.log.long = least, least
	broken, own := sqlx.NewDb(sql.OpenDB(unreachable{}), "sqlite"), d.log.own
	defer broken.Close()
	d.log.own = broken
	write := func(rows int) {
		t.Helper()
		err := d.InTx(t.Context(), func(tx *Tx) error {
			notes := NewRows("body text")
			for range rows {
				notes.Add(strings.Repeat("x", 3000)) // of one page each
			}
			_, err := tx.ExecRows(t.Context(), `WITH {{rows}} INSERT INTO notes (body) SELECT body FROM v`, notes)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		d.log.wg.Wait()
	}
	pages := func() int64 {
		t.Helper()
		file, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return file.Size() / 4096
	}
	if _, err := d.Exec(t.Context(), `CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)`); err != nil {
		t.Fatal(err)
	}
	write(2 * least)
	if n := pages(); n >= least {
		t.Fatalf("the file has %d pages although nothing can be copied", n)
	}
	d.log.own = own
	write(1)
	if n := pages(); n < 2*least {
		t.Errorf("the file has %d pages after another commit; want all %d", n, 2*least)
	}
}

// unreachable is a database to which no connection can be opened.
type unreachable struct{}

func (unreachable) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
func (unreachable) Driver() driver.Driver                        { return nil }
