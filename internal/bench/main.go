package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/linktor/linktor/internal/bench/rig"
)

// scenario is something to measure.
type scenario struct {
	name, help string
	run        func(*bench, context.Context) error
}

var scenarios = []scenario{
	{"limit", "rows/s of a grouped insert into one bare table, the reference", (*bench).limit},
	{"ingest", "signed webhooks over 32 connections: messages/s committed, p50, p99", (*bench).ingest},
	{"send", "API call to the provider's acceptance: messages/s, and p50, p99 at 200/s", (*bench).send},
	{"latency", "webhook to WebSocket frame at 500 messages/s: p50, p99", (*bench).latency},
	{"idle", "memory of the server with 1,000 idle WebSocket clients", (*bench).idle},
	{"start", "start to ready on an existing database", (*bench).start},
	{"kill", "kill -9 again and again during ingest and sends: lost, duplicated", (*bench).kill},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	b := &bench{out: out}
	fs.StringVar(&b.modes, "modes", "postgres,sqlite", "databases to measure on")
	fs.StringVar(&b.bin, "bin", "", "server to measure; built from this module if empty")
	fs.IntVar(&b.kills, "kills", 20, "times that the scenario kill kills the server")
	figures := fs.String("json", "", "file for the figures")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: bench [flags] all | scenario…\n\nscenarios:")
		for _, s := range scenarios {
			fmt.Fprintf(fs.Output(), "  %-8s %s\n", s.name, s.help)
		}
		fmt.Fprintln(fs.Output(), "\nflags:")
		fs.PrintDefaults()
	}
	names, err := parse(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	for _, s := range chosen {
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if *figures == "" {
		return nil
	}
	data, err := json.MarshalIndent(b.results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*figures, append(data, '\n'), 0o644)
}

// parse reads flags wherever they stand among the names of scenarios.
func parse(fs *flag.FlagSet, args []string) (names []string, err error) {
	for err = fs.Parse(args); err == nil && fs.NArg() > 0; err = fs.Parse(fs.Args()[1:]) {
		names = append(names, fs.Arg(0))
	}
	return names, err
}

// choose returns the named scenarios; all means every one.
func choose(names []string) ([]scenario, error) {
	if len(names) == 0 || slices.Contains(names, "all") {
		return scenarios, nil
	}
	var list []scenario
	for _, name := range names {
		at := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no scenario %q; --help lists them", name)
		}
		list = append(list, scenarios[at])
	}
	return list, nil
}

// bench is one run.
type bench struct {
	out        io.Writer
	modes, bin string
	kills      int

	dir      string
	services *rig.Services
	results  []result
}

func (b *bench) open(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "linktor-bench-"); err != nil {
		return err
	}
	if b.bin == "" {
		if b.bin, err = rig.Build(ctx, ".", b.dir); err != nil {
			return err
		}
	}
	b.services, err = rig.StartServices(ctx, b.dir)
	return err
}

func (b *bench) close() error {
	if b.services != nil {
		b.services.Stop()
	}
	return os.RemoveAll(b.dir)
}

// each runs fn for every database that was asked for.
func (b *bench) each(fn func(mode string) error) error {
	for mode := range strings.SplitSeq(b.modes, ",") {
		if err := fn(mode); err != nil {
			return fmt.Errorf("%s: %w", mode, err)
		}
	}
	return nil
}
