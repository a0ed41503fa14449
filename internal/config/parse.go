package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse puts text into the field of c. Its errors do not repeat the text, which
// may be a secret in the wrong place.
func (f *Field) parse(c *Config, text string) error {
	field := reflect.ValueOf(c).Elem().Field(f.index)
	switch v := field.Addr().Interface().(type) {
	case *string:
		if len(f.OneOf) > 0 && !slices.Contains(f.OneOf, text) {
			return fmt.Errorf("must be %s", orList(f.OneOf))
		}
		*v = text
	case *Secret:
		*v = Secret(text)
	case *[]string:
		*v = split(text)
	case *[]netip.Prefix:
		*v = nil
		for _, s := range split(text) {
			p, err := parsePrefix(s)
			if err != nil {
				return errors.New("must be address ranges such as 10.20.0.0/16, separated by commas")
			}
			*v = append(*v, p)
		}
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("must be a duration such as 90s, 5m or 168h")
		}
		return bounded(f, v, d, func(s string) time.Duration { d, _ := time.ParseDuration(s); return d })
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("must be a whole number")
		}
		return bounded(f, v, n, func(s string) int { n, _ := strconv.Atoi(s); return n })
	case *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return errors.New("must be a whole number")
		}
		return bounded(f, v, n, func(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n })
	case *float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n != n {
			return errors.New("must be a number")
		}
		return bounded(f, v, n, func(s string) float64 { n, _ := strconv.ParseFloat(s, 64); return n })
	default:
		return fmt.Errorf("settings cannot have the type %s", field.Type())
	}
	return nil
}

// bounded sets *dst to v if it lies within f's min and max, which TestFields has
// checked to be parsable.
func bounded[T int | int64 | float64 | time.Duration](f *Field, dst *T, v T, parse func(string) T) error {
	if f.min != "" && v < parse(f.min) {
		return fmt.Errorf("must be at least %s", f.min)
	}
	if f.max != "" && v > parse(f.max) {
		return fmt.Errorf("must be at most %s", f.max)
	}
	*dst = v
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func split(text string) []string {
	var parts []string
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, s)
		}
	}
	return parts
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// suggest returns "; did you mean X?" for the name nearest to got, or nothing if
// none is near.
func suggest(got string, names []string) string {
	best, distance := "", 1+len(got)/3
	for _, n := range names {
		if d := edits(strings.ToLower(got), strings.ToLower(n)); d <= distance {
			best, distance = n, d-1
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// edits is the Levenshtein distance of a and b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
