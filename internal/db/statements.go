package db

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// stmtKey names the text of a statement: a query for rows of one shape, and that of
// an insert beside it.
type stmtKey struct {
	query, beside string
	shape, other  uint64
}

// missedStmt is a statement that a transaction found not prepared.
type missedStmt struct {
	key  stmtKey
	text string
}

// statements are those that are prepared, each on every connection that has used it.
type statements struct {
	byKey sync.Map // stmtKey → *sql.Stmt
	n     atomic.Int64
}

const (
	// maxStmts is a guard: a program has a few hundred.
	maxStmts = 2000
	// prepareTimeout bounds the wait for a connection to prepare on.
	prepareTimeout = 5 * time.Second
)

// prepare prepares what a transaction missed, for those that come after it. It
// cannot be done within: SQLite has one connection, which the transaction holds.
func (s *statements) prepare(ctx context.Context, pool *sqlx.DB, missed []missedStmt) {
	for _, m := range missed {
		if _, ok := s.byKey.Load(m.key); ok || s.n.Load() >= maxStmts {
			continue
		}
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), prepareTimeout)
		stmt, err := pool.DB.PrepareContext(bound, m.text)
		cancel()
		if err != nil { // whoever needs it next tries again
			return
		}
		if _, other := s.byKey.LoadOrStore(m.key, stmt); other {
			stmt.Close()
			continue
		}
		s.n.Add(1)
	}
}

// runner runs one statement: prepared, or as a text.
type runner struct {
	tx   *Tx
	stmt *sql.Stmt
	text string
}

// runner returns what runs the statement of key, whose text is made if it is not
// prepared yet.
func (t *Tx) runner(ctx context.Context, key stmtKey, text func() string) runner {
	if s, ok := t.db.stmts.byKey.Load(key); ok && t.keep {
		return runner{stmt: t.StmtContext(ctx, s.(*sql.Stmt))}
	}
	r := runner{tx: t, text: text()}
	if t.keep {
		t.missed = append(t.missed, missedStmt{key, r.text})
	}
	return r
}

func (r runner) exec(ctx context.Context, args []any) (sql.Result, error) {
	if r.stmt == nil {
		return r.tx.ExecContext(ctx, r.text, args...)
	}
	return r.stmt.ExecContext(context.WithoutCancel(ctx), args...) // the transaction watches ctx: no second goroutine
}

func (r runner) query(ctx context.Context, args []any, scan func(*sql.Rows) error) (err error) {
	var res *sql.Rows
	if r.stmt == nil {
		res, err = r.tx.QueryContext(ctx, r.text, args...)
	} else {
		res, err = r.stmt.QueryContext(context.WithoutCancel(ctx), args...) // as in exec
	}
	if err != nil {
		return err
	}
	return scanAll(res, scan)
}
