package linktor

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strings"
	"time"
)

// Status of a message. New ones can appear.
type Status string

// Statuses. Inbound messages are Received.
const (
	Received  Status = "received"
	Scheduled Status = "scheduled"
	Queued    Status = "queued"
	Sending   Status = "sending"
	Uncertain Status = "uncertain" // a call to the provider was made, its outcome is unknown
	Sent      Status = "sent"
	Delivered Status = "delivered"
	Read      Status = "read"
	Failed    Status = "failed"
	Rejected  Status = "rejected"
	Expired   Status = "expired"
	Cancelled Status = "cancelled"
)

// Direction of a message, seen from the business.
const (
	Inbound  = "inbound"
	Outbound = "outbound"
)

// Message is one message.
type Message struct {
	ID                string            `json:"id"`
	ChannelID         string            `json:"channelId"`
	ChannelType       string            `json:"channelType"`
	ConversationID    string            `json:"conversationId"`
	ContactID         string            `json:"contactId"`
	Direction         string            `json:"direction"`
	Status            Status            `json:"status"`
	Type              string            `json:"type"` // of the content
	From              string            `json:"from"`
	To                string            `json:"to"`
	Content           Content           `json:"content"`
	Timestamp         time.Time         `json:"timestamp"` // the provider's clock, the server's if it gave none
	CreatedAt         time.Time         `json:"createdAt"`
	UpdatedAt         time.Time         `json:"updatedAt"`
	SentAt            *time.Time        `json:"sentAt"`
	DeliveredAt       *time.Time        `json:"deliveredAt"`
	ReadAt            *time.Time        `json:"readAt"`
	FailedAt          *time.Time        `json:"failedAt"`
	DeletedAt         *time.Time        `json:"deletedAt"`
	SendAt            *time.Time        `json:"sendAt"` // of a scheduled message
	ValidUntil        *time.Time        `json:"validUntil"`
	Ordering          string            `json:"ordering"`         // strict, bestEffort
	FallbackTemplate  *Content          `json:"fallbackTemplate"` // sent instead of Content if the window is closed
	UsedFallback      bool              `json:"usedFallback"`     // FallbackTemplate was sent, or will be
	ReplyTo           string            `json:"replyTo"`          // the id of the message quoted
	Context           *MessageContext   `json:"context"`
	Referral          *Referral         `json:"referral"`
	Reference         string            `json:"reference"` // yours, from Send
	Attempt           int               `json:"attempt"`
	PossibleDuplicate bool              `json:"possibleDuplicate"` // resent although an earlier attempt may have arrived
	TrackingLost      bool              `json:"trackingLost"`      // the provider will report no more
	LateAcceptance    bool              `json:"lateAcceptance"`    // the provider took it although it had expired or was cancelled
	Error             *MessageError     `json:"error"`
	Pricing           *Pricing          `json:"pricing"`
	Waiting           *Waiting          `json:"waiting"`
	Author            *Author           `json:"author"`
	GroupID           string            `json:"groupId"`
	Category          string            `json:"category"` // of a template
	Metadata          map[string]string `json:"metadata"`
	Timeline          *Timeline         `json:"timeline"` // only from Get
}

// MessageError says why a message failed.
type MessageError struct {
	Class  string `json:"class"`
	Code   string `json:"code"` // the provider's, verbatim, e.g. "131047"
	Title  string `json:"title"`
	Action string `json:"action"` // what to do about it
	Detail string `json:"detail"`
}

func (e *MessageError) Error() string { return e.Code + " " + e.Title }

// Pricing is what the provider says it charges for.
type Pricing struct {
	Billable bool   `json:"billable"`
	Model    string `json:"model"`
	Type     string `json:"type"`
	Category string `json:"category"`
}

