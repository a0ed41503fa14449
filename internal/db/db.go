package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Dialect is the kind of database.
type Dialect string

const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is an open database. Its embedded pool reads; InTx writes.
type DB struct {
	*sqlx.DB
	Dialect Dialect

	write *sqlx.DB // SQLite: one connection; PostgreSQL: the same pool
	stmts statements
	log   *checkpointer // of SQLite's write-ahead log

	full atomic.Int64 // when a write last failed for want of space, in nanoseconds; 0 is never

	clock clock

	mu        sync.RWMutex
	listeners []func(any)
}

// Tx is a transaction that knows its dialect.
type Tx struct {
	*sqlx.Tx
	Dialect Dialect

	db     *DB
	keep   bool  // may use statements that are prepared
	rows   int64 // passed to statements
	missed []missedStmt
	before []func()
	after  []any
	then   []func()
}

// Open opens the database at dsn: a postgres:// URL, or the path of an SQLite
// file, which is created if absent. maxConns bounds a PostgreSQL pool; 0 means
// 20. Open makes no schema: see Migrate.
func Open(ctx context.Context, dsn string, maxConns int) (*DB, error) {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return openPostgres(ctx, dsn, maxConns)
	}
	return openSQLite(ctx, strings.TrimPrefix(dsn, "file:"))
}

func openPostgres(ctx context.Context, dsn string, maxConns int) (*DB, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, errors.New("db: the database URL cannot be parsed") // err would quote the password
	}
	q := u.Query()
	setDefault(q, "sslmode", "prefer")
	setDefault(q, "connect_timeout", "5")
	setDefault(q, "application_name", "linktor")
	// Prepared statements keep their plan. One made while a table was empty must not
	// scan it once it is large: every statement of ours has an index to go by.
	setDefault(q, "enable_seqscan", "off")
	setDefault(q, "jit", "off") // it costs more than our statements take
	// Ours read some rows by an index: to start workers for them takes longer.
	setDefault(q, "max_parallel_workers_per_gather", "0")
	// A statement that is planned each time goes in one round trip instead of two.
	setDefault(q, "binary_parameters", "yes")
	if q.Get("sslmode") == "prefer" { // lib/pq has no such mode: local servers rarely have TLS
		q.Set("sslmode", "disable")
		if h := u.Hostname(); h != "" && h != "localhost" && !isLoopback(h) {
			q.Set("sslmode", "require")
		}
	}
	u.RawQuery = q.Encode()
	pool, err := sqlx.Open("postgres", u.String())
	if err != nil {
		return nil, fmt.Errorf("db: open postgres: %w", err)
	}
	if maxConns <= 0 {
		maxConns = 20
	}
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("db: connect to postgres at %s: %w", u.Host, err)
	}
	return &DB{DB: pool, Dialect: Postgres, write: pool}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func setDefault(q url.Values, key, value string) {
	if !q.Has(key) {
		q.Set(key, value)
	}
}

// sqlitePragmas are set in the DSN so that every connection has them. FULL
// because a commit that we answered for must survive a power cut.
const sqlitePragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)" +
	"&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_pragma=wal_autocheckpoint(" + maxLog + ")"

// Page caches, in KiB: large for the one connection that writes, small for each of
// those that read, because the system caches the file anyway, and next to none where
// pages are only copied.
const (
	writeCache = "&_pragma=cache_size(-32000)"
	readCache  = "&_pragma=cache_size(-2000)"
	copyCache  = "&_pragma=cache_size(-100)"
)

func openSQLite(ctx context.Context, path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("db: make the folder of the database: %w", err)
	}
	dsn := "file:" + path + sqlitePragmas
	write, err := sqlx.Open("sqlite", dsn+writeCache+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("db: open sqlite: %w", err)
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		write.Close()
		return nil, fmt.Errorf("db: open %s: %w", path, err)
	}
	read, err := sqlx.Open("sqlite", dsn+readCache+"&_pragma=query_only(1)")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("db: open sqlite: %w", err)
	}
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(4)
	own, err := sqlx.Open("sqlite", dsn+copyCache)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("db: open sqlite: %w", err), read.Close(), write.Close())
	}
	own.SetMaxOpenConns(1)
	return &DB{DB: read, Dialect: SQLite, write: write, log: newCheckpointer(own, write)}, nil
}

