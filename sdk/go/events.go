package linktor

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Types of events that this version decodes. More exist, and appear.
const (
	TypeMessageReceived = "message.received"
	TypeMessageCreated  = "message.created"
	TypeMessageStatus   = "message.status"
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

// Decode returns the event's data as *MessageReceived, *MessageCreated or
// *MessageStatusChanged, or as json.RawMessage if its type is another one.
func (e *Event) Decode() (any, error) {
	var data any
	switch e.Type {
	case TypeMessageReceived:
		data = &MessageReceived{}
	case TypeMessageCreated:
		data = &MessageCreated{}
	case TypeMessageStatus:
		data = &MessageStatusChanged{}
	default:
		return e.Data, nil
	}
	if err := json.Unmarshal(e.Data, data); err != nil {
		return nil, fmt.Errorf("linktor: event %s: %w", e.ID, err)
	}
	return data, nil
}

// MessageReceived says that a customer wrote or, with Echo, that the business
// wrote from its phone.
type MessageReceived struct {
	ID             string            `json:"id"`
	ChannelID      string            `json:"channelId"`
	ChannelType    string            `json:"channelType"`
	Direction      string            `json:"direction"`
	From           string            `json:"from"`
	To             string            `json:"to"`
	Content        Content           `json:"content"`
	Timestamp      time.Time         `json:"timestamp"` // the provider's clock, the server's if it gave none
	Metadata       map[string]string `json:"metadata"`
	ConversationID string            `json:"conversationId"`
	ContactID      string            `json:"contactId"`
	Contact        struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		ProfileName string `json:"profileName"`
	} `json:"contact"`
	ReplyTo    string          `json:"replyTo"`
	Context    *MessageContext `json:"context"`
	Referral   *Referral       `json:"referral"`
	GroupID    string          `json:"groupId"`
	Echo       bool            `json:"echo"`
	Historic   bool            `json:"historic"`
	Status     Status          `json:"status"`
	Reference  string          `json:"reference"`
	Author     *Author         `json:"author"`
	ReceivedAt *time.Time      `json:"receivedAt"` // the server's clock
}

// MessageCreated says that a message to a customer was accepted.
type MessageCreated MessageReceived

// MessageStatusChanged says that an outbound message made a step.
type MessageStatusChanged struct {
	MessageID         string        `json:"messageId"`
	Status            Status        `json:"status"`
	Timestamp         time.Time     `json:"timestamp"`
	ChannelID         string        `json:"channelId"`
	ConversationID    string        `json:"conversationId"`
	ContactID         string        `json:"contactId"`
	PreviousStatus    Status        `json:"previousStatus"`
	Error             *MessageError `json:"error"`
	Pricing           *Pricing      `json:"pricing"`
	Correction        bool          `json:"correction"` // a delivery after a failure: the failure was wrong
	PossibleDuplicate bool          `json:"possibleDuplicate"`
	TrackingLost      bool          `json:"trackingLost"`
	DeletedAt         *time.Time    `json:"deletedAt"`
	Reference         string        `json:"reference"`
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
