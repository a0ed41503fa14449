package db_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func TestRows(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		insert := `WITH {{rows}} INSERT INTO tenants (id, name, created_at) SELECT id, name, at FROM v WHERE true
			ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, name, created_at`
		names := []string{`plain`, `quote " and \ back`, "line\nbreak\tand comma, {brace}", `NULL`, ``, "snö ☃ 😀"}
		rows := db.NewRows("id text", "name long", "at bigint")
		for i, n := range names {
			rows.Add(string(rune('a'+i)), n, int64(i))
		}
		var got []string
		err := d.InTx(ctx, func(tx *db.Tx) error {
			return tx.QueryRows(ctx, insert, rows, func(r *sql.Rows) error {
				var id, name string
				var at int64
				if err := r.Scan(&id, &name, &at); err != nil {
					return err
				}
				got = append(got, name)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}

		update := db.NewRows("id text", "at bigint")
		update.Add("a", int64(7))
		update.Add("zz", int64(7))
		err = d.InTx(ctx, func(tx *db.Tx) error {
			n, err := tx.ExecRows(ctx, `WITH {{rows}} UPDATE tenants SET created_at = v.at FROM v WHERE tenants.id = v.id`, update)
			if n != 1 {
				t.Errorf("updated %d rows; want 1", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Columns of one value in all rows arrive the same, whether as arrays or not.
func TestRowsShare(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		for _, c := range []struct {
			name   string
			second []any
		}{
			{"one value", []any{"b", "same\x00", int64(7), sql.NullString{}, sql.NullInt64{Int64: 3, Valid: true}, true}},
			{"another in one column", []any{"b", "other", int64(7), sql.NullString{}, sql.NullInt64{Int64: 3, Valid: true}, true}},
		} {
			t.Run(c.name, func(t *testing.T) {
				rows := db.NewRows("id text", "t text", "n bigint", "nt text", "nn bigint", "y boolean").Share("t", "nt").Share("n", "nn", "y")
				want := [][]any{{"a", "same\x00", int64(7), sql.NullString{}, sql.NullInt64{Int64: 3, Valid: true}, true}, c.second}
				for _, r := range want {
					rows.Add(r...)
				}
				var got [][]any
				err := d.InTx(t.Context(), func(tx *db.Tx) error {
					return tx.QueryRows(t.Context(), `WITH {{rows}} SELECT id, t, n, nt, nn, y FROM v`, rows, func(r *sql.Rows) error {
						var id, text string
						var n int64
						var nt sql.NullString
						var nn sql.NullInt64
						var y bool
						err := r.Scan(&id, &text, &n, &nt, &nn, &y)
						got = append(got, []any{id, text, n, nt, nn, y})
						return err
					})
				})
				if err != nil {
					t.Fatal(err)
				}
				if d.Dialect == db.Postgres { // its text has no NUL
					for _, r := range want {
						r[1] = db.Storable(r[1].(string))
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestRowsNullBytesBool(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		rows := db.NewRows("a text", "b bigint", "c boolean", "d bytea", "e text", "f long", "g bytea", "h long")
		rows.Add(nil, sql.NullInt64{}, true, []byte{0, 255, '"', '\\'}, sql.NullString{String: "x", Valid: true}, "snö ☃ 😀", nil, "")
		err := d.InTx(ctx, func(tx *db.Tx) error {
			return tx.QueryRows(ctx, `WITH {{rows}} SELECT a, b, c, d, e, f, g, h FROM v`, rows, func(r *sql.Rows) error {
				var a, e sql.NullString
				var b sql.NullInt64
				var c bool
				var raw, none []byte
				var f, h string
				if err := r.Scan(&a, &b, &c, &raw, &e, &f, &none, &h); err != nil {
					return err
				}
				if a.Valid || b.Valid || !c || !slices.Equal(raw, []byte{0, 255, '"', '\\'}) || e.String != "x" || f != "snö ☃ 😀" || none != nil || h != "" {
					t.Errorf("got %v %v %v %v %v %q %v %q", a, b, c, raw, e, f, none, h)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A set of which every long text is empty has empty texts, not NULL.
func TestRowsEmptyLong(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		rows := db.NewRows("a text", "b long")
		rows.Add("x", "")
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRows(t.Context(), `WITH {{rows}} SELECT b FROM v`, rows, func(r *sql.Rows) error {
				var b string
				return r.Scan(&b)
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestInTxRollsBack(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)`, "t", "n", 1); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("got %v; want boom", err)
		}
		var n int
		if err := d.Get(&n, `SELECT count(*) FROM tenants`); err != nil || n != 0 {
			t.Errorf("%d tenants, %v; want 0", n, err)
		}
	})
}

func TestErrorKinds(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		insert := `INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)`
		if _, err := d.Exec(t.Context(), insert, "t", "n", 1); err != nil {
			t.Fatal(err)
		}
		_, err := d.Exec(t.Context(), insert, "t", "n", 1)
		if !db.IsUnique(err) || !db.IsData(err) || db.IsRetryable(err) {
			t.Errorf("duplicate key: unique %v, data %v, retryable %v", db.IsUnique(err), db.IsData(err), db.IsRetryable(err))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Exec(ctx, insert, "u", "n", 1); err == nil || db.IsData(err) {
			t.Errorf("cancelled: %v is taken for bad data", err)
		}
	})
}

// The embedded promise: every connection syncs each commit to the disk.
func TestSQLitePragmas(t *testing.T) {
	d := dbtest.SQLite(t)
	for range 3 {
		conn, err := d.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var full int
		var mode string
		if err := errors.Join(conn.GetContext(t.Context(), &full, `PRAGMA synchronous`), conn.GetContext(t.Context(), &mode, `PRAGMA journal_mode`)); err != nil {
			t.Fatal(err)
		}
		if full != 2 || mode != "wal" {
			t.Errorf("synchronous = %d, journal_mode = %s; want 2, wal", full, mode)
		}
	}
}

// The two schemas have the same tables and columns.
func TestParity(t *testing.T) {
	columns := map[db.Dialect]map[string][]string{}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		query := `SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY 1, p.cid`
		if d.Dialect == db.Postgres {
			query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position`
		}
		rows, err := d.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		got := map[string][]string{}
		for rows.Next() {
			var table, column string
			if err := rows.Scan(&table, &column); err != nil {
				t.Fatal(err)
			}
			if table != "goose_db_version" {
				got[table] = append(got[table], column)
			}
		}
		columns[d.Dialect] = got
	})
	if len(columns) < 2 {
		t.Skip("no PostgreSQL server: run the tests with make test")
	}
	if diff := cmp.Diff(columns[db.SQLite], columns[db.Postgres]); diff != "" {
		t.Errorf("schemas differ (-sqlite +postgres):\n%s", diff)
	}
	if len(columns[db.SQLite]) < 20 {
		t.Errorf("only %d tables", len(columns[db.SQLite]))
	}
}

func TestMigrateDownAndUp(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		have, newest, err := d.Version(t.Context())
		if err != nil || have != newest || have == 0 {
			t.Fatalf("version %d of %d, %v", have, newest, err)
		}
		if v, err := d.MigrateDown(t.Context()); err != nil || v != newest-1 {
			t.Fatalf("down: version %d, %v; want %d: the numbers have no gap", v, err, newest-1)
		}
		if v, err := d.Migrate(t.Context()); err != nil || v != newest {
			t.Fatalf("up again: version %d, %v", v, err)
		}
	})
}

// Sets of every size arrive whole and in order, whether their statement is prepared
// already or not, also in a transaction that only reads.
func TestRowsOfEverySize(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		for size := range 200 {
			rows, want := db.NewRows("n bigint", "same text").Share("same"), []int64(nil)
			for n := range size {
				rows.Add(int64(n), "x")
				want = append(want, int64(n))
			}
			for _, in := range []func(context.Context, func(*db.Tx) error) error{d.InTx, d.InReadTx} {
				var got []int64
				err := in(t.Context(), func(tx *db.Tx) error {
					return tx.QueryRows(t.Context(), `WITH {{rows}} `+db.ByKey+` SELECT n FROM v WHERE same = 'x'`, rows, func(r *sql.Rows) error {
						var n int64
						err := r.Scan(&n)
						got = append(got, n)
						return err
					})
				})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(want, got) {
					t.Fatalf("%d rows came as %v", size, got)
				}
			}
		}
	})
}
