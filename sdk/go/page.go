package linktor

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Paging is part of the parameters of every list.
type Paging struct {
	Limit int    // items per page, 1 to 100; 0 is the server's default, 25
	After string // start after this cursor
}

// Page is one page of a list.
type Page[T any] struct {
	Data   []T
	Next   string // the cursor to pass as After; empty on the last page
	Cursor string // events only: the position behind this page
	Reset  *Reset // events only: the page does not begin right behind After

	more func(ctx context.Context, after string) (*Page[T], error)
}

// Reset says that events are missing: older than the log keeps (retention), or
// numbered in another log (epoch).
type Reset struct {
	Reason   string
	From, To int64 // the first and the last number that is missing
}

// HasNext reports whether there is another page.
func (p *Page[T]) HasNext() bool { return p.Next != "" }

// NextPage fetches the next page. It fails if there is none.
func (p *Page[T]) NextPage(ctx context.Context) (*Page[T], error) {
	if !p.HasNext() {
		return nil, errors.New("linktor: there is no next page; ask HasNext first")
	}
	return p.more(ctx, p.Next)
}

// list fetches a page.
func list[T any](ctx context.Context, t *transport, path string, p Paging, query url.Values, options []CallOption) (*Page[T], error) {
	if query == nil {
		query = url.Values{}
	}
	if p.Limit > 0 {
		query.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.After != "" {
		query.Set("after", p.After)
	}
	var body struct {
		Data []T
		Page struct {
			Next    *string
			HasMore bool
		}
		Cursor string
		Reset  *Reset
	}
	if err := t.do(ctx, http.MethodGet, path, query, nil, &body, options); err != nil {
		return nil, err
	}
	page := &Page[T]{Data: body.Data, Cursor: body.Cursor, Reset: body.Reset}
	if body.Page.HasMore && body.Page.Next != nil {
		page.Next = *body.Page.Next
	}
	page.more = func(ctx context.Context, after string) (*Page[T], error) {
		return list[T](ctx, t, path, Paging{p.Limit, after}, query, options)
	}
	return page, nil
}

// all yields every item from the page that first fetches on. An error ends it.
func all[T any](ctx context.Context, first func() (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		page, err := first()
		for err == nil {
			for _, item := range page.Data {
				if !yield(item, nil) {
					return
				}
			}
			if !page.HasNext() {
				return
			}
			page, err = page.NextPage(ctx)
		}
		var none T
		yield(none, err)
	}
}

// values builds a query from pairs; empty values are left out.
func values(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// instant is t in a query; the zero time is left out.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// path joins parts below /api/v1, each escaped. An empty part is replaced, so
// that a missing id can never address the collection.
func path(parts ...string) string {
	var b strings.Builder
	b.WriteString("/api/v1")
	for _, p := range parts {
		if p == "" {
			p = "missing-id"
		}
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}
