package conversations

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
			people, err := b.ListContacts(t.Context(), "ten_1", ContactFilter{Q: q}, "", 10)
			if err != nil || len(people) != want {
				t.Errorf("%q: %d contacts, %v; want %d", q, len(people), err, want)
			}
		}
		resolved, agent := Resolved, "user_1"
		b.user(agent)
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
			"messages_rare":          `SELECT id FROM messages m WHERE m.tenant_id = $1 AND m.status IN ('failed') AND m.rare ORDER BY m.id DESC LIMIT 25`,
			"messages_reference":     `SELECT id FROM messages m WHERE m.tenant_id = $1 AND m.reference = 'x' AND m.reference <> '' ORDER BY m.id DESC LIMIT 25`,
			"messages_channel":       `SELECT id FROM messages m WHERE m.channel_id = $1 ORDER BY m.id DESC LIMIT 25`,
			"conversations_recent":   `SELECT id FROM conversations c WHERE c.tenant_id = $1 ORDER BY c.last_minute DESC, c.last_message_at DESC, c.id DESC LIMIT 25`,
			"conversations_channel":  `SELECT id FROM conversations c WHERE ` + besides("c.tenant_id") + ` = $1 AND c.channel_id IN ('ch_1') ORDER BY c.last_minute DESC, c.last_message_at DESC, c.id DESC LIMIT 25`,
			"conversations_status":   `SELECT id FROM conversations c WHERE c.tenant_id = $1 AND c.status = 'resolved' AND c.status <> 'open' ORDER BY c.last_minute DESC, c.last_message_at DESC, c.id DESC LIMIT 25`,
			"conversations_assignee": `SELECT id FROM conversations c WHERE c.tenant_id = $1 AND c.assignee_id = 'x' AND c.assignee_id <> '' ORDER BY c.last_minute DESC, c.last_message_at DESC, c.id DESC LIMIT 25`,
			"identities_value": `SELECT contact_id FROM identities WHERE tenant_id = $1 AND lower(value)` + d.Dialect.Bytewise() +
				` >= '+1650' AND lower(value)` + d.Dialect.Bytewise() + ` < '+1651'`,
		} {
			if plan := explain(t, d, query); !strings.Contains(plan, index) {
				t.Errorf("%s is not used:\n%s", index, plan)
			}
		}
	})
}

// An inbox that is narrowed to one channel and to what is rare goes by the index of
// what is rare, also in a channel that has all conversations of its tenant.
func TestRareOfAChannel(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		newBench(t, d)
		for index, f := range map[string]ConversationFilter{
			"conversations_channel":  {ChannelIDs: []string{"ch_1"}},
			"conversations_status":   {ChannelIDs: []string{"ch_1"}, Status: Resolved},
			"conversations_assignee": {ChannelIDs: []string{"ch_1"}, AssigneeID: "user_1"},
		} {
			w := f.where("ten_1")
			if plan := explain(t, d, `SELECT id FROM conversations c`+w.sql+newestFirst+` LIMIT 25`, w.args...); !strings.Contains(plan, index) {
				t.Errorf("%s is not used:\n%s", index, plan)
			}
		}
	})
}

