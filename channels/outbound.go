package channels

import (
	"encoding/json"
	"time"
)

// Outbound is one message to send.
type Outbound struct {
	MessageID  string    // ours; travels as biz_opaque_callback_data or refId
	To         Recipient // who
	Content    Content
	ReplyTo    string    // the provider's id of the message quoted; "" = none
	ValidUntil time.Time // never deliver after this
	Options    Options
}

// Recipient is an address on the channel. At least one member is set.
type Recipient struct {
	Phone   string // E.164 with +
	UserID  string // business-scoped user id
	GroupID string
}

// Options are provider-specific wishes of one request, sent as "options" in the
// API. Each adapter refuses what it does not know.
type Options struct {
	Priority         string            `json:"priority,omitempty"`         // LINK: LOW, NORMAL, HIGH
	Gates            []string          `json:"gates,omitempty"`            // LINK: eventReportGates
	CustomParameters map[string]string `json:"customParameters,omitempty"` // LINK
	ServiceID        string            `json:"serviceId,omitempty"`        // LINK: platformServiceId
	ServiceType      string            `json:"serviceType,omitempty"`      // LINK: platformServiceType
	TransactionID    string            `json:"transactionId,omitempty"`    // LINK: platformTransactionId
	IdentityKeyHash  string            `json:"identityKeyHash,omitempty"`  // WhatsApp: recipient_identity_key_hash
}

// Sent is a provider's acceptance.
type Sent struct {
	ProviderID string            // the message's id at the provider
	Pending    bool              // queued at the provider but not yet handed to the network: no "sent" status yet (LINK)
	Held       bool              // of Pending: the provider holds the template back until it has judged its quality
	Recipient  []Identity        // who the provider says it is, e.g. the wa_id of a phone as typed
	Metadata   map[string]string // e.g. messageStatus
	Exchange   *Exchange         // the call; nil if none was made
}

// Template is a message template as its provider keeps it.
type Template struct {
	ProviderID      string          `json:"providerId"`
	Name            string          `json:"name"`
	Language        string          `json:"language"`
	Category        string          `json:"category"` // MARKETING, UTILITY, AUTHENTICATION
	Status          string          `json:"status"`   // APPROVED, PENDING, REJECTED, PAUSED, ...
	Quality         string          `json:"quality,omitempty"`
	RejectedReason  string          `json:"rejectedReason,omitempty"`
	ParameterFormat string          `json:"parameterFormat,omitempty"` // POSITIONAL or NAMED
	TTLSeconds      int             `json:"ttlSeconds,omitempty"`
	Components      json.RawMessage `json:"components"` // the provider's definition
}
