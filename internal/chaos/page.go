package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// The marks in the page between which the results stand.
const (
	pageBegin = "<!-- results: written by go run ./internal/chaos --page -->"
	pageEnd   = "<!-- end of results -->"
)

// readResults reads lines of JSON of earlier runs from files, separated by commas. Of
// a scenario and database that is there several times, the last line counts.
func readResults(files string) (results []Result, err error) {
	for path := range strings.SplitSeq(files, ",") {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r Result
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			results = slices.DeleteFunc(results, func(o Result) bool { return o.Scenario == r.Scenario && o.Mode == r.Mode })
			results = append(results, r)
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	order := scenarios()
	place := func(name string) int {
		return slices.IndexFunc(order, func(s Scenario) bool { return s.Name == name })
	}
	slices.SortStableFunc(results, func(a, b Result) int { return place(a.Scenario) - place(b.Scenario) })
	return results, nil
}

// writePage puts results into the page of guarantees, between its marks.
func writePage(path string, results []Result) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(data), pageBegin)
	_, after, closed := strings.Cut(rest, pageEnd)
	if !found || !closed {
		return errors.New(path + " has no marks between which results belong")
	}
	page := before + pageBegin + "\n\n" + resultsTable(results) + resultsFigures(results) + "\n" + pageEnd + after
	return os.WriteFile(path, []byte(page), 0o644)
}

// resultsTable is the results as Markdown.
func resultsTable(results []Result) string {
	known := map[string]Scenario{}
	for _, s := range scenarios() {
		known[s.Name] = s
	}
	var b strings.Builder
	fmt.Fprintln(&b, "| scenario | promise | profile | database | acknowledged | lost | duplicated | reordered | longest recovery | verdict |")
	fmt.Fprintln(&b, "|---|---|---|---|--:|--:|--:|--:|--:|---|")
	last := ""
	for _, r := range results {
		s := known[r.Scenario]
		promise := s.Rules + ": " + s.Promise
		if r.Scenario == last {
			promise = ""
		}
		last = r.Scenario
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %d | %d | %s | %d | %s | %s |\n", r.Scenario, promise, r.Profile, r.Mode, r.Acked, r.Lost, duplicated(r),
			r.Reordered, time.Duration(r.MaxRecoveryMS)*time.Millisecond, r.Verdict)
	}
	return b.String()
}

// duplicated says of repeats how many were marked.
func duplicated(r Result) string {
	switch {
	case r.Duplicated == 0:
		return "0"
	case r.Marked == r.Duplicated:
		return fmt.Sprintf("%d, all marked", r.Duplicated)
	}
	return fmt.Sprintf("%d, %d marked", r.Duplicated, r.Marked)
}

// resultsFigures lists what scenarios measured besides, and what kept them from
// passing.
func resultsFigures(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
			fmt.Fprintf(&b, "- `%s`, %s: %s: %.4g\n", r.Scenario, r.Mode, name, r.Figures[name])
		}
		if r.Verdict != "pass" {
			for _, n := range r.Notes {
				fmt.Fprintf(&b, "- `%s`, %s: %s\n", r.Scenario, r.Mode, n)
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nMeasured besides:\n\n" + b.String()
}
