package db

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Type is the SQL type of a column of Rows.
type Type string

const (
	Text  Type = "text"
	Long  Type = "long" // text that is mostly longer than some words, such as JSON
	Int   Type = "bigint"
	Bool  Type = "boolean"
	Bytes Type = "bytea"
)

// packed reports whether PostgreSQL gets all values of the column in one parameter.
func (t Type) packed() bool { return t == Long || t == Bytes }

// Col is a column of Rows.
type Col struct {
	Name string
	Type Type
}

// Rows passes many rows to one statement. The statement names them as the common
// table v, where it writes {{rows}}:
//
//	WITH {{rows}} INSERT INTO t (id, n) SELECT id, n FROM v WHERE true ON CONFLICT ...
//	WITH {{rows}} UPDATE t SET n = v.n FROM v WHERE t.id = v.id
//
// (SQLite needs the WHERE before ON CONFLICT.) PostgreSQL gets one array a column,
// so that the statement's text is constant and prepared once. To take an array of long
// texts apart costs it as much as to store them: those, and bytes, lie one after the
// other in one more parameter, and their arrays say where. SQLite gets VALUES, a piece
// of the rows at a time.
type Rows struct {
	cols   []Col
	vals   [][]any
	shared [][]int // groups of columns, see Share
	single []bool  // what one returns, once it is known
}

// NewRows returns an empty set with the given columns, written "name type".
func NewRows(cols ...string) *Rows {
	r := &Rows{cols: make([]Col, len(cols))}
	for i, c := range cols {
		name, typ, _ := strings.Cut(c, " ")
		r.cols[i] = Col{name, Type(typ)}
	}
	return r
}

// Share names columns that often hold one value in all rows, such as the time of a
// batch. When all columns of the group do, PostgreSQL gets values in their place:
// half of what an insert costs it are the arrays. Each group doubles the number of
// texts of a statement. The first column, long texts and bytes must be in none.
func (r *Rows) Share(names ...string) *Rows {
	group := make([]int, len(names))
	for i, name := range names {
		group[i] = slices.IndexFunc(r.cols, func(c Col) bool { return c.Name == name })
		if group[i] < 1 || r.cols[group[i]].Type.packed() {
			panic("db: not a column to share: " + name)
		}
	}
	r.shared = append(r.shared, group)
	return r
}

// one reports, for each column, whether it is passed as a single value.
func (r *Rows) one() []bool {
	if r.single != nil {
		return r.single
	}
	one := make([]bool, len(r.cols))
	for _, group := range r.shared {
		if r.same(group) {
			for _, c := range group {
				one[c] = true
			}
		}
	}
	r.single = one
	return one
}

func (r *Rows) same(group []int) bool {
	for _, row := range r.vals[1:] {
		for _, c := range group {
			if row[c] != r.vals[0][c] {
				return false
			}
		}
	}
	return true
}

// Add appends a row: string, int64, int, bool, []byte, nil, sql.NullString or
// sql.NullInt64 values in the order of the columns.
func (r *Rows) Add(vals ...any) {
	if len(vals) != len(r.cols) {
		panic(fmt.Sprintf("db: %d values for %d columns", len(vals), len(r.cols)))
	}
	r.vals, r.single = append(r.vals, vals), nil
}

// Len is the number of rows; a nil Rows has none.
func (r *Rows) Len() int {
	if r == nil {
		return 0
	}
	return len(r.vals)
}

// maxPiece is how many rows a statement takes that SQLite has prepared. Its text
// depends on their number: sets are taken apart into pieces of 64, 32, 16, ... rows,
// of which there are few. More than a quarter of what a batch cost SQLite was
// to parse its texts.
const maxPiece = 64

// ExecRows runs query with rows and returns the number of rows affected. Without
// rows it does nothing. SQLite runs it for a piece of the rows after the other.
func (t *Tx) ExecRows(ctx context.Context, query string, rows *Rows) (n int64, err error) {
	for piece := range rows.pieces(t.Dialect) {
		res, err := t.rowsRunner(ctx, query, piece).exec(ctx, piece.args(t.Dialect))
		if err != nil {
			return n, err
		}
		m, err := res.RowsAffected()
		if err != nil {
			return n, err
		}
		n += m
	}
	return n, nil
}

