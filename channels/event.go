package channels

import (
	"encoding/json"
	"time"
)

// EventKind says which member of Event is set.
type EventKind string

const (
	EventMessage EventKind = "message" // Message
	EventStatus  EventKind = "status"  // Status
	EventChange  EventKind = "change"  // Change
	EventInvalid EventKind = "invalid" // Reason
)

// Event is one item of a webhook body.
type Event struct {
	Kind    EventKind       `json:"kind"`
	Message *Inbound        `json:"message,omitempty"`
	Status  *StatusUpdate   `json:"status,omitempty"`
	Change  *Change         `json:"change,omitempty"`
	Reason  string          `json:"reason,omitempty"` // why an invalid item could not be understood; names fields, never values
	Raw     json.RawMessage `json:"raw,omitempty"`    // the item as received: always set for change, invalid and unsupported content
}

// Inbound is one message from a customer, or an echo of one that the business
// sent from elsewhere.
type Inbound struct {
	ProviderID string            `json:"providerId"` // unique within the channel
	From       Party             `json:"from"`       // for an echo: the customer it was sent to
	Echo       bool              `json:"echo,omitempty"`
	At         time.Time         `json:"at"` // the provider's clock; zero if it gave none
	Content    Content           `json:"content"`
	Context    *Context          `json:"context,omitempty"`
	Referral   *Referral         `json:"referral,omitempty"`
	GroupID    string            `json:"groupId,omitempty"`
	Historic   bool              `json:"historic,omitempty"` // an import: opens no window, counts as read
	Metadata   map[string]string `json:"metadata,omitempty"` // shown in the event: waMessageId, profileName, ...
}

// Party is a customer as the provider names them. Identities are in order of
// trust: the first is the one to route by.
type Party struct {
	Identities []Identity `json:"identities"`
	Name       string     `json:"name,omitempty"` // the profile name
}

// Identity is one address of a customer.
type Identity struct {
	Kind  IdentityKind `json:"kind"`
	Value string       `json:"value"`         // normalised: E.164 with + for phones; else verbatim
	Raw   string       `json:"raw,omitempty"` // as the provider wrote it
}

// IdentityKind names a kind of address.
type IdentityKind string

const (
	IdentityPhone      IdentityKind = "phone"
	IdentityUserID     IdentityKind = "user_id"        // business-scoped user id
	IdentityParentUser IdentityKind = "parent_user_id" // of a linked business portfolio
	IdentityUsername   IdentityKind = "username"
	IdentityGroup      IdentityKind = "group"
)

// Context says what a message refers to.
type Context struct {
	MessageID           string `json:"messageId,omitempty"`         // the provider's id of the message replied to, whether or not we have that one
	ProviderMessageID   string `json:"providerMessageId,omitempty"` // the same, under the name that it has in reactions and notices
	From                string `json:"from,omitempty"`
	Forwarded           bool   `json:"forwarded,omitempty"`
	FrequentlyForwarded bool   `json:"frequentlyForwarded,omitempty"`
	CatalogID           string `json:"catalogId,omitempty"` // product enquiry
	ProductID           string `json:"productId,omitempty"`
}

// Referral is the advertisement or post that brought the customer.
type Referral struct {
	SourceURL    string `json:"sourceUrl,omitempty"`
	SourceType   string `json:"sourceType,omitempty"`
	SourceID     string `json:"sourceId,omitempty"`
	Headline     string `json:"headline,omitempty"`
	Body         string `json:"body,omitempty"`
	MediaType    string `json:"mediaType,omitempty"`
	ImageURL     string `json:"imageUrl,omitempty"`
	VideoURL     string `json:"videoUrl,omitempty"`
	ThumbnailURL string `json:"thumbnailUrl,omitempty"`
	ClickID      string `json:"clickId,omitempty"` // ctwa_clid
	Welcome      string `json:"welcome,omitempty"`
}

