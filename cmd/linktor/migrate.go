package main

import (
	"fmt"

	"github.com/linktor/linktor/internal/db"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema up to date. The server does it at each start."`
	Down   migrateDownCmd   `cmd:"" help:"Undo the newest migration. Undoing the first one deletes everything."`
	Status migrateStatusCmd `cmd:"" default:"withargs" help:"Show the version of the schema."`
}

type migrateUpCmd struct{}

func (*migrateUpCmd) Run(e *env) error {
	return withDatabase(e, func(d *db.DB) error {
		v, err := d.Migrate(e.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.out, "The schema has version %d.\n", v)
		return err
	})
}

type migrateDownCmd struct {
	Yes bool `help:"Do it: data in the tables that the migration made is lost." required:""`
}

func (*migrateDownCmd) Run(e *env) error {
	return withDatabase(e, func(d *db.DB) error {
		v, err := d.MigrateDown(e.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.out, "The schema has version %d.\n", v)
		return err
	})
}

type migrateStatusCmd struct {
	JSON bool `name:"json" help:"Write JSON."`
}

func (c *migrateStatusCmd) Run(e *env) error {
	return withDatabase(e, func(d *db.DB) error {
		have, newest, err := d.Version(e.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.printJSON(map[string]any{"dialect": d.Dialect, "version": have, "newest": newest})
		}
		_, err = fmt.Fprintf(e.out, "The schema (%s) has version %d; this program has %d.\n", d.Dialect, have, newest)
		return err
	})
}

// withDatabase opens the database whatever its schema.
func withDatabase(e *env, fn func(*db.DB) error) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	d, err := db.Open(e.ctx, cfg.Database(), 2)
	if err != nil {
		return err
	}
	defer d.Close()
	return fn(d)
}