// Waiting says why a message is not being sent right now.
type Waiting struct {
	Reason string     `json:"reason"` // scheduled, retry, throughput, tier_limit, channel_paused, order, ...
	Until  *time.Time `json:"until"`  // when it is looked at again; nil: when somebody acts
	Limit  int64      `json:"limit"`  // of the limit that holds it
	Used   int64      `json:"used"`
	Behind string     `json:"behind"` // with order: the message that goes first
}

// Author wrote an outbound message. Type: api_key, user, bot, phone.
type Author struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// MessageContext is what a message refers to, as the provider says it.
type MessageContext struct {
	MessageID           string `json:"messageId"`         // the provider's id; ours is in ReplyTo
	ProviderMessageID   string `json:"providerMessageId"` // the same
	From                string `json:"from"`
	Forwarded           bool   `json:"forwarded"`
	FrequentlyForwarded bool   `json:"frequentlyForwarded"`
	CatalogID           string `json:"catalogId"`
	ProductID           string `json:"productId"`
}

// Referral is the advertisement or post that brought the customer.
type Referral struct {
	SourceURL    string `json:"sourceUrl"`
	SourceType   string `json:"sourceType"`
	SourceID     string `json:"sourceId"`
	Headline     string `json:"headline"`
	Body         string `json:"body"`
	MediaType    string `json:"mediaType"`
	ImageURL     string `json:"imageUrl"`
	VideoURL     string `json:"videoUrl"`
	ThumbnailURL string `json:"thumbnailUrl"`
	ClickID      string `json:"clickId"`
	Welcome      string `json:"welcome"`
}

// Timeline is everything that happened to a message.
type Timeline struct {
	Request *struct {
		RequestID  string     `json:"requestId"`
		Author     *Author    `json:"author"`
		AcceptedAt *time.Time `json:"acceptedAt"`
	} `json:"request"`
	Attempts []Attempt      `json:"attempts"`
	Statuses []StatusReport `json:"statuses"`
	Journal  []string       `json:"journal"` // ids of the webhook bodies that concern it
}

// Attempt is one call to the provider.
type Attempt struct {
	Attempt    int        `json:"attempt"`
	StartedAt  time.Time  `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt"`
	Outcome    string     `json:"outcome"`
	Code       string     `json:"code"`
	Title      string     `json:"title"`
	Detail     string     `json:"detail"`
	HTTPStatus int        `json:"httpStatus"`
	ProviderID string     `json:"providerId"`
	Node       string     `json:"node"`
	Content    *Content   `json:"content"` // what was sent, if it was the fallback template

	Exchange     *Exchange `json:"exchange"`     // only from Trace, while it is kept
	ExchangeLost bool      `json:"exchangeLost"` // it is kept, and its key is gone
}

// StatusReport is what the provider said, with both clocks.
type StatusReport struct {
	Status     string        `json:"status"`
	Provider   string        `json:"provider"` // verbatim
	ProviderAt *time.Time    `json:"providerAt"`
	ReceivedAt time.Time     `json:"receivedAt"`
	Applied    bool          `json:"applied"` // whether it changed the message
	Error      *MessageError `json:"error"`
	Pricing    *Pricing      `json:"pricing"`
	JournalID  string        `json:"journalId"`
}

// SendParams describe a message to send.
type SendParams struct {
	ChannelID       string         `json:"channelId"`
	To              string         `json:"to"` // E.164 phone number, or a business-scoped user id
	Content         Content        `json:"content"`
	ReplyTo         string         `json:"replyTo,omitempty"`         // quotes this message
	Reference       string         `json:"reference,omitempty"`       // yours; it comes back in the message and its events
	ValidForSeconds int64          `json:"validForSeconds,omitempty"` // not delivered by then, it expires
	OnUncertain     string         `json:"onUncertain,omitempty"`     // auto, resend, never, manual
	Options         map[string]any `json:"options,omitempty"`         // what only one provider knows, e.g. LINK's priority

	SendAt           *time.Time `json:"sendAt,omitempty"`           // not before this time, at most 30 days ahead; the validity counts from then
	Ordering         string     `json:"ordering,omitempty"`         // strict, bestEffort: whether later messages may pass it if it is held up
	FallbackTemplate *Content   `json:"fallbackTemplate,omitempty"` // of type template: sent instead if the window is closed
}

