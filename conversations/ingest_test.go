package conversations

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func TestReceiveMessage(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		at := b.clock().Add(-time.Hour).Truncate(time.Second)
		a := b.ingest(b.webhook(1, text("wamid.1", "+5511999999999", "Hi, I need help", at)))
		if a.Events != 1 || a.Failed != 0 || a.Duplicate || a.JournalID == "" {
			t.Errorf("applied %+v", a)
		}
		got := b.log()
		if len(got) != 2 || got[0].Type != "conversation.created" || got[1].Type != "message.received" {
			t.Fatalf("events: %+v", got)
		}
		data := decode(t, got[1].Data)
		for _, k := range []string{"id", "conversationId", "contactId", "contact", "receivedAt"} {
			if data[k] == nil {
				t.Errorf("%s is missing", k)
			}
			delete(data, k)
		}
		want := map[string]any{"channelId": "ch_1", "channelType": "whatsapp", "direction": "inbound", "from": "+5511999999999",
			"content": map[string]any{"type": "text", "text": "Hi, I need help"}, "timestamp": stamp(at),
			"metadata": map[string]any{"waMessageId": "wamid.1", "profileName": "Ada"}}
		if diff := cmp.Diff(want, data); diff != "" {
			t.Errorf("message.received (-want +got):\n%s", diff)
		}
		list, err := b.ListConversations(t.Context(), "ten_1", ConversationFilter{}, time.Time{}, "", 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("conversations: %v, %v", list, err)
		}
		c := list[0]
		if c.UnreadCount != 1 || !c.WindowExpiresAt.Equal(at.Add(24*time.Hour)) || c.LastMessage.Preview != "Hi, I need help" || c.ContactProfileName != "Ada" {
			t.Errorf("conversation %+v", c)
		}
		person, err := b.GetContact(t.Context(), "ten_1", c.ContactID)
		if err != nil || person.Country != "BR" || len(person.Identities) != 1 || person.Identities[0].Raw != "5511999999999" {
			t.Errorf("contact %+v, %v", person, err)
		}
	})
}

func TestRepeatsAreHarmless(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		w := b.webhook(1, text("wamid.1", "+5511999999999", "hi", b.clock()))
		b.ingest(w)
		if a := b.ingest(w); !a.Duplicate {
			t.Error("the same body was applied twice")
		}
		b.ingest(b.webhook(2, text("wamid.1", "+5511999999999", "hi", b.clock()), text("wamid.2", "+5511999999999", "there", b.clock()),
			text("wamid.2", "+5511999999999", "there", b.clock())))
		if n := b.count(`SELECT count(*) FROM messages`); n != 2 {
			t.Errorf("%d messages; want 2", n)
		}
		if n := len(b.log("message.received")); n != 2 {
			t.Errorf("%d message.received events; want 2", n)
		}
		if n := b.count(`SELECT unread_count FROM conversations`); n != 2 {
			t.Errorf("unread %d; want 2", n)
		}
		if n := b.count(`SELECT deliveries FROM journal ORDER BY id LIMIT 1`); n != 2 {
			t.Errorf("the first body came %d times; want 2", n)
		}
	})
}

// 50 webhooks of a new customer race; there is one contact and one conversation.
func TestRaceForOneConversation(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		other := NewStore(d, b.opts) // a second node
		t.Cleanup(other.Stop)
		var wg sync.WaitGroup
		for i := range 50 {
			s := b.Store
			if i%2 == 1 {
				s = other
			}
			wg.Go(func() {
				if _, err := s.Ingest(t.Context(), b.webhook(i, text(fmt.Sprint("wamid.", i), "+5511999999999", "hi", b.clock()))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for table, want := range map[string]int{"contacts": 1, "identities": 1, "conversations": 1, "messages": 50, "journal": 50} {
			if n := b.count(`SELECT count(*) FROM ` + table); n != want {
				t.Errorf("%d %s; want %d", n, table, want)
			}
		}
		if n := b.count(`SELECT unread_count FROM conversations`); n != 50 {
			t.Errorf("unread %d; want 50", n)
		}
		if n := len(b.log("message.received")); n != 50 {
			t.Errorf("%d events; want 50", n)
		}
	})
}

func TestSeveralIdentitiesNeverMerge(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		both := text("wamid.1", "+16505551234", "a", b.clock())
		both.Message.From.Identities = append(both.Message.From.Identities, channels.Identity{Kind: channels.IdentityUserID, Value: "US.1"})
		onlyID := text("wamid.2", "+1", "b", b.clock())
		onlyID.Message.From.Identities = []channels.Identity{{Kind: channels.IdentityUserID, Value: "US.1"}}
		b.ingest(b.webhook(1, both))
		b.ingest(b.webhook(2, onlyID))
		if n := b.count(`SELECT count(*) FROM contacts`); n != 1 {
			t.Errorf("%d contacts; want 1", n)
		}
		b.ingest(b.webhook(3, text("wamid.3", "+16505550000", "c", b.clock())))
		crossed := text("wamid.4", "+16505550000", "d", b.clock())
		crossed.Message.From.Identities = append(crossed.Message.From.Identities, channels.Identity{Kind: channels.IdentityUserID, Value: "US.1"})
		b.ingest(b.webhook(4, crossed))
		if n := b.count(`SELECT count(*) FROM contacts`); n != 2 {
			t.Errorf("%d contacts; want 2: they must not merge", n)
		}
	})
}

