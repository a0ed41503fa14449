package api

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/linktor/linktor/internal/fault"
)

// PageQuery is embedded in the input of every list. It is exported because huma
// passes over fields of unexported embedded types. Its name is exported because
// huma passes over embedded fields that are not.
type PageQuery struct {
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"25" doc:"Items per page."`
	After string `query:"after" maxLength:"512" doc:"The cursor page.next of the previous page."`
}

// page is the body of every list.
type page[T any] struct {
	Data []T      `json:"data"`
	Page pageInfo `json:"page"`
}

// pageInfo says where the next page starts.
type pageInfo struct {
	Next    *string `json:"next" nullable:"true" doc:"Pass as ?after= for the next page; null on the last."`
	HasMore bool    `json:"hasMore"`
}

type pageOutput[T any] struct{ Body page[T] }

// newPage returns a page of items that were fetched with limit+1: one more than
// asked for means that there are more. key is the sort key of an item.
func newPage[S, T any](items []S, limit int, key func(S) []string, render func(S) T) *pageOutput[T] {
	out := &pageOutput[T]{}
	more := len(items) > limit
	if more {
		items = items[:limit]
		next := encodeCursor(key(items[len(items)-1]))
		out.Body.Page.Next = &next
	}
	out.Body.Page.HasMore = more
	out.Body.Data = make([]T, len(items))
	for i, it := range items {
		out.Body.Data[i] = render(it)
	}
	return out
}

// Cursors are opaque: "v1." and the sort key of the last item, a JSON array in base64url.
const cursorPrefix = "v1."

func encodeCursor(key []string) string {
	raw, _ := json.Marshal(key) // strings cannot fail
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(raw)
}

// decodeCursor returns the sort key with the given number of parts; nil for "".
func decodeCursor(s string, parts int) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(s, cursorPrefix)
	if !ok {
		return nil, badCursor()
	}
	raw, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil {
		return nil, badCursor()
	}
	var key []string
	if err := json.Unmarshal(raw, &key); err != nil || len(key) != parts {
		return nil, badCursor()
	}
	for _, part := range key {
		if !storable(part) {
			return nil, badCursor()
		}
	}
	return key, nil
}

func badCursor() error {
	return fault.New(fault.Malformed, "invalid_cursor", "The cursor is not one of this list's. Start without after.")
}

// lastID is the cursor's key for lists in the order of their ids.
func lastID(after string) (string, error) {
	key, err := decodeCursor(after, 1)
	if err != nil || key == nil {
		return "", err
	}
	return key[0], nil
}
