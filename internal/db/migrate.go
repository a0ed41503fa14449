package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/linktor/linktor/migrations"
	"github.com/pressly/goose/v3"
)

func (d *DB) provider() (*goose.Provider, error) {
	files, dir, dialect := fs.FS(migrations.SQLite), "sqlite", goose.DialectSQLite3
	if d.Dialect == Postgres {
		files, dir, dialect = migrations.Postgres, "postgres", goose.DialectPostgres
	}
	sub, err := fs.Sub(files, dir)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, d.write.DB, sub, newer()...)
}

// Migrate brings the schema up to date and returns the version it has then. It
// may run on several nodes at once: on PostgreSQL an advisory lock makes the
// others wait.
func (d *DB) Migrate(ctx context.Context) (version int64, failed error) {
	if d.Dialect == Postgres {
		unlock, err := d.lockSchema(ctx)
		if err != nil {
			return 0, fmt.Errorf("db: migrate: wait for other nodes: %w", err)
		}
		defer func() { failed = errors.Join(failed, unlock()) }()
	}
	p, err := d.provider()
	if err != nil {
		return 0, fmt.Errorf("db: migrate: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return 0, fmt.Errorf("db: migrate: %w", err)
	}
	return p.GetDBVersion(ctx)
}

// lockSchema takes the lock under which the schema changes. It belongs to a
// connection, which goes back to the pool: without unlock other nodes would wait
// for as long as this one runs.
func (d *DB) lockSchema(ctx context.Context) (unlock func() error, err error) {
	conn, err := d.write.Connx(ctx)
	if err != nil {
		return nil, err
	}
	const key = 7_241_563 // any number that is always the same
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, key); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, key)
		return errors.Join(err, conn.Close())
	}, nil
}

// MigrateDown undoes the newest migration and returns the version that is left.
func (d *DB) MigrateDown(ctx context.Context) (version int64, err error) {
	p, err := d.provider()
	if err != nil {
		return 0, fmt.Errorf("db: migrate down: %w", err)
	}
	if _, err := p.Down(ctx); err != nil {
		return 0, fmt.Errorf("db: migrate down: %w", err)
	}
	return p.GetDBVersion(ctx)
}

// Version returns the version of the schema and the newest that this program has.
func (d *DB) Version(ctx context.Context) (have, newest int64, err error) {
	p, err := d.provider()
	if err != nil {
		return 0, 0, fmt.Errorf("db: version: %w", err)
	}
	have, newest, err = p.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("db: version: %w", err)
	}
	return have, newest, nil
}
