package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
)

// bench is one run.
type bench struct {
	options
	scale    scale
	out, log io.Writer

	dir      string
	files    uint64 // that may be open
	services *rig.Services
	bare     *rig.Bare
	scenario string // the present one
	profiles int    // begun
	results  []result
}

// manyFiles is enough for 10,000 sockets and what else is open.
const manyFiles = 32_768

func (b *bench) open(ctx context.Context) (err error) {
	if b.files, err = rig.RaiseFiles(manyFiles); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "linktor-bench-"); err != nil {
		return err
	}
	switch {
	case b.profile != "":
		if b.profile, err = filepath.Abs(b.profile); err == nil {
			err = os.MkdirAll(b.profile, 0o755)
		}
		if err == nil {
			b.bin, err = rig.BuildProfiled(ctx, ".", b.dir)
		}
	case b.bin == "":
		b.bin, err = rig.Build(ctx, ".", b.dir)
	}
	if err != nil {
		return err
	}
	if b.services, err = rig.StartServices(ctx, b.dir); err != nil {
		return err
	}
	b.bare, err = rig.StartBare(ctx)
	return err
}

func (b *bench) close() error {
	if b.bare != nil {
		b.bare.Stop()
	}
	if b.services != nil {
		b.services.Stop()
	}
	return os.RemoveAll(b.dir)
}

// each runs fn for every database that was asked for.
func (b *bench) each(fn func(mode string) error) error {
	for mode := range strings.SplitSeq(b.modes, ",") {
		began := time.Now()
		if err := fn(mode); err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
		b.done(mode, began)
	}
	return nil
}

// done says how long something took.
func (b *bench) done(what string, began time.Time) {
	fmt.Fprintf(b.log, "%-8s %-8s %5.1f s\n", b.scenario, what, time.Since(began).Seconds())
}

// machine is where the figures come from.
type machine struct {
	At         string `json:"at"`
	Processors int    `json:"processors"`
	System     string `json:"system"`
	Go         string `json:"go"`
	Database   string `json:"database"`
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d processors, %s, %s, %s; the load shares the machine", m.At, m.Processors, m.System, m.Go, m.Database)
}

func (b *bench) machine(ctx context.Context) machine {
	m := machine{At: time.Now().UTC().Format(time.RFC3339), Processors: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if d, err := db.Open(ctx, b.services.Postgres, 1); err == nil { // the figures say enough without it
		defer d.Close()
		_ = d.GetContext(ctx, &m.Database, `SELECT 'PostgreSQL ' || current_setting('server_version')`) // likewise
	}
	return m
}