// QueryRows runs query with rows and calls scan for each row that it returns.
// SQLite runs it for a piece of the rows after the other.
func (t *Tx) QueryRows(ctx context.Context, query string, rows *Rows, scan func(*sql.Rows) error) error {
	for piece := range rows.pieces(t.Dialect) {
		if err := t.rowsRunner(ctx, query, piece).query(ctx, piece.args(t.Dialect), scan); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) rowsRunner(ctx context.Context, query string, rows *Rows) runner {
	t.rows += int64(rows.Len())
	text := func() string { return rows.expand(t.Dialect, query, 0) }
	if t.Dialect == Postgres && !keepsPlan(query) {
		return runner{tx: t, text: text()}
	}
	return t.runner(ctx, stmtKey{query: query, shape: rows.shape(t.Dialect)}, text)
}

// Insert is an INSERT that takes Rows; the zero Insert does nothing.
type Insert struct {
	Query string
	Rows  *Rows
}

// AfterInsert is a condition of a query for QueryRowsBeside: what it guards begins
// once the insert is done. PostgreSQL would do the insert last.
const AfterInsert = "/* after the insert */ TRUE"

// QueryRowsBeside is QueryRows that also runs an insert which the query does not
// read. On PostgreSQL both travel as one statement: that saves a round trip.
func (t *Tx) QueryRowsBeside(ctx context.Context, in Insert, query string, rows *Rows, scan func(*sql.Rows) error) error {
	if t.Dialect != Postgres || in.Rows.Len() == 0 || rows.Len() == 0 {
		if _, err := t.ExecRows(ctx, in.Query, in.Rows); err != nil {
			return err
		}
		return t.QueryRows(ctx, query, rows, scan)
	}
	key := stmtKey{query, in.Query, rows.shape(t.Dialect), in.Rows.shape(t.Dialect)}
	args := in.Rows.args(t.Dialect)
	r := t.runner(ctx, key, func() string {
		q := strings.Replace(rows.expand(t.Dialect, query, len(args)), "WITH ", "WITH beside AS ("+in.Rows.expand(t.Dialect, in.Query, 0)+" RETURNING 1), ", 1)
		return strings.Replace(q, AfterInsert, "(SELECT count(*) FROM beside) >= 0", 1)
	})
	return r.query(ctx, append(args, rows.args(t.Dialect)...), scan)
}

// ByKey marks a statement that looks up single rows by a whole unique key, each in
// a subquery of its own: its plan is the same however large the tables are.
const ByKey = "/* by key */"

// keepsPlan reports whether a statement may be prepared once: it only inserts, or
// is marked ByKey. The plan of any other depends on the size of tables, and is made
// each time.
func keepsPlan(query string) bool {
	return strings.Contains(query, "INSERT INTO") || strings.Contains(query, ByKey)
}

// pieces are the rows in sets for one statement each: all of them on PostgreSQL.
func (r *Rows) pieces(d Dialect) func(func(*Rows) bool) {
	return func(yield func(*Rows) bool) {
		for from, to := 0, 0; from < r.Len(); from = to {
			if to = len(r.vals); d == SQLite {
				to = from + min(maxPiece, 1<<(bits.Len(uint(to-from))-1))
			}
			if !yield(&Rows{cols: r.cols, vals: r.vals[from:to], shared: r.shared}) {
				return
			}
		}
	}
}

// shape tells sets apart that make different texts of one query: by their length on
// SQLite, by which columns are single values on PostgreSQL.
func (r *Rows) shape(d Dialect) (shape uint64) {
	if d == SQLite {
		return uint64(len(r.vals))
	}
	for i, one := range r.one() {
		if one {
			shape |= 1 << i
		}
	}
	return shape
}

// expand is the text of query with r; PostgreSQL's parameters are numbered from
// after+1.
func (r *Rows) expand(d Dialect, query string, after int) string {
	var b strings.Builder
	b.WriteString("v(")
	r.names(&b)
	b.WriteString(") AS (")
	if d == Postgres {
		r.unnest(&b, after)
	} else {
		row := "(" + strings.Repeat("?,", len(r.cols)-1) + "?)"
		b.WriteString("VALUES " + strings.Repeat(row+",", len(r.vals)-1) + row)
	}
	b.WriteByte(')')
	return strings.Replace(query, "{{rows}}", b.String(), 1)
}

func (r *Rows) unnest(b *strings.Builder, after int) {
	var list, arrays, names strings.Builder
	pack := "$" + strconv.Itoa(after+len(r.cols)+1) + "::bytea"
	for i, one := range r.one() {
		c, param := r.cols[i], "$"+strconv.Itoa(after+i+1)
		if one {
			list.WriteString(", " + param + "::" + string(c.Type))
			continue
		}
		typ, part := c.Type, "u."+c.Name
		if c.Type.packed() {
			typ, part = Int, fmt.Sprintf("substr(%s, (u.%[2]s >> 32)::int, (u.%[2]s & 4294967295)::int)", pack, c.Name)
		}
		if c.Type == Long {
			part = "convert_from(" + part + ", 'UTF8')"
		}
		list.WriteString(", " + part)
		arrays.WriteString(", " + param + "::" + string(typ) + "[]")
		names.WriteString(", " + c.Name)
	}
	b.WriteString("SELECT " + list.String()[2:] + " FROM unnest(" + arrays.String()[2:] + ") AS u(" + names.String()[2:] + ")")
}

// args are the parameters of expand.
func (r *Rows) args(d Dialect) []any {
	if d == SQLite {
		return slices.Concat(r.vals...)
	}
	args := make([]any, len(r.cols), len(r.cols)+1)
	pack, packs := []byte{}, false // nil would be NULL, of which an empty text is no part
	for i, one := range r.one() {
		switch {
		case one:
			args[i] = storable(r.vals[0][i])
		case r.cols[i].Type.packed():
			packs = true
			args[i], pack = arrayOfParts(r.vals, i, pack)
		default:
			args[i] = arrayLiteral(r.vals, i)
		}
	}
	if packs {
		args = append(args, pack)
	}
	return args
}

func (r *Rows) names(b *strings.Builder) {
	for i, c := range r.cols {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name)
	}
}

// SortText orders the rows by text columns i, then j.
func (r *Rows) SortText(i, j int) {
	slices.SortStableFunc(r.vals, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[i].(string), b[i].(string)), cmp.Compare(a[j].(string), b[j].(string)))
	})
}
