package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// Profiles: short takes minutes and runs before each merge, long takes hours.
const (
	short = "short"
	long  = "long"
)

// Scenario is something that happens to a world.
type Scenario struct {
	Name    string
	Rules   string   // numbers in the list of promises, such as "R1, R2"
	Promise string   // one sentence for docs/explanation/guarantees.md
	Modes   []string // databases on which it makes sense; nil means both
	Long    bool     // only in the long profile
	Alone   bool     // nothing else may run beside it: it harms PostgreSQL itself, or measures times
	Run     func(ctx context.Context, t *Trial) error
}

var both = []string{world.Postgres, world.SQLite}

func (s *Scenario) modes() []string {
	if s.Modes == nil {
		return both
	}
	return s.Modes
}

// scenarios lists all of them in the order in which they run.
func scenarios() []Scenario { return slices.Concat(durability(), behaviour()) }

// Result is the line of JSON that a scenario ends with.
type Result struct {
	Scenario      string   `json:"scenario"`
	Mode          string   `json:"mode"`
	Profile       string   `json:"profile"`
	Seed          uint64   `json:"seed"`
	DurationMS    int64    `json:"durationMs"`
	Acked         int      `json:"acked"`       // webhooks and sends that clients were told are safe
	DB            int      `json:"db"`          // messages in the database
	Provider      int      `json:"provider"`    // different messages that the provider took
	Subscribers   int      `json:"subscribers"` // events that sockets saw, all together
	Lost          int      `json:"lost"`
	Duplicated    int      `json:"duplicated"`
	Marked        int      `json:"marked"` // of the duplicated: messages that say so, which do not count against a verdict that allows them
	Reordered     int      `json:"reordered"`
	MaxRecoveryMS int64    `json:"maxRecoveryMs"` // from a fault until a request was acknowledged again
	Verdict       string   `json:"verdict"`       // pass, fail or, where this machine cannot, not run
	Notes         []string `json:"notes"`

	Figures map[string]float64 `json:"figures,omitempty"` // by name with unit, of this scenario alone
}

// shortWait is how long reports on an uncertain send are awaited in the short
// profile. Providers of scenarios report within seconds.
const shortWait = 12 * time.Second

// Trial is one run of a scenario on one database.
type Trial struct {
	Mode, Profile string
	Seed          uint64
	Result        Result

	scenario Scenario
	bin, dir string
	postgres *rig.Postgres
	mu       sync.Mutex // of worlds and Result
	worlds   []*world.World
	failed   bool
	skipped  bool
	probes   int
}

// Pick returns the number for the profile.
func (t *Trial) Pick(inShort, inLong int) int {
	if t.Profile == long {
		return inLong
	}
	return inShort
}

// For returns the time for the profile.
func (t *Trial) For(inShort, inLong time.Duration) time.Duration {
	return time.Duration(t.Pick(int(inShort), int(inLong)))
}

// World opens a world, which is closed when the scenario has ended.
func (t *Trial) World(ctx context.Context, o world.Options) (*world.World, error) {
	o.Bin, o.Mode, o.Postgres, o.Seed = t.bin, t.Mode, t.postgres, t.Seed
	if o.Dir == "" {
		o.Dir = filepath.Join(t.dir, t.Result.Scenario)
	}
	if o.Customers == 0 {
		o.Customers = t.Pick(300, 1500) // few enough, and one of them would get more than the pair limit allows
	}
	if t.Profile == short { // the default, 120 s, would make up most of it
		o.Env = append([]string{fmt.Sprintf("LINKTOR_UNCERTAIN_WAIT=%s", shortWait)}, o.Env...)
	}
	w, err := world.Open(ctx, o)
	if err == nil {
		t.mu.Lock()
		t.worlds = append(t.worlds, w)
		t.mu.Unlock()
	}
	return w, err
}

// Expect fails the scenario, with a reason, unless ok.
func (t *Trial) Expect(ok bool, reason string, args ...any) {
	if !ok {
		t.Note("FAILED: "+reason, args...)
		t.mu.Lock()
		t.failed = true
		t.mu.Unlock()
	}
}

// Skip says why the scenario cannot run on this machine. That is shown in every
// table; it is a failure where CI is set, since nobody looks at the table there.
func (t *Trial) Skip(reason string, args ...any) error {
	t.skipped = true
	t.Expect(os.Getenv("CI") == "", "in CI every scenario must run")
	t.Note("NOT RUN: "+reason, args...)
	return nil
}

