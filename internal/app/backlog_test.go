package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// A message behind one whose outcome is not known is blocked, one behind what a
// person has to settle is not; an index finds them among all that is queued.
func TestBlockedLanes(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		exec := func(query string, args ...any) {
			t.Helper()
			if _, err := d.Exec(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		exec(`INSERT INTO tenants (id, name, created_at) VALUES ('ten_1', 'one', 0)`)
		old := db.Micros(time.Now().Add(-time.Hour))
		for i, id := range []string{"msg_1", "msg_2"} {
			exec(`INSERT INTO messages (id, tenant_id, channel_id, conversation_id, contact_id, direction, type, status, content, created_at, updated_at)
				VALUES ($1, 'ten_1', 'ch_1', 'conv_1', 'con_1', 'outbound', 'text', 'queued', '{}', $2, 0)`, id, old)
			exec(`INSERT INTO sends (message_id, tenant_id, channel_id, contact_id, state, priority, due_at, valid_until, lease_until)
				VALUES ($1, 'ten_1', 'ch_1', 'con_1', $2, 0, 0, $3, $4)`, id, []string{"uncertain", "queued"}[i], old*2, (1-i)*5)
		}
		blocked := func() time.Duration {
			t.Helper()
			b, err := backlog(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			return b.LaneBlocked
		}
		if got := blocked(); got < 59*time.Minute {
			t.Errorf("blocked for %v; want an hour", got)
		}
		exec(`UPDATE sends SET state = 'manual', lease_until = 0 WHERE message_id = 'msg_1'`)
		if got := blocked(); got != 0 {
			t.Errorf("blocked for %v behind what is left to a person", got)
		}
		how := map[db.Dialect]string{db.SQLite: "EXPLAIN QUERY PLAN ", db.Postgres: "EXPLAIN "}[d.Dialect]
		rows, err := d.QueryxContext(t.Context(), how+strings.ReplaceAll(blockedLanes, "{clock}", d.Dialect.Clock()))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		plan := ""
		for rows.Next() {
			line, err := rows.SliceScan()
			if err != nil {
				t.Fatal(err)
			}
			plan += fmt.Sprintln(line...)
		}
		if !strings.Contains(plan, "sends_lease") {
			t.Errorf("the index of leases is not used:\n%s", plan)
		}
	})
}
