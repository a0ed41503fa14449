package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		stop()
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	profile, mode, bin, json, page string
	from                           string
	seed                           uint64
	keep                           bool
	together                       int
	names                          []string
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("chaos", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&o.profile, "profile", short, "short or long")
	fs.StringVar(&o.mode, "mode", "both", "database: postgres, sqlite or both")
	fs.StringVar(&o.bin, "bin", "", "server to torment, built with the tag chaos; built from this module if empty")
	fs.StringVar(&o.json, "json", "", "file to which the lines of JSON are written as well")
	fs.StringVar(&o.page, "page", "", "page of guarantees whose table of results is rewritten")
	fs.StringVar(&o.from, "from", "", "files with lines of earlier runs, separated by commas, to show instead of running anything")
	fs.Uint64Var(&o.seed, "seed", 0, "of everything random; 0 means another one each time")
	fs.IntVar(&o.together, "together", 3, "how many run at the same time: most of them mostly wait")
	fs.BoolVar(&o.keep, "keep", false, "keep the files of the servers")
	fs.Usage = func() {
		fmt.Fprintln(out, "usage: chaos [flags] all | scenario…\n\nscenarios:")
		for _, s := range scenarios() {
			fmt.Fprintf(out, "  %-18s %s (%s)\n", s.Name, s.Promise, s.Rules)
		}
		fmt.Fprintln(out, "\nflags:")
		fs.PrintDefaults()
	}
	var err error
	for err = fs.Parse(args); err == nil && fs.NArg() > 0; err = fs.Parse(fs.Args()[1:]) { // flags stand anywhere
		o.names = append(o.names, fs.Arg(0))
	}
	if err == nil && (o.profile != short && o.profile != long || !slices.Contains([]string{"both", world.Postgres, world.SQLite}, o.mode) || o.together < 1) {
		err = errors.New("--profile is short or long, --mode is postgres, sqlite or both, --together is at least 1")
	}
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 12 // exact in any reader of JSON
	}
	return o, err
}

// choose returns the named scenarios; all means every one of the profile.
func choose(o options) ([]Scenario, error) {
	var list []Scenario
	if len(o.names) == 0 || slices.Contains(o.names, "all") {
		for _, s := range scenarios() {
			if !s.Long || o.profile == long {
				list = append(list, s)
			}
		}
		return list, nil
	}
	for _, name := range o.names {
		at := slices.IndexFunc(scenarios(), func(s Scenario) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no scenario %q; --help lists them", name)
		}
		list = append(list, scenarios()[at])
	}
	return list, nil
}

func run(ctx context.Context, args []string, out, table io.Writer) (err error) {
	o, err := parse(args, table)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	if o.from != "" {
		results, err := readResults(o.from)
		if err != nil {
			return err
		}
		return finish(o, results, table)
	}
	dir, err := os.MkdirTemp("", "linktor-chaos-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Fprintln(table, "files:", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	began := time.Now()
	results, err := torment(ctx, o, chosen, dir, out)
	if err != nil {
		return err
	}
	err = finish(o, results, table)
	fmt.Fprintf(table, "%d scenarios in %s\n", len(results), time.Since(began).Round(time.Second))
	return err
}

// finish shows the results; an error says that a promise was not kept.
func finish(o options, results []Result, table io.Writer) error {
	printTable(table, results)
	if o.page != "" {
		if err := writePage(o.page, results); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(results, func(r Result) bool { return r.Verdict == "fail" }) {
		return errors.New("not every promise was kept")
	}
	return nil
}

// torment starts what the scenarios need, runs them, some of them at the same time,
// and prints their lines.
func torment(ctx context.Context, o options, chosen []Scenario, dir string, out io.Writer) (results []Result, err error) {
	if o.bin == "" {
		if o.bin, err = rig.Build(ctx, ".", dir, "-tags", "chaos"); err != nil {
			return nil, err
		}
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return nil, err
	}
	if o.json != "" {
		file, err := os.Create(o.json)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		out = io.MultiWriter(out, file)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
		return nil, err
	}
	var postgres *rig.Postgres
	if o.mode != world.SQLite {
		if postgres, err = rig.StartPostgres(ctx, filepath.Join(dir, "cluster")); err != nil {
			return nil, err
		}
		defer postgres.Stop()
	}
	var trials []*Trial
	for _, s := range chosen {
		for _, mode := range s.modes() {
			if o.mode == "both" || o.mode == mode {
				trials = append(trials, &Trial{Mode: mode, Profile: o.profile, Seed: o.seed, scenario: s, bin: o.bin, dir: dir, postgres: postgres})
			}
		}
	}
	if len(trials) == 0 {
		return nil, fmt.Errorf("none of these runs on %s: %s", o.mode, strings.Join(o.names, " "))
	}
	return runAll(ctx, trials, o.together, out)
}

// runAll runs several trials at a time, and then those that must be alone, and
// returns their results in the order of trials. A line is printed as each one ends.
func runAll(ctx context.Context, trials []*Trial, together int, out io.Writer) ([]Result, error) {
	results := make([]Result, len(trials))
	var mu sync.Mutex
	var failed error
	one := func(i int) {
		r := trials[i].run(ctx)
		line, err := json.Marshal(r)
		mu.Lock()
		defer mu.Unlock()
		results[i] = r
		failed = errors.Join(failed, err)
		fmt.Fprintln(out, string(line))
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, together)
	for i, t := range trials {
		if !t.scenario.Alone {
			slots <- struct{}{}
			wg.Go(func() {
				one(i)
				<-slots
			})
		}
	}
	wg.Wait()
	for i, t := range trials {
		if t.scenario.Alone {
			one(i)
		}
	}
	return results, errors.Join(failed, ctx.Err())
}
