package conversations

import (
	"encoding/json"
	"time"

	"github.com/linktor/linktor/channels"
)

// Direction of a message, seen from the business.
const (
	Inbound  = "inbound"
	Outbound = "outbound"
)

// Conversation states. At most one conversation of a (channel, contact) pair is
// not resolved.
const (
	Open     = "open"
	Pending  = "pending"
	Snoozed  = "snoozed"
	Resolved = "resolved"
)

// Message is one message as stored.
type Message struct {
	ID, TenantID, ChannelID, ConversationID, ContactID string

	Direction string
	Type      string // of the content
	Status    Status
	Content   channels.Content
	From, To  string // E.164 where it is a phone number

	ProviderID    string // empty until the provider accepted it
	AltProviderID string
	ReplyToID     string // our id of the message quoted, if we have it
	Context       *channels.Context
	Referral      *channels.Referral
	GroupID       string
	Metadata      map[string]string // waMessageId, profileName, ...
	Options       channels.Options
	Author        Author
	Reference     string
	Category      string // of a template: MARKETING, UTILITY, AUTHENTICATION
	Error         *channels.ProviderError
	Pricing       *channels.Pricing

	Attempt           int64
	PossibleDuplicate bool // resent although an earlier attempt may have arrived
	TrackingLost      bool // the provider will report no more
	UsedFallback      bool // its fallback template is sent instead of its content
	LateAcceptance    bool // the provider took it although it had ended here
	Delivery          Delivery
	JournalID         string
	RequestID         string

	ProviderAt  time.Time // the provider's clock; zero if it gave none
	CreatedAt   time.Time // our clock
	UpdatedAt   time.Time
	ScheduledAt time.Time
	ValidUntil  time.Time
	SentAt      time.Time
	DeliveredAt time.Time
	ReadAt      time.Time
	FailedAt    time.Time
	DeletedAt   time.Time

	Waiting *Waiting // why a message is not being sent right now
}

// Ordering says whether later messages may pass m.
func (m *Message) Ordering() Ordering { return orderingOf(m.Delivery.Ordering, &m.Content) }

// FallbackTemplate is what is sent if the window is closed, or nil.
func (m *Message) FallbackTemplate() *channels.Content {
	if m.Delivery.Fallback == nil {
		return nil
	}
	return &m.Delivery.Fallback.Content
}

// Author says who wrote an outbound message.
type Author struct {
	Type string `json:"type"` // api_key, user, bot, phone
	ID   string `json:"id,omitempty"`
}

// Conversation is the messages between one contact and one channel.
type Conversation struct {
	ID, TenantID, ChannelID, ContactID string

	Status          string
	AssigneeID      string
	Labels          []string
	UnreadCount     int64
	LastMessageID   string
	LastMessageAt   time.Time
	LastInboundAt   time.Time
	WindowExpiresAt time.Time // zero: the customer never wrote
	SnoozedUntil    time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
	ResolvedAt      time.Time

	ContactName        string
	ContactProfileName string
	LastMessage        *MessageSummary
}

// MessageSummary is what a list of conversations shows of the last message.
type MessageSummary struct {
	ID, Direction, Type, Preview string
	Status                       Status
}

// Contact is a person.
type Contact struct {
	ID, TenantID string
	Name         string // given by the business
	ProfileName  string // given by the person
	Country      string // ISO 3166-1 alpha-2, of the first phone number
	Attributes   json.RawMessage
	Identities   []ContactIdentity
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// ContactIdentity is one address of a contact.
type ContactIdentity struct {
	ChannelType string
	Kind        channels.IdentityKind
	Value, Raw  string
	CreatedAt   time.Time
}

// JournalState says what became of a webhook body.
type JournalState string

const (
	JournalApplied JournalState = "applied" // every item
	JournalPartial JournalState = "partial" // all but the Problems
	JournalFailed  JournalState = "failed"  // none
)

// JournalEntry is one webhook body as it was received.
type JournalEntry struct {
	ID, TenantID, ChannelID string
	State                   JournalState
	Problems                []JournalProblem
	Headers                 map[string]string
	Body                    []byte // only from GetJournal
	SHA256                  string // of the whole body
	Truncated               bool   // only its first bytes are kept: it was applied and is too large
	Size, Events            int64
	Deliveries              int64 // how many times exactly this body came
	ReceivedAt, LastAt      time.Time
	AppliedAt               time.Time
	Logged                  int64         // events that it led to, replays included
	FirstSeq, LastSeq       int64         // where those are in the log, among others'
	Took                    time.Duration // from receipt to commit; 0 = not known
}

// JournalProblem is an item of a body that could not be applied.
type JournalProblem struct {
	Item   int    `json:"item"` // index among the body's events; -1: the whole body
	Reason string `json:"reason"`
}

// Attempt is one call to the provider.
type Attempt struct {
	Attempt               int64
	Node                  string
	StartedAt, FinishedAt time.Time
	Outcome               string // open, sent, interrupted, or a channels.Class
	Code, Title, Detail   string
	HTTPStatus            int64
	ProviderID            string
	Fallback              bool // it carried the fallback template
}

// StatusRecord is one thing that a provider said about a message.
type StatusRecord struct {
	Status     string
	Provider   string // verbatim
	At         time.Time
	ReceivedAt time.Time
	Applied    bool // it changed the message
	Error      *channels.ProviderError
	Pricing    *channels.Pricing
	JournalID  string
}

// Timeline is everything that happened to a message.
type Timeline struct {
	Attempts []Attempt
	Statuses []StatusRecord
}
