package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// result is what a scenario found.
type result struct {
	Scenario string   `json:"scenario"`
	Mode     string   `json:"mode"`
	Figures  []figure `json:"figures"`
}

// figure is one row of the table.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// AtLeast or AtMost is the target; 0 means that there is none.
	AtLeast float64 `json:"atLeast,omitempty"`
	AtMost  float64 `json:"atMost,omitempty"`
	Zero    bool    `json:"zero,omitempty"` // the target is 0
	// Limit is what the machine does at best, in the same unit and measured in the
	// same run.
	Limit *limit `json:"limit,omitempty"`
	Peer  *peer  `json:"peer,omitempty"`
}

type limit struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Ratio float64 `json:"ratio"` // of the figure to it
}

// of returns f beside a limit.
func (f figure) of(value float64, name string) figure {
	f.Limit = &limit{Name: name, Value: value}
	if value != 0 {
		f.Limit.Ratio = f.Value / value
	}
	return f
}

// beside returns f beside the figure of a peer.
func (f figure) beside(p peer) figure {
	f.Peer = &p
	return f
}

// met reports whether f has a target, and has reached it.
func (f figure) met() (target string, ok bool) {
	switch {
	case f.Zero:
		return "0", f.Value == 0
	case f.AtLeast != 0:
		return "≥ " + amount(f.AtLeast), f.Value >= f.AtLeast
	case f.AtMost != 0:
		return "≤ " + amount(f.AtMost), f.Value <= f.AtMost
	}
	return "", true
}

// report keeps what a scenario found.
func (b *bench) report(scenario, mode string, figures ...figure) error {
	b.results = append(b.results, result{scenario, mode, figures})
	return nil
}

// writeTable writes one table of all results.
func writeTable(out io.Writer, results []result) error {
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	for _, r := range results {
		fmt.Fprintf(w, "\n%s (%s)\tmeasured\ttarget\tlimit of the machine\tratio\tpeer\n", strings.ToUpper(r.Scenario), r.Mode)
		for _, f := range r.Figures {
			target, ok := f.met()
			if !ok {
				target += " MISSED"
			}
			var limit, ratio, peer string
			if f.Limit != nil {
				limit, ratio = amount(f.Limit.Value)+" "+f.Limit.Name, fmt.Sprintf("%.2f", f.Limit.Ratio)
			}
			if f.Peer != nil {
				peer = f.Peer.Name + " " + f.Peer.Value
			}
			fmt.Fprintf(w, "  %s\t%s %s\t%s\t%s\t%s\t%s\n", f.Name, amount(f.Value), f.Unit, target, limit, ratio, peer)
		}
	}
	return w.Flush()
}

// amount writes v with as many digits as mean something, in groups of three.
func amount(v float64) string {
	switch {
	case v == float64(int64(v)) || v >= 100 || v <= -100:
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
