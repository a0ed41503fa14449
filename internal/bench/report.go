package main

import (
	"fmt"
	"text/tabwriter"
)

// result is what a scenario found.
type result struct {
	Scenario string   `json:"scenario"`
	Mode     string   `json:"mode"`
	Figures  []figure `json:"figures"`
}

type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// AtLeast or AtMost is the target; 0 means that there is none.
	AtLeast float64 `json:"atLeast,omitempty"`
	AtMost  float64 `json:"atMost,omitempty"`
	Zero    bool    `json:"zero,omitempty"` // the target is 0
}

func (f figure) target() string {
	switch {
	case f.Zero && f.Value == 0:
		return "0, met"
	case f.Zero:
		return "0, MISSED"
	case f.AtLeast != 0 && f.Value >= f.AtLeast:
		return fmt.Sprintf("≥ %g, met", f.AtLeast)
	case f.AtLeast != 0:
		return fmt.Sprintf("≥ %g, MISSED", f.AtLeast)
	case f.AtMost != 0 && f.Value <= f.AtMost:
		return fmt.Sprintf("≤ %g, met", f.AtMost)
	case f.AtMost != 0:
		return fmt.Sprintf("≤ %g, MISSED", f.AtMost)
	}
	return ""
}

func (b *bench) report(scenario, mode string, figures ...figure) error {
	b.results = append(b.results, result{scenario, mode, figures})
	fmt.Fprintf(b.out, "\n%s (%s)\n", scenario, mode)
	w := tabwriter.NewWriter(b.out, 2, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range figures {
		fmt.Fprintf(w, "  %s\t%.*f\t%s\t%s\t\n", f.Name, decimals(f.Value), f.Value, f.Unit, f.target())
	}
	return w.Flush()
}

func decimals(v float64) int {
	switch {
	case v == float64(int64(v)) || v >= 100:
		return 0
	case v >= 10:
		return 1
	}
	return 2
}