// A contact's messages are those of all its conversations, newest first, page by page,
// and no row is read to find out which ones a page has.
func TestMessagesOfSeveralConversations(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.channel("ch_2")
		for n := range 12 {
			w := b.webhook(n, text(fmt.Sprint("wamid.", n), "+16505550001", "hello", b.clock()), text(fmt.Sprint("wamid.other.", n), "+16505550002", "hi", b.clock()))
			if n%3 == 0 {
				w.ChannelID = "ch_2"
			}
			b.ingest(w)
		}
		var ada string
		if err := d.Get(&ada, `SELECT contact_id FROM identities WHERE value LIKE '%6505550001'`); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			f    MessageFilter
			want string
		}{
			{MessageFilter{ContactID: ada}, `contact_id = $1`},
			{MessageFilter{ContactID: ada, ChannelIDs: []string{"ch_2"}}, `contact_id = $1 AND channel_id = 'ch_2'`},
			{MessageFilter{ContactID: ada, Direction: Outbound}, `contact_id = $1 AND direction = 'outbound'`},
		} {
			var want, got []string
			if err := d.Select(&want, `SELECT id FROM messages WHERE `+c.want+` ORDER BY id DESC`, ada); err != nil {
				t.Fatal(err)
			}
			for before := ""; ; {
				page, err := b.ListMessages(t.Context(), "ten_1", c.f, before, 5)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range page {
					got = append(got, m.ID)
				}
				if len(page) < 5 {
					break
				}
				before = page[4].ID
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", c.f, diff)
			}
		}
		if others, err := b.ListMessages(t.Context(), "ten_2", MessageFilter{ContactID: ada}, "", 5); err != nil || len(others) > 0 {
			t.Errorf("another tenant sees %+v, %v", others, err)
		}
		var w where
		MessageFilter{}.newest(&w, []string{"conv_1", "conv_2"}, "msg_9", 25)
		query := strings.TrimSuffix(strings.TrimPrefix(w.sql, " AND m.id IN ("), ")")
		if plan := explain(t, d, query, w.args...); d.Dialect == db.SQLite && !strings.Contains(plan, "COVERING INDEX messages_conversation") {
			t.Errorf("rows are read to find out which ones a page has:\n%s", plan)
		}
	})
}

func explain(t *testing.T, d *db.DB, query string, args ...any) string {
	t.Helper()
	how := "EXPLAIN "
	if d.Dialect == db.SQLite {
		how = "EXPLAIN QUERY PLAN "
	}
	if len(args) == 0 && strings.Contains(query, "$1") {
		args = append(args, "ten_1")
	}
	rows, err := d.QueryxContext(t.Context(), how+query, args...)
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

// Pages follow one another by activity, within a minute and across minutes.
func TestConversationPages(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		var want []string
		for i := range 7 {
			b.advance(17 * time.Second)
			b.ingest(b.webhook(i, text(fmt.Sprintf("wamid.%d", i), fmt.Sprintf("+1650555000%d", i), "hello", b.clock())))
			list, err := b.ListConversations(t.Context(), "ten_1", ConversationFilter{}, time.Time{}, "", 1)
			if err != nil || len(list) != 1 {
				t.Fatalf("%d conversations, %v", len(list), err)
			}
			want = append([]string{list[0].ID}, want...)
		}
		var got []string
		for at, after := (time.Time{}), ""; ; {
			list, err := b.ListConversations(t.Context(), "ten_1", ConversationFilter{}, at, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for i := range list {
				got = append(got, list[i].ID)
			}
			at, after = list[len(list)-1].LastMessageAt, list[len(list)-1].ID
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
	})
}

// What changes with each message and each report is in no index, so that PostgreSQL
// writes only the row.
func TestCheapUpdates(t *testing.T) {
	d := dbtest.Postgres(t)
	b := newBench(t, d)
	b.ingest(b.webhook(1, text("wamid.1", "+16505550001", "hello", b.clock())))
	b.queued(b.draft("+16505550001", "yes"))
	b.exec(`UPDATE messages SET status = 'delivered'`)
	b.exec(`UPDATE conversations SET last_message_at = last_message_at / 60000000 * 60000000`)
	for table, update := range map[string]string{
		"messages":      `UPDATE messages SET status = 'read', read_at = 7, updated_at = 7`,
		"conversations": `UPDATE conversations SET last_message_at = last_message_at + 1, last_message_id = 'msg_2', unread_count = 2, window_expires_at = 7, updated_at = 7`,
	} {
		var before, after [2]int64 // updates, and those that touched no index
		count := func(tx *db.Tx, n *[2]int64) error {
			return tx.QueryRowContext(t.Context(), `SELECT pg_stat_get_xact_tuples_updated(CAST($1 AS regclass)),
				pg_stat_get_xact_tuples_hot_updated(CAST($1 AS regclass))`, table).Scan(&n[0], &n[1])
		}
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if err := count(tx, &before); err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), update); err != nil {
				return err
			}
			return count(tx, &after)
		})
		updated, cheap := after[0]-before[0], after[1]-before[1]
		if err != nil || updated == 0 || cheap != updated {
			t.Errorf("%s: %d of %d updates touch no index, %v", table, cheap, updated, err)
		}
	}
}
