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
	SHA256     string            `json:"sha256"`
	Truncated  bool              `json:"truncated"`  // only the beginning of the body is kept
	Events     int64             `json:"events"`     // items in the body
	Deliveries int64             `json:"deliveries"` // how many times exactly this body came
	ReceivedAt time.Time         `json:"receivedAt"`
	LastAt     *time.Time        `json:"lastAt"`
	AppliedAt  *time.Time        `json:"appliedAt"`
	TookMs     float64           `json:"tookMs"`
	Produced   JournalEvents     `json:"produced"`
	Changed    *bool             `json:"changed"` // only from Replay: whether it led to events
}

// JournalEvents says where the events are that a body led to. Events of others can
// lie between them.
type JournalEvents struct {
	Events   int64 `json:"events"`
	FirstSeq int64 `json:"firstSeq"`
	LastSeq  int64 `json:"lastSeq"`
}

// JournalProblem is an item of a body that could not be applied.
type JournalProblem struct {
	Item   int    `json:"item"` // -1: the whole body
	Reason string `json:"reason"`
}

// JournalFilter selects entries. Empty members select everything.
type JournalFilter struct {
	Paging
	ChannelID string
	State     string    // one or more of applied, partial, failed, separated by commas
	From, To  time.Time // when it was stored; To is not included
	SHA256    string    // of the body, in hex
	MessageID string    // yours or the provider's: the bodies that it and its statuses came in
}

// JournalRange selects entries to apply again.
type JournalRange struct {
	ChannelID string    `json:"channelId,omitempty"`
	State     string    `json:"state,omitempty"` // as in JournalFilter
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
	Limit     int       `json:"limit,omitempty"` // bodies of one call, at most 500
	After     string    `json:"after,omitempty"` // Next of the answer before
}

// JournalReplay says what one step of a replay did.
type JournalReplay struct {
	Replayed int `json:"replayed"`
	Changed  int `json:"changed"` // those that led to events; of the others everything was known
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"` // those of which only the beginning is kept
	Problems []struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	} `json:"problems"`
	HasMore bool   `json:"hasMore"` // call again with Next as After
	Next    string `json:"next"`
}

// Journal are the calls about the webhook bodies of the providers.
type Journal struct{ t *transport }

// List returns a page of entries.
func (j Journal) List(ctx context.Context, f JournalFilter, options ...CallOption) (*Page[JournalEntry], error) {
	query := values("channelId", f.ChannelID, "state", f.State, "from", instant(f.From), "to", instant(f.To), "sha256", f.SHA256, "messageId", f.MessageID)
	return list[JournalEntry](ctx, j.t, path("journal"), f.Paging, query, options)
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

// ReplayRange applies the bodies of a range again, oldest first. A call is one step:
// call it again with Next as After until HasMore is false.
func (j Journal) ReplayRange(ctx context.Context, r JournalRange, options ...CallOption) (*JournalReplay, error) {
	return fetch[JournalReplay](ctx, j.t, http.MethodPost, path("journal", "replay"), r, options)
}
