package conversations

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// A campaign that is due at one moment is awake after one call, without what
// another node works on.
func TestWakeMany(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		const many = sweepLimit + 50
		var first Message
		for i := range many {
			draft := b.template(fmt.Sprintf("+1650%07d", i), "UTILITY")
			draft.SendAt = b.clock().Add(time.Hour)
			if m := b.queued(draft); i == 0 {
				first = m
			}
		}
		b.dueNow()
		left := 0
		if d.Dialect == db.Postgres {
			left = 1
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.ExecContext(t.Context(), `SELECT id FROM messages WHERE id = $1 FOR UPDATE`, first.ID); err != nil {
					return err
				}
				if n := b.wake(); n.Woken != many-left {
					t.Errorf("%d of %d woken beside another node", n.Woken, many)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		} else if n := b.wake(); n.Woken != many {
			t.Errorf("%d of %d woken", n.Woken, many)
		}
		if n := b.wake(); n.Woken != left {
			t.Errorf("%d woken at last; want %d", n.Woken, left)
		}
		b.exec(`UPDATE sends SET valid_until = 1`)
		if n := b.wake(); n.Expired != many {
			t.Errorf("%d of %d expired", n.Expired, many)
		}
	})
}
