package db_test

import (
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// Ensure a process that has read the database's clock goes by it.
func TestClock(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		if off := time.Since(d.Now()); off.Abs() > 5*time.Second {
			t.Errorf("before the first look: %s off our own", off)
		}
		if err := d.SyncClock(t.Context()); err != nil {
			t.Fatal(err)
		}
		var micros int64
		if err := d.Get(&micros, `SELECT `+d.Dialect.Clock()); err != nil {
			t.Fatal(err)
		}
		if off := d.Now().Sub(db.Time(micros)); off.Abs() > 5*time.Second { // a loaded machine takes its time
			t.Errorf("%s off the database's", off)
		}
		if first, second := d.Now(), d.Now(); second.Before(first) {
			t.Error("it goes backwards")
		}
	})
}
