package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// printTable shows results to people.
func printTable(out io.Writer, results []Result) {
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nscenario\tdatabase\ttook\tacked\tdb\tprovider\tsubscribers\tlost\tdup.\treord.\trecovery\tverdict\t")
	for _, r := range results {
		took := time.Duration(r.DurationMS) * time.Millisecond
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d ms\t%s\t\n", r.Scenario, r.Mode, took.Round(time.Second),
			r.Acked, r.DB, r.Provider, r.Subscribers, r.Lost, r.Duplicated, r.Reordered, r.MaxRecoveryMS, r.Verdict)
	}
	_ = w.Flush() // to a terminal
	for _, r := range results {
		for _, n := range r.Notes {
			fmt.Fprintf(out, "%s (%s): %s\n", r.Scenario, r.Mode, n)
		}
	}
}
