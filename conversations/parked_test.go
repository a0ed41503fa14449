package conversations

import (
	"testing"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// After a call only its own message's parked statuses are looked for; the sweeper
// finds the others.
func TestParkedOfOthers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		b.open("+16505550000")
		mine, other := b.queued(b.draft(ada, "1")), b.queued(b.draft("+16505550000", "2"))
		b.ingest(b.webhook(1, status("wamid."+mine.ID, channels.StatusDelivered, b.clock()), status("wamid.other", channels.StatusDelivered, b.clock())))
		b.exec(`UPDATE messages SET provider_message_id = 'wamid.other' WHERE id = $1`, other.ID) // as if recorded a moment ago elsewhere
		for _, c := range b.claim(10) {
			if c.MessageID == mine.ID {
				b.outcome(sent(c))
			}
		}
		if s := b.status(mine.ID); s != Delivered {
			t.Errorf("the message just sent is %s", s)
		}
		if n := b.count(`SELECT count(*) FROM parked_statuses`); n != 1 {
			t.Errorf("%d are parked; want that of the other message", n)
		}
		if n, err := b.UnparkStatuses(t.Context()); err != nil || n != 1 {
			t.Errorf("the sweeper finds %d, %v", n, err)
		}
		if n := b.count(`SELECT count(*) FROM messages WHERE id = $1 AND status = 'delivered'`, other.ID); n != 1 {
			t.Error("the other message is not delivered")
		}
	})
}
