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
	"syscall"

	"github.com/linktor/linktor/internal/bench/bare"
)

// scenario is something to measure.
type scenario struct {
	name, help string
	run        func(*bench, context.Context) error
}

var scenarios = []scenario{
	{"redis", "calls/s of Redis, a limit", (*bench).redis},
	{"ingest", "signed webhooks over 32 connections, four mixes: messages/s committed, p50, p99, memory", (*bench).ingest},
	{"send", "API call to the provider's acceptance: messages/s, and p50, p99 at 200/s", (*bench).send},
	{"latency", "webhook to WebSocket frame at 500 messages/s: p50, p99", (*bench).latency},
	{"fanout", "one message to 1,000, 5,000 and 10,000 WebSocket clients: p50, p99, frames/s, memory", (*bench).fanout},
	{"idle", "memory of the server with idle WebSocket clients", (*bench).idle},
	{"replay", "the event log again from its start: GET /events and sockets that resume, events/s", (*bench).replay},
	{"growth", "ingest and lists with 0 and a million stored messages (--long: 10 million)", (*bench).growth},
	{"start", "start to ready on an existing database", (*bench).start},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := run
	if len(os.Args) == 3 && os.Args[1] == "bare" { // rig.StartBare
		run = func(ctx context.Context, args []string, out, _ io.Writer) error { return bare.Serve(ctx, args[1], out) }
	}
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	modes, bin, figures, profile string
	quick, long                  bool
}

func parseOptions(args []string, log io.Writer) (o options, names []string, err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(log)
	fs.StringVar(&o.modes, "modes", "postgres,sqlite", "databases to measure on")
	fs.StringVar(&o.bin, "bin", "", "server to measure; built from this module if empty")
	fs.StringVar(&o.figures, "json", "", "file for the figures")
	fs.StringVar(&o.profile, "profile", "", "folder for a profile of the server in each scenario, with a text of what used most")
	fs.BoolVar(&o.quick, "quick", false, "short rounds: some 3 minutes in all, for orders of magnitude")
	fs.BoolVar(&o.long, "long", false, fmt.Sprintf("growth up to %s stored messages as well", amount(longGrowth)))
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: bench [flags] all | scenario…\n\nscenarios:")
		for _, s := range scenarios {
			fmt.Fprintf(fs.Output(), "  %-8s %s\n", s.name, s.help)
		}
		fmt.Fprintln(fs.Output(), "\nflags:")
		fs.PrintDefaults()
	}
	names, err = parse(fs, args)
	return o, names, err
}

// parse reads flags wherever they stand among the names of scenarios.
func parse(fs *flag.FlagSet, args []string) (names []string, err error) {
	for err = fs.Parse(args); err == nil && fs.NArg() > 0; err = fs.Parse(fs.Args()[1:]) {
		names = append(names, fs.Arg(0))
	}
	return names, err
}

// choose returns the named scenarios; all means every one of the list scenarios.
func choose(names []string) ([]scenario, error) {
	if len(names) == 0 {
		return scenarios, nil
	}
	var list []scenario
	for _, name := range names {
		if name == "all" {
			list = append(list, scenarios...)
			continue
		}
		at := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no scenario %q; --help lists them", name)
		}
		list = append(list, scenarios[at])
	}
	return list, nil
}

// run measures, then prints one table: also of what was measured before something
// failed.
func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	o, names, err := parseOptions(args, log)
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
	b := &bench{out: out, log: log, options: o, scale: o.scale()}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	for _, s := range chosen {
		b.scenario = s.name
		if err = s.run(b, ctx); err != nil {
			err = fmt.Errorf("%s: %w", s.name, err)
			break
		}
	}
	return errors.Join(err, b.write(context.WithoutCancel(ctx)))
}

// write prints the table and writes the file of figures.
func (b *bench) write(ctx context.Context) error {
	m := b.machine(ctx)
	fmt.Fprintf(b.out, "%s\n", m)
	if err := writeTable(b.out, b.results); err != nil || b.figures == "" {
		return err
	}
	data, err := json.MarshalIndent(struct {
		Machine machine  `json:"machine"`
		Results []result `json:"results"`
	}{m, b.results}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(b.figures, append(data, '\n'), 0o644)
}
