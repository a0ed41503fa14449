package conversations

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// The first page of a list is what the order by activity begins with, also when it is
// found by the newest messages.
func TestNewestConversations(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.channel("ch_2")
		s := NewStore(d, Options{Now: time.Now, Node: "node_a", Seal: plain, Unseal: plain, MediaURL: b.opts.MediaURL})
		t.Cleanup(s.Stop)
		const limit = 5
		random := rand.New(rand.NewPCG(1, 2))
		narrowed := 0
		for n := range 60 {
			e := text(fmt.Sprint("wamid.", n), fmt.Sprintf("+1650555%04d", random.IntN(20)), "hello", time.Now())
			switch {
			case n%7 == 3: // an import, of things long ago and of a wrong clock
				e.Message.Historic, e.Message.At = true, time.Now().Add(time.Duration(random.IntN(5)-3)*time.Hour)
			case n%7 == 5:
				if _, _, err := s.Queue(t.Context(), b.draft(fmt.Sprintf("+1650555%04d", random.IntN(20)), "yes")); err != nil && n > 40 {
					t.Logf("a send is refused outside the window: %v", err)
				}
			}
			w := b.webhook(n, e)
			if n%3 == 0 {
				w.ChannelID = "ch_2"
			}
			if _, err := s.Ingest(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			for _, f := range []ConversationFilter{{}, {Status: Open}, {Status: Resolved}, {ChannelIDs: []string{"ch_2"}}, {ChannelIDs: []string{"ch_1", "ch_2"}}, {AssigneeID: "none"}} {
				all, err := s.readConversations(t.Context(), f.where("ten_1"), limit)
				if err != nil {
					t.Fatal(err)
				}
				list, err := s.ListConversations(t.Context(), "ten_1", f, time.Time{}, "", limit)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(idsOf(all), idsOf(list)); diff != "" {
					t.Fatalf("%+v after %d messages (-want +got):\n%s", f, n+1, diff)
				}
				if w, ok, err := s.amongNewest(t.Context(), f.where("ten_1"), f, limit); err != nil {
					t.Fatal(err)
				} else if few, err := s.readConversations(t.Context(), w, limit); err != nil {
					t.Fatal(err)
				} else if ok && len(few) == limit {
					narrowed++
				}
			}
		}
		if d.Dialect == db.Postgres && narrowed == 0 {
			t.Error("no page was found by the newest messages")
		}
	})
}

func idsOf(list []Conversation) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}
