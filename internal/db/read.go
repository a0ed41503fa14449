package db

import (
	"context"
	"database/sql"
)

// InReadTx runs fn in a transaction that only reads and sees one state of the
// database throughout. It holds up no writer.
func (d *DB) InReadTx(ctx context.Context, fn func(*Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.Dialect == Postgres { // a transaction of SQLite's is a snapshot anyway
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := d.BeginTxx(ctx, opts)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := fn(&Tx{Tx: tx, Dialect: d.Dialect, db: d}); err != nil {
		return err
	}
	return tx.Commit()
}

// QueryRows is Tx.QueryRows outside a transaction: it only reads.
func (d *DB) QueryRows(ctx context.Context, query string, rows *Rows, scan func(*sql.Rows) error) error {
	for piece := range rows.pieces(d.Dialect) {
		res, err := d.QueryContext(ctx, piece.expand(d.Dialect, query, 0), piece.args(d.Dialect)...)
		if err != nil {
			return err
		}
		if err := scanAll(res, scan); err != nil {
			return err
		}
	}
	return nil
}

func scanAll(res *sql.Rows, scan func(*sql.Rows) error) error {
	defer res.Close()
	for res.Next() {
		if err := scan(res); err != nil {
			return err
		}
	}
	return res.Err()
}
