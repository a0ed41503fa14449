package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linktor/linktor/internal/chaos/world"
)

// Ensure that each finding of an audit fails a scenario, unless it is allowed.
func TestJudge(t *testing.T) {
	tests := []struct {
		name    string
		found   world.Audit
		allowed allow
		fails   bool
	}{
		{"nothing", world.Audit{AckedInbound: 5, Inbound: 5}, allow{}, false},
		{"a webhook lost", world.Audit{LostInbound: 1}, allow{true, true}, true},
		{"a send lost", world.Audit{LostSends: 1}, allow{true, true}, true},
		{"an event lost", world.Audit{LostEvents: 1}, allow{true, true}, true},
		{"a report lost", world.Audit{LostReports: 1}, allow{true, true}, true},
		{"a report that waits", world.Audit{OpenReports: 1}, allow{true, true}, true},
		{"given up", world.Audit{GivenUp: 1}, allow{true, true}, true},
		{"a server died", world.Audit{Died: []string{"panic"}}, allow{true, true}, true},
		{"never recovered", world.Audit{Unrecovered: []string{"kill"}}, allow{true, true}, true},
		{"stored twice", world.Audit{DuplicatedInbound: 1}, allow{true, true}, true},
		{"a gap", world.Audit{Seen: world.Sightings{Gaps: 1}}, allow{true, true}, true},
		{"a hole in the log", world.Audit{EventGaps: 1}, allow{true, true}, true},
		{"a broken file", world.Audit{Broken: "row 1 is missing"}, allow{true, true}, true},
		{"sent twice, marked", world.Audit{DuplicatedSends: 1, Marked: 1}, allow{}, true},
		{"sent twice, marked, allowed", world.Audit{DuplicatedSends: 1, Marked: 1}, allow{marked: true}, false},
		{"sent twice, unmarked", world.Audit{DuplicatedSends: 2, Marked: 1}, allow{marked: true}, true},
		{"stuck", world.Audit{Open: 1}, allow{}, true},
		{"unsent, allowed", world.Audit{Unsent: 1}, allow{unsent: true}, false},
		{"unsent", world.Audit{Unsent: 1}, allow{}, true},
		{"reordered", world.Audit{Reordered: 1}, allow{}, true},
		{"reset", world.Audit{Seen: world.Sightings{Resets: 1}}, allow{}, true},
		{"refused", world.Audit{Rejected: []string{"422"}}, allow{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trial := &Trial{scenario: Scenario{Name: "test", Run: func(_ context.Context, trial *Trial) error {
				trial.judge(&tt.found, tt.allowed)
				return nil
			}}}
			if r := trial.run(t.Context()); (r.Verdict == "fail") != tt.fails || tt.fails != (len(r.Notes) > 0) {
				t.Errorf("verdict %s, notes %q", r.Verdict, r.Notes)
			}
		})
	}
}

func TestSkipIsSeen(t *testing.T) {
	trial := &Trial{scenario: Scenario{Run: func(_ context.Context, trial *Trial) error { return trial.Skip("no disk") }}}
	t.Setenv("CI", "")
	if r := trial.run(t.Context()); r.Verdict != "not run" || len(r.Notes) != 1 {
		t.Errorf("got %+v", r)
	}
	t.Setenv("CI", "true")
	if r := trial.run(t.Context()); r.Verdict != "fail" {
		t.Errorf("in CI, got %+v; want a failure", r)
	}
}

// Every scenario has what the page of guarantees needs, and a name of its own.
func TestScenarios(t *testing.T) {
	var names []string
	for _, s := range scenarios() {
		if s.Promise == "" || !strings.HasSuffix(s.Promise, ".") || s.Run == nil || !regexp.MustCompile(`^R\d+(, R\d+)*$`).MatchString(s.Rules) {
			t.Errorf("%s: promise %q, rules %q", s.Name, s.Promise, s.Rules)
		}
		if slices.Contains(names, s.Name) {
			t.Errorf("two scenarios are called %s", s.Name)
		}
		names = append(names, s.Name)
	}
	if _, err := choose(options{names: []string{"kil"}}); err == nil {
		t.Error("a misspelt scenario was accepted")
	}
}

func TestWritePage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("before\n"+pageBegin+"\nold\n"+pageEnd+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writePage(path, []Result{{Scenario: "kill", Mode: "sqlite", Acked: 7, Verdict: "pass"}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	if strings.Contains(page, "old") || !strings.HasPrefix(page, "before\n") || !strings.HasSuffix(page, "\nafter\n") || !strings.Contains(page, "| 7 |") {
		t.Errorf("got %s", page)
	}
}

// The page of guarantees says what each number of a scenario promises.
func TestPromisesAreListed(t *testing.T) {
	page, err := os.ReadFile("../../docs/explanation/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios() {
		for number := range strings.SplitSeq(s.Rules, ", ") {
			if !strings.Contains(string(page), "\n| "+number+" | ") {
				t.Errorf("%s proves %s, which the page does not list", s.Name, number)
			}
		}
	}
}

// Of several lines about one scenario the page shows the last, and of repeats how many
// were marked.
func TestReadResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	lines := `{"scenario":"kill","mode":"sqlite","verdict":"fail"}
{"scenario":"crash-silent","mode":"sqlite","duplicated":3,"marked":2}
{"scenario":"kill","mode":"sqlite","verdict":"pass"}
`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readResults(path)
	if err != nil || len(got) != 2 || got[0].Verdict != "pass" || duplicated(got[1]) != "3, 2 marked" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The members of a line of JSON are what others read.
func TestLine(t *testing.T) {
	data, err := json.Marshal(Result{Notes: []string{}})
	const want = `{"scenario":"","mode":"","profile":"","seed":0,"durationMs":0,"acked":0,"db":0,"provider":0,"subscribers":0,` +
		`"lost":0,"duplicated":0,"marked":0,"reordered":0,"maxRecoveryMs":0,"verdict":"","notes":[]}`
	if err != nil || string(data) != want {
		t.Errorf("got %s, %v", data, err)
	}
}
