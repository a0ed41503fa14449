package main

import (
	"strings"
	"testing"
)

func TestAmount(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 7: "7", 1000: "1,000", 1234567.4: "1,234,567", -1234: "-1,234", -123: "-123", 99.96: "100.0", 12.34: "12.3", 1.239: "1.24", 0.0123: "0.012",
	} {
		if got := amount(v); got != want {
			t.Errorf("amount(%g) = %q, want %q", v, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	err := writeTable(&b, []result{{"ingest", "postgres", []figure{
		figure{Name: "rate", Value: 5000, Unit: "/s", AtLeast: 7000}.of(20_000, "rows/s").beside(peerIngest),
		{Name: "p99", Value: 12.5, Unit: "ms", AtMost: 20},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"INGEST (postgres)", "5,000 /s", "≥ 7,000 MISSED", "20,000 rows/s", "0.25", "courier 968/s", "≤ 20 "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