func TestBadItemHarmsNobody(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		bad := channels.Event{Kind: channels.EventInvalid, Reason: "messages[1].timestamp is not a time", Raw: []byte(`{}`)}
		nameless := text("wamid.x", "+1", "x", b.clock())
		nameless.Message.From.Identities = nil
		w := b.webhook(1, text("wamid.1", "+16505551234", "a", b.clock()), bad, nameless, text("wamid.2", "+16505551234", "b", b.clock()))
		a := b.ingest(w)
		if a.Events != 2 || a.Failed != 2 {
			t.Errorf("applied %+v; want 2 and 2 failed", a)
		}
		e, err := b.GetJournal(t.Context(), "ten_1", a.JournalID)
		if err != nil || e.State != JournalPartial || len(e.Problems) != 2 || e.Problems[0].Item != 1 || string(e.Body) != string(w.Body) {
			t.Errorf("journal %+v, %v", e, err)
		}
		if _, err := b.GetJournal(t.Context(), "ten_2", a.JournalID); err == nil {
			t.Error("another tenant reads the journal")
		}
	})
}

// Text that a database cannot hold as it is must not lose the message.
func TestHostileText(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		e := text("wamid.\x00nul", "+16505551234", "nul \x00, bad \xff utf-8, "+strings.Repeat("😀", 5000), b.clock())
		e.Message.From.Name = "A\x00da \xfe"
		if a := b.ingest(b.webhook(1, e)); a.Events != 1 || a.Failed != 0 {
			t.Errorf("applied %+v", a)
		}
		if n := b.count(`SELECT count(*) FROM messages`); n != 1 {
			t.Errorf("%d messages; want 1", n)
		}
	})
}

func TestMediaIsKeptForFetching(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		e := text("wamid.1", "+16505551234", "", b.clock())
		e.Message.Content = channels.Content{Type: channels.TypeImage, Image: &channels.Media{ProviderID: "1003", URL: "https://provider.invalid/secret", MimeType: "image/jpeg", Caption: "c"}}
		b.ingest(b.webhook(1, e))
		var id, source string
		if err := d.QueryRow(`SELECT id, source FROM media WHERE state = 'pending'`).Scan(&id, &source); err != nil || !strings.Contains(source, "1003") {
			t.Fatalf("media %s %s, %v", id, source, err)
		}
		image := decode(t, b.log("message.received")[0].Data)["content"].(map[string]any)["image"].(map[string]any)
		if image["mediaId"] != id || image["url"] != "https://linktor.invalid/media/"+id || image["caption"] != "c" {
			t.Errorf("image %v", image)
		}
	})
}

func TestReferences(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		reply := text("wamid.2", "+16505551234", "yes", b.clock())
		reply.Message.Context = &channels.Context{MessageID: "wamid.1"}
		gone := text("wamid.3", "+16505551234", "", b.clock())
		gone.Message.Content = channels.Content{Type: channels.TypeSystem, System: &channels.System{Kind: "message_deleted", MessageID: "wamid.1"}}
		b.ingest(b.webhook(1, text("wamid.1", "+16505551234", "a", b.clock()), reply))
		b.ingest(b.webhook(2, gone))
		msgs, err := b.ListMessages(t.Context(), "ten_1", MessageFilter{}, "", 10)
		if err != nil || len(msgs) != 3 {
			t.Fatalf("%d messages, %v", len(msgs), err)
		}
		first, second := msgs[2], msgs[1]
		if second.ReplyToID != first.ID || first.DeletedAt.IsZero() {
			t.Errorf("reply to %s, deleted at %v", second.ReplyToID, first.DeletedAt)
		}
	})
}

