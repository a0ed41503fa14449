package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// The marks in the page between which the results stand.
const (
	pageBegin = "<!-- results: written by go run ./internal/chaos --page -->"
	pageEnd   = "<!-- end of results -->"
)

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
	return os.WriteFile(path, []byte(before+pageBegin+"\n\n"+resultsTable(results)+"\n"+pageEnd+after), 0o644)
}

// resultsTable is the results as Markdown.
func resultsTable(results []Result) string {
	rules := map[string]Scenario{}
	for _, s := range scenarios() {
		rules[s.Name] = s
	}
	var b strings.Builder
	fmt.Fprintln(&b, "| scenario | promise | database | acknowledged | lost | duplicated | reordered | longest recovery | verdict |")
	fmt.Fprintln(&b, "|---|---|---|--:|--:|--:|--:|--:|---|")
	last := ""
	for _, r := range results {
		promise := rules[r.Scenario].Promise
		if r.Scenario == last {
			promise = ""
		}
		last = r.Scenario
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d | %d | %d | %d | %s | %s |\n", r.Scenario, promise, r.Mode, r.Acked, r.Lost, r.Duplicated,
			r.Reordered, time.Duration(r.MaxRecoveryMS)*time.Millisecond, r.Verdict)
	}
	return b.String()
}
