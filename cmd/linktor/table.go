package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table writes aligned columns, unless the output is JSON.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, json bool, heads ...string) table {
	if json {
		return table{}
	}
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(heads...)
	return t
}

func (t table) row(cells ...string) {
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t table) flush() error {
	if t.w == nil {
		return nil
	}
	return t.w.Flush()
}

// pageSize is how many rows a command asks for at once.
const pageSize = 100

// everyPage calls fn with each item of all pages of a list that is ordered by id.
func everyPage[T any](list func(after string) ([]T, error), idOf func(T) string, fn func(T) error) error {
	after := ""
	for {
		page, err := list(after)
		if err != nil {
			return err
		}
		for _, item := range page {
			if err := fn(item); err != nil {
				return err
			}
			after = idOf(item)
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

// stamp writes t as the API does; nil for the zero time.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