func TestChanges(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.exec(`INSERT INTO templates (id, tenant_id, channel_id, name, language, status, created_at, updated_at, synced_at)
			VALUES ('tmpl_1', 'ten_1', 'ch_1', 'order', 'en_US', 'PENDING', 0, 0, 0)`)
		change := func(c channels.Change) channels.Event {
			return channels.Event{Kind: channels.EventChange, Change: &c, Raw: []byte(`{"a":1}`)}
		}
		person := channels.Party{Identities: []channels.Identity{{Kind: channels.IdentityPhone, Value: "+16505551234"}}}
		a := b.ingest(b.webhook(1,
			change(channels.Change{Type: "template.status", Template: &channels.TemplateChange{Name: "order", Language: "en-US", Status: "APPROVED"}}),
			change(channels.Change{Type: "channel.tier", Limit: &channels.LimitChange{Throughput: 1000}}),
			change(channels.Change{Type: "contact.preference", Optout: &channels.OptoutChange{Party: person, Category: "marketing_messages", Stopped: true}}),
			change(channels.Change{Type: "provider.change", Field: "novelty"})))
		if a.Events != 4 || len(b.log()) != 4 {
			t.Errorf("applied %+v, %d events", a, len(b.log()))
		}
		var st string
		var rate float64
		if err := d.Get(&st, `SELECT status FROM templates`); err != nil || st != "APPROVED" {
			t.Errorf("template %s, %v", st, err)
		}
		if err := d.Get(&rate, `SELECT throughput FROM channels`); err != nil || rate != 1000 {
			t.Errorf("throughput %v, %v", rate, err)
		}
		if n := b.count(`SELECT count(*) FROM optouts WHERE stopped`); n != 1 {
			t.Errorf("%d opt-outs; want 1", n)
		}
	})
}

func TestReopenSnoozed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open("+16505551234")
		list, _ := b.ListConversations(t.Context(), "ten_1", ConversationFilter{}, time.Time{}, "", 10)
		snoozed, until := Snoozed, b.clock().Add(time.Hour)
		if _, err := b.UpdateConversation(t.Context(), "ten_1", list[0].ID, ConversationPatch{Status: &snoozed, SnoozedUntil: &until}); err != nil {
			t.Fatal(err)
		}
		b.advance(time.Minute)
		b.ingest(b.webhook(2, text("wamid.2", "+16505551234", "still there?", b.clock())))
		c, err := b.GetConversation(t.Context(), "ten_1", list[0].ID)
		if err != nil || c.Status != Open || c.UnreadCount != 2 {
			t.Errorf("conversation %+v, %v", c, err)
		}
		if n := len(b.log("conversation.updated")); n != 2 {
			t.Errorf("%d conversation.updated events; want 2", n)
		}
		resolved := Resolved
		if _, err := b.UpdateConversation(t.Context(), "ten_1", c.ID, ConversationPatch{Status: &resolved}); err != nil {
			t.Fatal(err)
		}
		b.ingest(b.webhook(3, text("wamid.3", "+16505551234", "new question", b.clock())))
		if n := b.count(`SELECT count(*) FROM conversations`); n != 2 {
			t.Errorf("%d conversations; want a new one after resolving", n)
		}
	})
}

// An old message is applied and says that it is old; it opens no window.
func TestLateMessage(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.Store.opts.LateAfter = 8 * 24 * time.Hour
		b.ingest(b.webhook(1, text("wamid.1", ada, "from last year", b.clock().Add(-300*24*time.Hour))))
		data := decode(t, b.log("message.received")[0].Data)
		if data["metadata"].(map[string]any)["late"] != "true" {
			t.Errorf("metadata %v", data["metadata"])
		}
		if _, _, err := b.Queue(t.Context(), b.draft(ada, "hello")); err == nil {
			t.Error("an old message opened the window")
		}
	})
}