// MessageFilter selects messages. Empty members select everything.
type MessageFilter struct {
	Paging
	ChannelID, ConversationID, ContactID string
	Direction                            string
	Reference                            string
	Status                               []Status
}

// Messages are the calls about messages.
type Messages struct{ t *transport }

// Send accepts a message for sending. It is stored when Send returns; what
// becomes of it comes as message.status events.
func (m Messages) Send(ctx context.Context, params SendParams, options ...CallOption) (*Message, error) {
	return fetch[Message](ctx, m.t, http.MethodPost, path("messages"), params, options)
}

// Get returns a message with its Timeline.
func (m Messages) Get(ctx context.Context, id string, options ...CallOption) (*Message, error) {
	return fetch[Message](ctx, m.t, http.MethodGet, path("messages", id), nil, options)
}

// List returns a page of messages, newest first.
func (m Messages) List(ctx context.Context, f MessageFilter, options ...CallOption) (*Page[Message], error) {
	states := make([]string, len(f.Status))
	for i, s := range f.Status {
		states[i] = string(s)
	}
	query := values("channelId", f.ChannelID, "conversationId", f.ConversationID, "contactId", f.ContactID,
		"direction", f.Direction, "reference", f.Reference, "status", strings.Join(states, ","))
	return list[Message](ctx, m.t, path("messages"), f.Paging, query, options)
}

// All yields every message that List would, page after page.
func (m Messages) All(ctx context.Context, f MessageFilter, options ...CallOption) iter.Seq2[Message, error] {
	return all(ctx, func() (*Page[Message], error) { return m.List(ctx, f, options...) })
}

// MarkRead marks an inbound message as read at the provider. typing shows the
// customer that you are writing.
func (m Messages) MarkRead(ctx context.Context, id string, typing bool, options ...CallOption) error {
	return m.t.do(ctx, http.MethodPost, path("messages", id, "read"), nil, map[string]bool{"typing": typing}, nil, options)
}

// Trace returns the whole story of a message: the request, waits, attempts with what
// was said to the provider, its reports and webhooks, and the events in the log.
func (m Messages) Trace(ctx context.Context, id string, options ...CallOption) (*Trace, error) {
	return fetch[Trace](ctx, m.t, http.MethodGet, path("messages", id, "trace"), nil, options)
}

// Cancel keeps a scheduled or queued message from being sent. It fails with
// not_cancellable if that is too late.
func (m Messages) Cancel(ctx context.Context, id string, options ...CallOption) (*Message, error) {
	return fetch[Message](ctx, m.t, http.MethodPost, path("messages", id, "cancel"), nothing, options)
}

// Retry sends a message again that ended without being delivered, and says whether
// the customer may get it twice.
func (m Messages) Retry(ctx context.Context, id string, options ...CallOption) (*Retried, error) {
	return fetch[Retried](ctx, m.t, http.MethodPost, path("messages", id, "retry"), nothing, options)
}

// Settle says what became of an uncertain message.
func (m Messages) Settle(ctx context.Context, id string, s Settlement, options ...CallOption) (*Message, error) {
	return fetch[Message](ctx, m.t, http.MethodPost, path("messages", id, "settle"), s, options)
}

// fetch performs a call that answers one resource.
func fetch[T any](ctx context.Context, t *transport, method, path string, in any, options []CallOption) (*T, error) {
	var out T
	if err := t.do(ctx, method, path, nil, in, &out, options); err != nil {
		return nil, err
	}
	return &out, nil
}

// nothing is the body of a POST that says it all in its path.
var nothing = json.RawMessage("{}")
