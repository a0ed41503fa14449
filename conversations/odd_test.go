package conversations

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// Ensure an item that makes us panic costs neither its neighbours in the body nor
// the process.
func TestPanicHarmsNobody(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.opts.Log = slog.New(slog.DiscardHandler)
		bug := channels.Event{Kind: channels.EventStatus} // no adapter makes one: it has no status
		a := b.ingest(b.webhook(1, text("wamid.1", "+5511999999991", "one", b.clock()), bug, text("wamid.2", "+5511999999992", "two", b.clock())))
		if a.Events != 2 || a.Failed != 1 {
			t.Errorf("applied %+v", a)
		}
		if got := len(b.log("message.received")); got != 2 {
			t.Errorf("%d messages of 2", got)
		}
	})
}

// Ensure ids that no database stores as they are, or that no index holds, are found
// again.
func TestOddIdentities(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		long := strings.Repeat("k", 100_000)
		for n, value := range []string{"\x00", "a\x00b", "c\xffb", long, long + "2", strings.Repeat("\x00", 50_000)} {
			first := b.ingest(b.webhook(n, text("wamid."+value, value, "hi", b.clock())))
			again := b.ingest(b.webhook(n+100, text("wamid."+value, value, "hi", b.clock())))
			if first.Events != 1 || again.Failed != 0 {
				t.Errorf("%.10q: %+v, then %+v", value, first, again)
			}
		}
		if n := b.count(`SELECT count(*) FROM messages`); n != 6 {
			t.Errorf("%d messages of 6", n)
		}
	})
}
