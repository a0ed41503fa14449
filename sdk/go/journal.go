package linktor

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// JournalEntry is one webhook body of a provider, as received.
type JournalEntry struct {
	ID         string            `json:"id"`
	ChannelID  string            `json:"channelId"`
	State      string            `json:"state"` // applied, partial, failed
	Problems   []JournalProblem  `json:"problems"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`       // only from Get
	BodyBase64 []byte            `json:"bodyBase64"` // only from Get, if it is not text
	Size       int64             `json:"size"`
	Events     int64             `json:"events"`
	Deliveries int64             `json:"deliveries"` // how many times exactly this body came
	ReceivedAt time.Time         `json:"receivedAt"`
	LastAt     *time.Time        `json:"lastAt"`
	AppliedAt  *time.Time        `json:"appliedAt"`
}

// JournalProblem is an item of a body that could not be applied.
type JournalProblem struct {
	Item   int    `json:"item"` // -1: the whole body
	Reason string `json:"reason"`
}

// JournalFilter selects entries. Empty members select everything.
type JournalFilter struct {
	Paging
	ChannelID, State string
}

// Journal are the calls about the webhook bodies of the providers.
type Journal struct{ t *transport }

// List returns a page of entries.
func (j Journal) List(ctx context.Context, f JournalFilter, options ...CallOption) (*Page[JournalEntry], error) {
	return list[JournalEntry](ctx, j.t, path("journal"), f.Paging, values("channelId", f.ChannelID, "state", f.State), options)
}

// All yields every entry that List would, page after page.
func (j Journal) All(ctx context.Context, f JournalFilter, options ...CallOption) iter.Seq2[JournalEntry, error] {
	return all(ctx, func() (*Page[JournalEntry], error) { return j.List(ctx, f, options...) })
}

// Get returns an entry with its body.
func (j Journal) Get(ctx context.Context, id string, options ...CallOption) (*JournalEntry, error) {
	return fetch[JournalEntry](ctx, j.t, http.MethodGet, path("journal", id), nil, options)
}

// Replay applies a body again, for instance one that failed. Nothing is stored twice.
func (j Journal) Replay(ctx context.Context, id string, options ...CallOption) (*JournalEntry, error) {
	return fetch[JournalEntry](ctx, j.t, http.MethodPost, path("journal", id, "replay"), nothing, options)
}
