package api

import (
	"time"

	"github.com/linktor/linktor/internal/fault"
)

// rfc3339 writes t in UTC with milliseconds, as every time in the API; the zero
// time is empty, which leaves an optional field out.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// parseOptionalTime reads a time of a request; empty is the zero time.
func parseOptionalTime(s, pointer string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fault.Field(pointer, "invalid", "The value must be a time as in RFC 3339, such as 2026-11-21T10:00:00Z.")
	}
	return t, nil
}
