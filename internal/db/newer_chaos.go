//go:build chaos

package db

import (
	"context"
	"database/sql"
	"os"

	"github.com/pressly/goose/v3"
)

// newer makes the program pass for the next version, whose schema is newer by a column
// and a table, if LINKTOR_CHAOS_SCHEMA is "next".
func newer() []goose.ProviderOption {
	if os.Getenv("LINKTOR_CHAOS_SCHEMA") != "next" {
		return nil
	}
	run := func(statements ...string) *goose.GoFunc {
		return &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			for _, s := range statements {
				if _, err := tx.ExecContext(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	const next = 99_999 // after every file
	return []goose.ProviderOption{goose.WithGoMigrations(goose.NewGoMigration(next,
		run(`ALTER TABLE messages ADD COLUMN of_next TEXT NOT NULL DEFAULT ''`, `CREATE TABLE nexts (id TEXT PRIMARY KEY)`),
		run(`DROP TABLE nexts`, `ALTER TABLE messages DROP COLUMN of_next`)))}
}