// StatusUpdate is what a provider says about a message we sent.
type StatusUpdate struct {
	ProviderID  string            `json:"providerId"`            // the id that Send returned, or will return
	AltID       string            `json:"altId,omitempty"`       // another id of the same message, e.g. LINK's waMessageId
	MessageID   string            `json:"messageId,omitempty"`   // our id, if the provider echoed it
	Status      Status            `json:"status"`                // StatusUnknown keeps Provider verbatim
	Provider    string            `json:"provider"`              // the provider's word or code, verbatim
	At          time.Time         `json:"at"`                    // the provider's clock; zero if it gave none
	Recipient   Party             `json:"recipient"`             // as the provider names them; may be empty
	Participant string            `json:"participant,omitempty"` // the group member this is about
	Error       *ProviderError    `json:"error,omitempty"`       // with StatusFailed
	Pricing     *Pricing          `json:"pricing,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// Status is a step of an outbound message as a provider reports it.
type Status string

const (
	StatusSent         Status = "sent"
	StatusDelivered    Status = "delivered"
	StatusRead         Status = "read"
	StatusFailed       Status = "failed"
	StatusDeleted      Status = "deleted"       // a flag: the recipient deleted it
	StatusNoted        Status = "noted"         // informative; changes nothing
	StatusTrackingLost Status = "tracking_lost" // the provider will report no more
	StatusUnknown      Status = "unknown"       // a word we do not know; kept
)

// ProviderError is a provider's code with what we know of it.
type ProviderError struct {
	Class  Class  `json:"class"`
	Scope  Scope  `json:"scope,omitempty"` // if it is about more than the message: template, marketing
	Code   string `json:"code"`
	Title  string `json:"title,omitempty"`
	Action string `json:"action,omitempty"`
	Detail string `json:"detail,omitempty"`

	NeedsTemplate bool `json:"needsTemplate,omitempty"` // the service window is closed: a template would be accepted
}

// Pricing is what the provider says it charges for.
type Pricing struct {
	Billable bool   `json:"billable"`
	Model    string `json:"model,omitempty"`
	Type     string `json:"type,omitempty"`
	Category string `json:"category,omitempty"`
}

// Change is anything else that a provider announces. Type becomes the type of
// our event, so it reads "subject.verb": template.status, template.quality,
// template.category, template.components, channel.quality, channel.tier,
// channel.alert, channel.account, contact.identity, contact.preference, call.event,
// provider.change for fields that we only pass on.
type Change struct {
	Type     string          `json:"type"`
	Field    string          `json:"field"` // the provider's name for it
	At       time.Time       `json:"at"`
	Template *TemplateChange `json:"template,omitempty"`
	Limit    *LimitChange    `json:"limit,omitempty"`
	Identity *IdentityChange `json:"identity,omitempty"`
	Optout   *OptoutChange   `json:"optout,omitempty"`
	Summary  string          `json:"summary,omitempty"`  // one sentence for people; no personal data
	Severity string          `json:"severity,omitempty"` // info, warning, critical
}

// TemplateChange is news about one template.
type TemplateChange struct {
	ProviderID string `json:"providerId"`
	Name       string `json:"name"`
	Language   string `json:"language"`
	Status     string `json:"status,omitempty"`   // APPROVED, REJECTED, PAUSED, ...
	Quality    string `json:"quality,omitempty"`  // GREEN, YELLOW, RED, UNKNOWN
	Category   string `json:"category,omitempty"` // the new category
	Reason     string `json:"reason,omitempty"`
}

// LimitChange is a new messaging tier, throughput or quality of the account.
type LimitChange struct {
	Tier       string  `json:"tier,omitempty"`       // the provider's name, e.g. TIER_10K
	Recipients int     `json:"recipients,omitempty"` // unique recipients in 24 h; -1 = unlimited
	Throughput float64 `json:"throughput,omitempty"` // messages per second
	Quality    string  `json:"quality,omitempty"`
}

// IdentityChange says that a customer's address changed.
type IdentityChange struct {
	Old Identity `json:"old"`
	New Identity `json:"new"`
}

// OptoutChange says that a customer stopped or resumed a kind of message.
type OptoutChange struct {
	Party    Party  `json:"party"`
	Category string `json:"category"`
	Stopped  bool   `json:"stopped"`
}
