package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/id"
)

// What is stored has the shape of a month of a busy service: each contact has one
// open conversation of some twenty messages, three of five inbound; those sent have
// an attempt and three statuses; the event log, the journal and what was said to the
// provider are there for the last days alone, as if the rest had been removed.
const (
	perContact = 20
	seedTime   = 30 * 24 * time.Hour
	kept       = 5 // one of so many messages is younger than what is removed with time: a week
)

// piece is how many rows a statement clones at most, and seedCache, in KiB, what SQLite
// keeps in memory meanwhile: what follows no order is written all over the indexes.
const (
	piece     = 200_000
	seedCache = 2_000_000
)

// seeder clones rows that the server has written, with new ids and times: so the
// rows have the size and the columns that they have today.
type seeder struct {
	*world
	n, contacts int
	start, step int64 // in microseconds, of the messages' times
}

// seed stores n messages, and what belongs to them, while the server is stopped.
func (w *world) seed(ctx context.Context, n int) (err error) {
	start := time.Now().Add(-seedTime)
	s := &seeder{world: w, n: n, contacts: n / perContact, start: start.UnixMicro(), step: max(1, seedTime.Microseconds()/int64(n))}
	w.stride = (s.contacts + customers) / customers
	if w.db.Dialect == db.SQLite {
		if _, err := w.db.Exec(ctx, fmt.Sprintf(`PRAGMA cache_size = -%d`, seedCache)); err != nil {
			return err
		}
	}
	for _, c := range s.clones() {
		if err := s.run(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.table, err)
		}
	}
	if _, err := w.db.Exec(ctx, `UPDATE event_heads SET seq = (SELECT max(seq) FROM events WHERE events.tenant_id = event_heads.tenant_id)`); err != nil {
		return err
	}
	if w.db.Dialect != db.Postgres { // the memory is for the server again
		w.db.Close()
		w.db, err = db.Open(ctx, w.node.DSN(), 2)
		return err
	}
	// As autovacuum and the checkpointer would have done in a month.
	for _, q := range []string{`VACUUM ANALYZE`, `CHECKPOINT`} {
		if _, err := w.db.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// clone is rows to make: for every i from from to to that meets cond, one like the
// model, which is a condition on the rows that there are, but for some columns.
type clone struct {
	table, model, cond string
	from, to           int
	columns            map[string]string // expressions of i; m is the model
}

// id is that of row n; by their ids all are as old as the first message.
func (s *seeder) id(prefix, n string) string { return s.idSince(0, prefix, n) }

// idSince is id for rows as old as another message.
func (s *seeder) idSince(message int, prefix, n string) string {
	old := id.Floor("", time.UnixMicro(s.start+int64(message)*s.step))[:10] // 50 bits of time
	return fmt.Sprintf("'%s_%s' || substr(CAST(10000000000000000 + (%s) AS TEXT), 2)", prefix, old, n)
}

// written is true of the rows of a table that the server has written itself.
func written(column, prefix string) string {
	return fmt.Sprintf("m.%s >= '%s'", column, id.Floor(prefix, time.Now().Add(-time.Hour)))
}

// at is when message n was written.
func (s *seeder) at(n string) string { return fmt.Sprintf("%d + (%s) * %d", s.start, n, s.step) }

// scattered are digits of i that follow no order, as those of a hash do.
// Source of the factor: Knuth, The Art of Computer Programming 3, section 6.4.
func scattered(i string) string {
	return fmt.Sprintf("substr(CAST(10000000000 + (%s) * 2654435761 %% 4294967296 AS TEXT), 2) || (%s)", i, i)
}

func (s *seeder) clones() []clone {
	contact := fmt.Sprintf("i %% %d", s.contacts)
	last := fmt.Sprintf("%d + i", s.n-s.contacts)
	number := "'1650' || CAST(%d + (%s) AS TEXT)"
	first, week := 2_000_000+customers, s.n-s.n/kept // the numbers of rig.Customer, after those who have greeted
	inbound := fmt.Sprintf("(i + i / %d) %% 5 < 3", s.contacts)
	outbound := "NOT " + inbound
	message := map[string]string{
		"id": s.id(id.Message, "i"), "contact_id": s.id(id.Contact, contact), "conversation_id": s.id(id.Conversation, contact),
		"created_at": s.at("i"), "updated_at": s.at("i"), "journal_id": "''", "provider_message_id": "'wamid.' || " + scattered("i"),
	}
	status := map[string]string{"message_id": s.id(id.Message, "i"), "received_at": s.at("i")}
	list := []clone{
		{"contacts", written("id", id.Contact), "true", 0, s.contacts - 1, map[string]string{"id": s.id(id.Contact, "i"), "created_at": s.at("i"), "updated_at": s.at("i")}},
		{"identities", "m.kind = 'phone' AND " + written("contact_id", id.Contact), "true", 0, s.contacts - 1, map[string]string{"contact_id": s.id(id.Contact, "i"), "created_at": s.at("i"),
			"value": "CASE WHEN m.value LIKE '+%' THEN '+' ELSE '' END || " + fmt.Sprintf(number, first, "i")}},
		{"conversations", written("id", id.Conversation), "true", 0, s.contacts - 1, map[string]string{"id": s.id(id.Conversation, "i"), "contact_id": s.id(id.Contact, "i"),
			"created_at": s.at("i"), "updated_at": s.at(last), "last_message_id": s.id(id.Message, last), "last_message_at": s.at(last), "last_inbound_at": s.at(last)}},
		{"messages", "m.direction = 'inbound' AND " + written("id", id.Message), inbound, 0, s.n - 1, with(message, "provider_at", s.at("i"))},
		{"messages", "m.direction = 'outbound' AND " + written("id", id.Message), outbound, 0, s.n - 1, with(message, "sent_at", s.at("i"), "delivered_at", s.at("i"), "read_at", s.at("i"))},
		{"attempts", written("message_id", id.Message), outbound, 0, s.n - 1, map[string]string{"message_id": s.id(id.Message, "i"), "started_at": s.at("i"), "finished_at": s.at("i"),
			"exchange": fmt.Sprintf("CASE WHEN i >= %d THEN m.exchange END", week)}},
		// The journal is removed by the time of the ids. Greetings come many to a body.
		{"journal", "m.events = 1 AND " + written("id", id.Journal), inbound, week, s.n - 1, map[string]string{"id": s.idSince(week, id.Journal, "i"), "told": fmt.Sprintf("CAST((%s) / 1000000 AS TEXT)", s.at("i")),
			"sha256": "'seed' || " + scattered("i"), "received_at": s.at("i"), "applied_at": s.at("i"), "last_at": s.at("i")}},
	}
	for k, word := range []string{"sent", "delivered", "read"} {
		list = append(list, clone{"message_statuses", "m.status = '" + word + "' AND " + written("message_id", id.Message), outbound, 0, s.n - 1, with(status, "at", fmt.Sprintf("%s + %d", s.at("i"), k))})
	}
	for k, typ := range []string{"message.received", "message.status"} {
		list = append(list, clone{"events", "m.type = '" + typ + "' AND m.seq <= (SELECT max(seq) FROM event_heads)", "true", week, s.n - 1, map[string]string{"id": s.id(id.Event, "i"), "at": s.at("i"),
			"conversation_id": s.id(id.Conversation, contact), "seq": fmt.Sprintf("(SELECT max(seq) FROM event_heads) + 1 + i + %d", k*(s.n-week)-week)}})
	}
	return list
}

// with is m and some more.
func with(m map[string]string, columns ...string) map[string]string {
	m = maps.Clone(m)
	for i := 0; i < len(columns); i += 2 {
		m[columns[i]] = columns[i+1]
	}
	return m
}

// columns are those of a table that can be written.
func (s *seeder) columns(ctx context.Context, table string) (list []string, err error) {
	query := `SELECT name FROM pragma_table_info($1)`
	if s.db.Dialect == db.Postgres {
		query = `SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = 'public' AND is_generated = 'NEVER'`
	}
	return list, s.db.SelectContext(ctx, &list, query, table)
}

func (s *seeder) run(ctx context.Context, c clone) error {
	columns, err := s.columns(ctx, c.table)
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, name := range columns {
		if values[i] = c.columns[name]; values[i] == "" {
			values[i] = "m." + name
		}
	}
	if slices.Contains(columns, "channel_id") { // of two channels: the other one stays quiet
		c.model += " AND m.channel_id = '" + s.lines[0].ChannelID + "'"
	}
	query := fmt.Sprintf(`WITH %s INSERT INTO %s (%s) SELECT %s FROM g CROSS JOIN (SELECT * FROM %s m WHERE %s LIMIT 1) m WHERE %s`,
		s.series(), c.table, strings.Join(columns, ", "), strings.Join(values, ", "), c.table, c.model, c.cond)
	for from := c.from; from <= c.to; from += piece {
		n, err := s.db.Exec(ctx, query, from, min(from+piece-1, c.to))
		if err == nil && n == 0 {
			err = fmt.Errorf("there is no model with %s", c.model)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
