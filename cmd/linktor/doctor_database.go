package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// database opens the database, or returns nil.
func (x *examination) database() *db.DB {
	ctx, cancel := context.WithTimeout(x.ctx, 10*time.Second)
	defer cancel()
	d, err := db.Open(ctx, x.cfg.Database(), 4)
	if err != nil {
		x.fail("database", "check database_url, that the server runs, and that the user may connect", "%v", err)
		return nil
	}
	query, oldest := `SELECT sqlite_version()`, "3.37"
	if d.Dialect == db.Postgres {
		query, oldest = `SHOW server_version`, "14"
	}
	var v string
	if err := d.GetContext(ctx, &v, query); err != nil {
		x.fail("database", "see the log of the database", "%v", err)
		d.Close()
		return nil
	}
	v, _, _ = strings.Cut(v, " ")
	if older(v, oldest) {
		x.fail("database", "upgrade it", "%s %s is older than %s", d.Dialect, v, oldest)
	} else {
		x.ok("database", "%s %s", d.Dialect, v)
	}
	if d.Dialect == db.SQLite {
		if x.cfg.RedisURL != "" || x.prod {
			x.warn("database", "set database_url to PostgreSQL for more than one node", "SQLite serves a single node")
		}
		return d
	}
	x.commits(ctx, d)
	return d
}

// older compares dotted versions by their leading numbers.
func older(have, want string) bool {
	h, w := strings.Split(have, "."), strings.Split(want, ".")
	for i := range w {
		a, b := 0, 0
		if i < len(h) {
			a, _ = strconv.Atoi(strings.TrimRight(h[i], "abcdefghijklmnopqrstuvwxyz-~"))
		}
		b, _ = strconv.Atoi(w[i])
		if a != b {
			return a < b
		}
	}
	return false
}

// commits checks that what PostgreSQL has acknowledged survives a crash.
func (x *examination) commits(ctx context.Context, d *db.DB) {
	for name, bad := range map[string]string{"fsync": "off", "synchronous_commit": "off"} {
		var v string
		if err := d.GetContext(ctx, &v, `SELECT setting FROM pg_settings WHERE name = $1`, name); err == nil && v == bad {
			x.fail("database", "set "+name+" to on in postgresql.conf", "%s is %s: messages that were acknowledged can be lost in a crash", name, v)
		}
	}
}

func (x *examination) schema(d *db.DB) {
	have, newest, err := d.Version(x.ctx)
	switch {
	case err != nil:
		x.fail("schema", "the user needs the right to create tables", "%v", err)
	case have < newest:
		x.warn("schema", "linktor migrate up, or start the server", "version %d; this program has %d", have, newest)
	case have > newest:
		x.fail("schema", "run the newer program everywhere", "version %d was made by a newer program; this one has %d", have, newest)
	default:
		x.ok("schema", "version %d", have)
	}
}

// maxDrift is how far clocks may differ: leases and expiry are in database time,
// signatures and tokens in the host's.
const maxDrift = 2 * time.Second

func (x *examination) clock(d *db.DB) {
	if d.Dialect == db.SQLite {
		return // the same clock
	}
	var micros int64
	before := time.Now()
	if err := d.GetContext(x.ctx, &micros, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`); err != nil {
		x.fail("clock", "see the log of the database", "%v", err)
		return
	}
	trip := time.Since(before)
	drift := db.Time(micros).Sub(before.Add(trip / 2)).Abs()
	if drift > maxDrift+trip {
		x.fail("clock", "run an NTP client on both machines", "the clocks of this machine and the database differ by %s", drift.Round(time.Millisecond))
		return
	}
	x.ok("clock", "within %s of the database; a round trip takes %s", drift.Round(time.Millisecond), trip.Round(10*time.Microsecond))
}

// pragmas checks every kind of connection: a pragma that is set once reaches one
// connection of a pool only.
func (x *examination) pragmas(d *db.DB) {
	want := []struct{ name, value string }{{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"}, {"busy_timeout", "10000"}}
	check := func(where string, get func(dst any, query string) error) bool {
		for _, p := range want {
			var v string
			if err := get(&v, "PRAGMA "+p.name); err != nil || v != p.value {
				x.fail("pragmas", "this is a mistake in the program: please report it", "%s: %s is %q, want %q (%v)", where, p.name, v, p.value, err)
				return false
			}
		}
		return true
	}
	ok := check("writer", func(dst any, query string) error {
		return d.InTx(x.ctx, func(tx *db.Tx) error { return tx.GetContext(x.ctx, dst, query) })
	})
	for i := range 3 {
		conn, err := d.Connx(x.ctx)
		if err != nil {
			x.fail("pragmas", "see whether another program locks the file", "%v", err)
			return
		}
		defer conn.Close() // at the end of the check, so that each round gets a connection of its own
		ok = ok && check("reader "+strconv.Itoa(i+1), func(dst any, query string) error { return conn.GetContext(x.ctx, dst, query) })
	}
	if ok {
		x.ok("pragmas", "WAL, full synchronisation and foreign keys on every connection")
	}
}

// rows looks for work that waits for a person.
func (x *examination) rows(d *db.DB) {
	counts := []struct{ check, query, fix, text string }{
		{"channels", `SELECT count(*) FROM channels WHERE deleted_at IS NULL AND paused_reason <> ''`,
			"linktor channel verify ID says what the provider objects to", "channels are paused and send nothing"},
		{"channels", `SELECT count(*) FROM channels WHERE deleted_at IS NULL AND NOT enabled`,
			"enable them with POST /api/v1/channels/{id}/enable, or delete them", "channels are disabled"},
		{"journal", `SELECT count(*) FROM journal WHERE state IN ('failed', 'partial')`,
			"GET /api/v1/journal?state=failed shows the reasons; POST /api/v1/journal/{id}/replay tries again", "webhooks hold items that could not be applied"},
		{"sends", `SELECT count(*) FROM sends WHERE state = 'uncertain'`,
			"they are settled by the provider's statuses or by the channel's onUncertain policy", "sends have an unknown outcome"},
		{"sends", fmt.Sprintf(`SELECT count(*) FROM sends WHERE state = 'queued' AND due_at < %d`, db.Micros(time.Now().Add(-5*time.Minute))),
			"is a process with the role worker running?", "sends have been due for more than five minutes"},
	}
	clean := true
	for _, c := range counts {
		var n int64
		if err := d.GetContext(x.ctx, &n, c.query); err != nil {
			return // the schema is not current: said above
		}
		if n > 0 {
			clean = false
			x.warn(c.check, c.fix, "%d %s", n, c.text)
		}
	}
	if clean {
		x.ok("work", "nothing waits for a person")
	}
}