// Note adds a sentence for readers.
func (t *Trial) Note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Result.Notes = append(t.Result.Notes, fmt.Sprintf(format, args...))
}

// Count keeps a figure; its name says the unit.
func (t *Trial) Count(name string, v float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Result.Figures == nil {
		t.Result.Figures = map[string]float64{}
	}
	t.Result.Figures[name] = v
}

// allow says which findings of an audit are no failure of a scenario.
type allow struct {
	marked bool // messages at the provider twice, if they are marked possibleDuplicate
	unsent bool // messages that ended failed or expired
}

// Audit compares the ledgers of w, adds them to the result, and fails the scenario
// for everything that is not allowed.
func (t *Trial) Audit(ctx context.Context, w *world.World, fleet *world.Fleet, ok allow) (*world.Audit, error) {
	a, err := w.Audit(ctx, fleet)
	if err != nil {
		return nil, err
	}
	t.add(w, a)
	t.judge(a, ok)
	return a, nil
}

// add puts the figures of a into the line.
func (t *Trial) add(w *world.World, a *world.Audit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.Result
	r.Acked += a.AckedInbound + a.AckedSends
	r.DB += a.Inbound + a.Outbound
	r.Provider += a.Taken
	r.Subscribers += a.Seen.Events
	r.Lost += a.LostInbound + a.LostSends + a.LostReports + a.LostEvents
	r.Duplicated += a.DuplicatedInbound + a.DuplicatedSends
	r.Marked += a.Marked
	r.Reordered += a.Reordered
	longest, _ := w.Recovery()
	r.MaxRecoveryMS = max(r.MaxRecoveryMS, longest.Milliseconds())
}

// judge fails the scenario for what a says that is not allowed.
func (t *Trial) judge(a *world.Audit, ok allow) {
	zero := func(n int, what string) { t.Expect(n == 0, "%d %s", n, what) }
	zero(a.LostInbound, "webhooks lost")
	zero(a.LostSends, "sends lost")
	zero(a.LostReports, "reports of the provider lost")
	zero(a.OpenReports, "reports of the provider that were not taken or look for their message")
	zero(a.LostEvents, "events lost")
	zero(a.GivenUp, "requests given up before they were acknowledged")
	zero(len(a.Died), strings.Join(a.Died, "; "))
	zero(len(a.Unrecovered), "faults after which nothing was acknowledged: "+strings.Join(a.Unrecovered, ", "))
	zero(a.DuplicatedInbound, "inbound messages twice")
	zero(a.EventGaps, "gaps in the event log")
	zero(a.Seen.Gaps, "gaps on sockets that nobody announced")
	zero(len(a.Rejected), "sends refused, such as "+strings.Join(a.Rejected[:min(1, len(a.Rejected))], ""))
	t.Expect(a.Broken == "", "the database is broken: %s", a.Broken)
	if ok.marked {
		zero(a.DuplicatedSends-a.Marked, "messages at the provider twice without a mark")
	} else {
		zero(a.DuplicatedSends, "messages at the provider twice")
	}
	if !ok.unsent {
		zero(a.Unsent, "messages ended unsent")
	}
	zero(a.Open, "sends are stuck, as "+strings.Join(a.OpenAs, ", "))
	zero(a.Reordered, "messages overtook another")
	zero(a.Seen.Resets, "resets")
}

// run carries out the scenario and returns its line.
func (t *Trial) run(ctx context.Context) Result {
	began := time.Now()
	t.Result = Result{Scenario: t.scenario.Name, Mode: t.Mode, Profile: t.Profile, Seed: t.Seed, Notes: []string{}}
	err := t.scenario.Run(ctx, t)
	t.Result.DurationMS = time.Since(began).Milliseconds()
	if err = errors.Join(err, ctx.Err()); err != nil {
		t.Expect(false, "it could not be carried out: %v", err)
		for _, w := range t.worlds {
			t.Result.Notes = append(t.Result.Notes, w.Logs()...)
		}
	}
	for _, w := range t.worlds {
		w.Close()
	}
	switch {
	case t.failed:
		t.Result.Verdict = "fail"
	case t.skipped:
		t.Result.Verdict = "not run"
	default:
		t.Result.Verdict = "pass"
	}
	return t.Result
}
