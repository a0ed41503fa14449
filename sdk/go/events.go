package linktor

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Event is an event as every consumer gets it: realtime, webhook and log.
type Event struct {
	ID         string          `json:"id"`
	Seq        int64           `json:"seq"` // its place in the log: 1, 2, 3, ...
	Type       string          `json:"type"`
	Timestamp  time.Time       `json:"timestamp"`
	APIVersion string          `json:"apiVersion"`
	Data       json.RawMessage `json:"data"`

	// Cursor is behind this event. Keep it to go on there. Realtime only.
	Cursor string `json:"-"`
}

// Decode returns the event's data as *MessageReceived, *MessageCreated,
// *MessageStatusChanged, *MessageWaiting, *ConversationChanged, *ContactChanged,
// *MediaFetched, *ChannelChanged, *ChannelPaused, *ChannelLimit or *ProviderChange, or
// as json.RawMessage if this version does not know its type.
func (e *Event) Decode() (any, error) {
	data := newData(e.Type)
	if data == nil {
		return e.Data, nil
	}
	if err := json.Unmarshal(e.Data, data); err != nil {
		return nil, fmt.Errorf("linktor: event %s: %w", e.ID, err)
	}
	return data, nil
}

// EventFilter selects events. Empty members select everything.
type EventFilter struct {
	Paging    // After is a cursor: a page's, or an event's
	Types     []string
	ChannelID string
}

// Events are the calls about the ordered log of everything that happened.
type Events struct{ t *transport }

// List returns a page of events, oldest first.
func (e Events) List(ctx context.Context, f EventFilter, options ...CallOption) (*Page[Event], error) {
	query := values("types", strings.Join(f.Types, ","), "channelId", f.ChannelID)
	return list[Event](ctx, e.t, path("events"), f.Paging, query, options)
}

// All yields every event up to now, page after page.
func (e Events) All(ctx context.Context, f EventFilter, options ...CallOption) iter.Seq2[Event, error] {
	return all(ctx, func() (*Page[Event], error) { return e.List(ctx, f, options...) })
}
