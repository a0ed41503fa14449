package db

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Type is the SQL type of a column of Rows.
type Type string

const (
	Text  Type = "text"
	Int   Type = "bigint"
	Bool  Type = "boolean"
	Bytes Type = "bytea"
)

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
// so that the statement's text is constant and prepared once; SQLite gets VALUES.
type Rows struct {
	cols   []Col
	vals   [][]any
	shared [][]int // groups of columns, see Share
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
// texts of a statement. The first column, and bytes, must be in none.
func (r *Rows) Share(names ...string) *Rows {
	group := make([]int, len(names))
	for i, name := range names {
		group[i] = slices.IndexFunc(r.cols, func(c Col) bool { return c.Name == name })
		if group[i] < 1 || r.cols[group[i]].Type == Bytes {
			panic("db: not a column to share: " + name)
		}
	}
	r.shared = append(r.shared, group)
	return r
}

// one reports, for each column, whether it is passed as a single value.
func (r *Rows) one() []bool {
	one := make([]bool, len(r.cols))
	for _, group := range r.shared {
		if r.same(group) {
			for _, c := range group {
				one[c] = true
			}
		}
	}
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
	r.vals = append(r.vals, vals)
}

// Len is the number of rows; a nil Rows has none.
func (r *Rows) Len() int {
	if r == nil {
		return 0
	}
	return len(r.vals)
}

// maxVars is SQLite's limit of parameters in a statement, with room to spare.
const maxVars = 30000

// ExecRows runs query with rows and returns the number of rows affected. Without
// rows it does nothing.
func (t *Tx) ExecRows(ctx context.Context, query string, rows *Rows) (n int64, err error) {
	for chunk := range rows.chunks(t.Dialect) {
		q, args := chunk.expand(t.Dialect, query)
		var res sql.Result
		if t.Dialect == Postgres && keepsPlan(query) {
			stmt, err := t.prepared(ctx, q)
			if err != nil {
				return n, err
			}
			res, err = stmt.ExecContext(context.WithoutCancel(ctx), args...) // the transaction watches ctx: no second goroutine
			if err != nil {
				return n, err
			}
		} else if res, err = t.ExecContext(ctx, q, args...); err != nil {
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
func (t *Tx) QueryRows(ctx context.Context, query string, rows *Rows, scan func(*sql.Rows) error) error {
	for chunk := range rows.chunks(t.Dialect) {
		q, args := chunk.expand(t.Dialect, query)
		if err := t.queryOnce(ctx, q, args, keepsPlan(query), scan); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) queryOnce(ctx context.Context, q string, args []any, keep bool, scan func(*sql.Rows) error) error {
	var res *sql.Rows
	if t.Dialect == Postgres && keep {
		stmt, err := t.prepared(ctx, q)
		if err != nil {
			return err
		}
		if res, err = stmt.QueryContext(context.WithoutCancel(ctx), args...); err != nil { // as in ExecRows
			return err
		}
	} else {
		var err error
		if res, err = t.QueryContext(ctx, q, args...); err != nil {
			return err
		}
	}
	return scanAll(res, scan)
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
	beside, args := in.Rows.expandPostgres(in.Query, 0)
	q, more := rows.expandPostgres(query, len(args))
	q = strings.Replace(q, "WITH ", "WITH beside AS ("+beside+" RETURNING 1), ", 1)
	q = strings.Replace(q, AfterInsert, "(SELECT count(*) FROM beside) >= 0", 1)
	return t.queryOnce(ctx, q, append(args, more...), true, scan)
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

func (r *Rows) chunks(d Dialect) func(func(*Rows) bool) {
	return func(yield func(*Rows) bool) {
		if r.Len() == 0 {
			return
		}
		size := len(r.vals)
		if d == SQLite {
			size = min(size, maxVars/len(r.cols))
		}
		for from := 0; from < len(r.vals); from += size {
			if !yield(&Rows{r.cols, r.vals[from:min(from+size, len(r.vals))], r.shared}) {
				return
			}
		}
	}
}

func (r *Rows) expand(d Dialect, query string) (string, []any) {
	if d == Postgres {
		return r.expandPostgres(query, 0)
	}
	return r.expandSQLite(query)
}

// expandPostgres numbers its parameters from after+1.
func (r *Rows) expandPostgres(query string, after int) (string, []any) {
	var b, list, arrays, names strings.Builder
	args, one := make([]any, len(r.cols)), r.one()
	for i, c := range r.cols {
		param := "$" + strconv.Itoa(after+i+1) + "::" + string(c.Type)
		if one[i] {
			args[i] = storable(r.vals[0][i])
			list.WriteString(", " + param)
			continue
		}
		args[i] = arrayLiteral(r.vals, i)
		list.WriteString(", u." + c.Name)
		arrays.WriteString(", " + param + "[]")
		names.WriteString(", " + c.Name)
	}
	b.WriteString("v(")
	r.names(&b)
	b.WriteString(") AS (SELECT " + list.String()[2:] + " FROM unnest(" + arrays.String()[2:] + ") AS u(" + names.String()[2:] + "))")
	return strings.Replace(query, "{{rows}}", b.String(), 1), args
}

func (r *Rows) expandSQLite(query string) (string, []any) {
	var b strings.Builder
	b.WriteString("v(")
	r.names(&b)
	b.WriteString(") AS (VALUES ")
	args := make([]any, 0, len(r.vals)*len(r.cols))
	for i, row := range r.vals {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j := range row {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('?')
		}
		b.WriteByte(')')
		args = append(args, row...)
	}
	b.WriteByte(')')
	return strings.Replace(query, "{{rows}}", b.String(), 1), args
}

func (r *Rows) names(b *strings.Builder) {
	for i, c := range r.cols {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name)
	}
}

// arrayLiteral writes column i in PostgreSQL's text form of an array.
func arrayLiteral(vals [][]any, i int) string {
	b := make([]byte, 0, 32*len(vals))
	b = append(b, '{')
	for n, row := range vals {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendElement(b, row[i])
	}
	return string(append(b, '}'))
}

func appendElement(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "NULL"...)
	case string:
		return appendQuoted(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case bool:
		return strconv.AppendBool(b, v)
	case []byte:
		b = append(b, `"\\x`...)
		b = hex.AppendEncode(b, v)
		return append(b, '"')
	case sql.NullString:
		if !v.Valid {
			return append(b, "NULL"...)
		}
		return appendQuoted(b, v.String)
	case sql.NullInt64:
		if !v.Valid {
			return append(b, "NULL"...)
		}
		return strconv.AppendInt(b, v.Int64, 10)
	}
	panic(fmt.Sprintf("db: no column type for %T", v))
}

// storable is Storable for texts among the values of a row.
func storable(v any) any {
	switch v := v.(type) {
	case string:
		return Storable(v)
	case sql.NullString:
		v.String = Storable(v.String)
		return v
	}
	return v
}

// Storable replaces what PostgreSQL's text cannot hold, NUL and bad UTF-8, by
// U+FFFD: a customer's odd name must not cost the message.
func Storable(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func appendQuoted(b []byte, s string) []byte {
	s = Storable(s)
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// SortText orders the rows by text columns i, then j.
func (r *Rows) SortText(i, j int) {
	slices.SortStableFunc(r.vals, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[i].(string), b[i].(string)), cmp.Compare(a[j].(string), b[j].(string)))
	})
}