// Close closes every connection.
func (d *DB) Close() error {
	if d.write == d.DB {
		return d.DB.Close()
	}
	return errors.Join(d.log.close(), d.DB.Close(), d.write.Close())
}

// InTx runs fn in a transaction: it commits if fn returns nil and rolls back if
// fn fails or panics. fn must not call a provider, and must not use d.
func (d *DB) InTx(ctx context.Context, fn func(*Tx) error) (err error) {
	defer func() { d.noteFull(err) }()
	tx, err := d.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	t := &Tx{Tx: tx, Dialect: d.Dialect, db: d, keep: true}
	if err := fn(t); err != nil {
		return err
	}
	for _, fn := range t.before {
		fn()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	d.log.wrote(t.rows)
	for _, fn := range t.then {
		fn()
	}
	d.announce(t.after)
	d.stmts.prepare(ctx, d.write, t.missed)
	return nil
}

// Listen registers fn, which is called with each value that a transaction of
// this process announced, once it has committed. fn must be quick and must not
// block: it runs before InTx returns. Announcements are hints; whoever misses one
// (another process, a crash) finds the work in the tables.
func (d *DB) Listen(fn func(v any)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners = append(d.listeners, fn)
}

func (d *DB) announce(values []any) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, v := range values {
		for _, fn := range d.listeners {
			fn(v)
		}
	}
}

// Announce hands v to the listeners if and when t commits.
func (t *Tx) Announce(v any) { t.after = append(t.after, v) }

// BeforeCommit calls fn, which must be quick, when only the commit of t remains; nil
// is no fn.
func (t *Tx) BeforeCommit(fn func()) {
	if fn != nil {
		t.before = append(t.before, fn)
	}
}

// Then calls fn, which must be quick, if and when t commits.
func (t *Tx) Then(fn func()) { t.then = append(t.then, fn) }

// ForUpdate returns the clause that locks the rows of table until the end of t:
// empty on SQLite, where a transaction has the whole file to itself.
func (t *Tx) ForUpdate(table string) string {
	if t.Dialect == SQLite {
		return ""
	}
	return " FOR UPDATE OF " + table
}

// Exec runs one statement in a transaction of its own.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	res, err := d.write.ExecContext(ctx, query, args...)
	if err != nil {
		d.noteFull(err)
		return 0, err
	}
	n, err = res.RowsAffected()
	d.log.wrote(n)
	return n, err
}

// Micros is t as it is stored; the zero time is stored as NULL by NullMicros.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time is the inverse of Micros.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// NullMicros stores the zero time as NULL.
func NullMicros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// NullTime is the inverse of NullMicros.
func NullTime(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return Time(n.Int64)
}

// IsUnique reports whether err is the violation of a unique constraint.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return e.Code == "23505"
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// IsRetryable reports whether the same transaction may succeed if run again at
// once: a deadlock, a serialization failure, a busy SQLite file.
func IsRetryable(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return e.Code == "40P01" || e.Code == "40001"
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	return false
}

// IsData reports whether err is about the data of a statement, so that the same
// data will fail again: every other error means that the database is away, full
// or broken.
func IsData(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		switch e.Code.Class() {
		case "21", "22", "23", "42", "54": // 54: a key too long for its index
			return true
		}
		return false
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_ERROR:
			return true
		}
	}
	return false
}

// Bytewise follows an expression that is compared by its bytes rather than as a
// language sorts; SQLite knows nothing else.
func (d Dialect) Bytewise() string {
	if d == SQLite {
		return ""
	}
	return ` COLLATE "C"`
}

// Clock is the SQL expression for the database's time in microseconds. Leases
// and due times use it, so that nodes whose clocks differ agree.
func (d Dialect) Clock() string {
	if d == SQLite {
		return `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
	}
	return `CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`
}
