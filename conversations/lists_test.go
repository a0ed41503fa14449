package conversations

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func TestListFilters(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		in, other := text("wamid.1", "+16505550001", "hello", b.clock()), text("wamid.2", "+16505550002", "hi", b.clock())
		in.Message.From.Name, other.Message.From.Name = "Ada Lovelace", "Grace Hopper"
		b.ingest(b.webhook(1, in, other))
		draft := b.draft("+16505550001", "yes")
		draft.Reference = "order-7"
		sent := b.queued(draft)
		var ada string
		if err := d.Get(&ada, `SELECT contact_id FROM identities WHERE value LIKE '%6505550001'`); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			f    MessageFilter
			want int
		}{
			{MessageFilter{}, 3},
			{MessageFilter{ContactID: ada}, 2},
			{MessageFilter{ContactID: "cont_nobody"}, 0},
			{MessageFilter{ContactID: ada, Direction: Inbound}, 1},
			{MessageFilter{Statuses: []Status{Queued}}, 1},
			{MessageFilter{Statuses: []Status{Queued, Received}}, 3},
			{MessageFilter{Statuses: []Status{Failed, Expired}}, 0},
			{MessageFilter{Reference: "order-7"}, 1},
			{MessageFilter{Reference: "order"}, 0},
			{MessageFilter{ChannelIDs: []string{"ch_1"}}, 3},
			{MessageFilter{ChannelIDs: []string{"ch_2"}}, 0},
		} {
			msgs, err := b.ListMessages(t.Context(), "ten_1", c.f, "", 10)
			if err != nil || len(msgs) != c.want {
				t.Errorf("%+v: %d messages, %v; want %d", c.f, len(msgs), err, c.want)
			}
		}
		for q, want := range map[string]int{"": 2, "ada": 1, "Ada L": 1, "lovelace": 0, "+1650555000": 2, "+16505550002": 1, "16505550002": 0, "%": 0} {
			people, err := b.ListContacts(t.Context(), "ten_1", q, "", 10)
			if err != nil || len(people) != want {
				t.Errorf("%q: %d contacts, %v; want %d", q, len(people), err, want)
			}
		}
		resolved, agent := Resolved, "user_1"
		if _, err := b.UpdateConversation(t.Context(), "ten_1", sent.ConversationID, ConversationPatch{Status: &resolved, AssigneeID: &agent}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			f    ConversationFilter
			want int
		}{
			{ConversationFilter{Status: Resolved}, 1}, {ConversationFilter{Status: Open}, 1}, {ConversationFilter{Status: Pending}, 0},
			{ConversationFilter{AssigneeID: agent}, 1}, {ConversationFilter{AssigneeID: "none"}, 1}, {ConversationFilter{ContactID: ada}, 1},
		} {
			list, err := b.ListConversations(t.Context(), "ten_1", c.f, time.Time{}, "", 10)
			if err != nil || len(list) != c.want {
				t.Errorf("%+v: %d conversations, %v; want %d", c.f, len(list), err, c.want)
			}
		}
	})
}

// The conditions of partial indexes are in the statements, so that the databases
// may use them whatever the parameters are.
func TestRareRowsHaveAnIndex(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		newBench(t, d)
		for index, query := range map[string]string{
			"messages_rare":          `SELECT id FROM messages m WHERE m.tenant_id = $1 AND m.status IN ('failed') AND m.status NOT IN ('received', 'sent', 'delivered', 'read') ORDER BY m.id DESC LIMIT 25`,
			"messages_reference":     `SELECT id FROM messages m WHERE m.tenant_id = $1 AND m.reference = 'x' AND m.reference <> '' ORDER BY m.id DESC LIMIT 25`,
			"messages_channel":       `SELECT id FROM messages m WHERE m.channel_id = $1 ORDER BY m.id DESC LIMIT 25`,
			"conversations_status":   `SELECT id FROM conversations c WHERE c.tenant_id = $1 AND c.status = 'resolved' AND c.status <> 'open' ORDER BY c.last_message_at DESC, c.id DESC LIMIT 25`,
			"conversations_assignee": `SELECT id FROM conversations c WHERE c.tenant_id = $1 AND c.assignee_id = 'x' AND c.assignee_id <> '' ORDER BY c.last_message_at DESC, c.id DESC LIMIT 25`,
			"identities_value": `SELECT contact_id FROM identities WHERE tenant_id = $1 AND lower(value)` + d.Dialect.Bytewise() +
				` >= '+1650' AND lower(value)` + d.Dialect.Bytewise() + ` < '+1651'`,
		} {
			if plan := explain(t, d, query); !strings.Contains(plan, index) {
				t.Errorf("%s is not used:\n%s", index, plan)
			}
		}
	})
}

func explain(t *testing.T, d *db.DB, query string) string {
	t.Helper()
	how := "EXPLAIN "
	if d.Dialect == db.SQLite {
		how = "EXPLAIN QUERY PLAN "
	}
	rows, err := d.QueryxContext(t.Context(), how+query, "ten_1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		line, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		for i := range line {
			if b, ok := line[i].([]byte); ok {
				line[i] = string(b)
			}
		}
		fmt.Fprintln(&plan, line...)
	}
	return plan.String()
}
