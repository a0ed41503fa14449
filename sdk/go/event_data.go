package linktor

import (
	"encoding/json"
	"time"
)

// Types of events that this version decodes. More appear over time.
const (
	TypeMessageReceived     = "message.received"
	TypeMessageCreated      = "message.created"
	TypeMessageStatus       = "message.status"
	TypeMessageWaiting      = "message.waiting"
	TypeConversationCreated = "conversation.created"
	TypeConversationUpdated = "conversation.updated"
	TypeContactCreated      = "contact.created"
	TypeContactUpdated      = "contact.updated"
	TypeContactPreference   = "contact.preference"
	TypeContactIdentity     = "contact.identity"
	TypeMediaReady          = "media.ready"
	TypeMediaFailed         = "media.failed"
	TypeChannelStatus       = "channel.status"
	TypeChannelPaused       = "channel.paused"
	TypeChannelResumed      = "channel.resumed"
	TypeChannelLimit        = "channel.limit"
	TypeChannelQuality      = "channel.quality"
	TypeChannelTier         = "channel.tier"
	TypeChannelAlert        = "channel.alert"
	TypeChannelAccount      = "channel.account"
	TypeTemplateStatus      = "template.status"
	TypeTemplateQuality     = "template.quality"
	TypeTemplateCategory    = "template.category"
	TypeTemplateComponents  = "template.components"
	TypeCallEvent           = "call.event"
	TypeProviderChange      = "provider.change"
)

// newData returns what to decode an event's data into, nil if the type is not known.
func newData(eventType string) any {
	switch eventType {
	case TypeMessageReceived:
		return &MessageReceived{}
	case TypeMessageCreated:
		return &MessageCreated{}
	case TypeMessageStatus:
		return &MessageStatusChanged{}
	case TypeMessageWaiting:
		return &MessageWaiting{}
	case TypeConversationCreated, TypeConversationUpdated:
		return &ConversationChanged{}
	case TypeContactCreated, TypeContactUpdated:
		return &ContactChanged{}
	case TypeMediaReady, TypeMediaFailed:
		return &MediaFetched{}
	case TypeChannelStatus:
		return &ChannelChanged{}
	case TypeChannelPaused, TypeChannelResumed:
		return &ChannelPaused{}
	case TypeChannelLimit:
		return &ChannelLimit{}
	case TypeContactPreference, TypeContactIdentity, TypeChannelQuality, TypeChannelTier, TypeChannelAlert, TypeChannelAccount,
		TypeTemplateStatus, TypeTemplateQuality, TypeTemplateCategory, TypeTemplateComponents, TypeCallEvent, TypeProviderChange:
		return &ProviderChange{}
	}
	return nil
}

// MessageData is what MessageReceived and MessageCreated have in common.
type MessageData struct {
	ID             string            `json:"id"`
	ChannelID      string            `json:"channelId"`
	ChannelType    string            `json:"channelType"`
	Direction      string            `json:"direction"` // inbound, outbound
	Content        Content           `json:"content"`
	Timestamp      time.Time         `json:"timestamp"` // the provider's clock, the server's if it gave none
	Metadata       map[string]string `json:"metadata"`  // waMessageId, profileName, ...; late is "true" if it was old when it came
	ConversationID string            `json:"conversationId"`
	ContactID      string            `json:"contactId"`
	Contact        ContactChanged    `json:"contact"`
	ReplyTo        string            `json:"replyTo"` // id of the message that it quotes, reacts to, edits or deletes
	Context        *MessageContext   `json:"context"`
	Referral       *Referral         `json:"referral"`
	GroupID        string            `json:"groupId"`
	Historic       bool              `json:"historic"`   // from an import of old messages
	ReceivedAt     *time.Time        `json:"receivedAt"` // the server's clock
}

// MessageReceived says that a customer wrote.
type MessageReceived struct {
	MessageData
	From string `json:"from"` // E.164 phone number, or another address if there is none
}

// MessageCreated says that a message to a customer was accepted or, with Echo,
// that somebody wrote from the business's phone.
type MessageCreated struct {
	MessageData
	To               string     `json:"to"`
	Status           Status     `json:"status"`           // queued; scheduled; sent for a message from the phone
	Reference        string     `json:"reference"`        // yours, from Send
	Author           *Author    `json:"author"`           // of type phone, without an id, with Echo
	Echo             bool       `json:"echo"`             // written on the phone
	SendAt           *time.Time `json:"sendAt"`           // of a scheduled message
	FallbackTemplate *Content   `json:"fallbackTemplate"` // for a closed window
	UsedFallback     bool       `json:"usedFallback"`     // the window is closed: FallbackTemplate is sent instead of Content
}

// MessageStatusChanged says that an outbound message made a step.
type MessageStatusChanged struct {
	MessageID         string        `json:"messageId"`
	Status            Status        `json:"status"`
	Timestamp         time.Time     `json:"timestamp"`
	ChannelID         string        `json:"channelId"`
	ConversationID    string        `json:"conversationId"`
	ContactID         string        `json:"contactId"`
	PreviousStatus    Status        `json:"previousStatus"` // empty if the status stayed
	Error             *MessageError `json:"error"`          // with failed, expired, uncertain
	Pricing           *Pricing      `json:"pricing"`
	Correction        bool          `json:"correction"`        // a delivery after a failure: the failure was wrong
	PossibleDuplicate bool          `json:"possibleDuplicate"` // resent although an earlier attempt may have arrived
	TrackingLost      bool          `json:"trackingLost"`      // the provider will report no more
	LateAcceptance    bool          `json:"lateAcceptance"`    // the provider took it although it had ended here; the status stays
	UsedFallback      bool          `json:"usedFallback"`      // the window is closed: its fallback template is sent instead
	DeletedAt         *time.Time    `json:"deletedAt"`         // by the recipient
	Reference         string        `json:"reference"`         // yours, from Send
	WaMessageID       string        `json:"waMessageId"`       // the id at the network, once it is known
}

// MessageWaiting says why a message is not being sent right now: once per reason.
type MessageWaiting struct {
	MessageID      string   `json:"messageId"`
	ChannelID      string   `json:"channelId"`
	ConversationID string   `json:"conversationId"`
	Waiting        *Waiting `json:"waiting"`
}

// ConversationChanged says that a conversation began or changed. AssigneeID and
// Labels can be missing although the conversation has them: Conversations.Get
// returns the whole.
type ConversationChanged struct {
	ID          string   `json:"id"`
	ChannelID   string   `json:"channelId"`
	ContactID   string   `json:"contactId"`
	Status      string   `json:"status"` // open, pending, snoozed, resolved
	UnreadCount int64    `json:"unreadCount"`
	AssigneeID  string   `json:"assigneeId"`
	Labels      []string `json:"labels"`
}

// ContactChanged names a contact.
type ContactChanged struct {
	ID          string `json:"id"`
	Name        string `json:"name"`        // the one you gave
	ProfileName string `json:"profileName"` // the one that the customer chose
}

// MediaFetched says that a customer's file was fetched from the provider, or
// cannot be.
type MediaFetched struct {
	MediaID   string `json:"mediaId"`
	MessageID string `json:"messageId"`
	ChannelID string `json:"channelId"`
	State     string `json:"state"` // ready, failed
	MimeType  string `json:"mimeType"`
	Filename  string `json:"filename"`
	Size      int64  `json:"size"` // bytes
	SHA256    string `json:"sha256"`
	Error     string `json:"error"` // a sentence, with failed
}

// ChannelChanged says that a channel was changed in Linktor.
type ChannelChanged struct {
	ChannelID    string  `json:"channelId"`
	ChannelType  string  `json:"channelType"`
	Name         string  `json:"name"`
	Change       string  `json:"change"` // created, updated, enabled, disabled, paused, resumed, health, deleted
	Enabled      bool    `json:"enabled"`
	PausedReason string  `json:"pausedReason"`
	Health       *Health `json:"health"`
}

// ChannelPaused says that a channel stopped sending by itself, or goes on.
type ChannelPaused struct {
	ChannelID string     `json:"channelId"`
	Cause     string     `json:"cause"`  // provider: until somebody acts; breaker: it does not answer
	Reason    string     `json:"reason"` // what is wrong and what to do
	Until     *time.Time `json:"until"`  // of breaker: when it is tried again
}

// ChannelLimit says that a limit of a channel was raised or lowered.
type ChannelLimit struct {
	ChannelID string `json:"channelId"`
	Limit     string `json:"limit"`  // tier, throughput
	Reason    string `json:"reason"` // of tier: provider, operator, check; of throughput: throttled, recovered
	Name      string `json:"name"`   // of tier
	Value     int64  `json:"value"`  // people in 24 hours (0: not known, -1: unlimited), or messages a second
	Previous  int64  `json:"previous"`
}

// ProviderChange passes on what a provider announced. Field and Timestamp are
// missing when a call of your own changed a template.
type ProviderChange struct {
	ChannelID   string     `json:"channelId"`
	ChannelType string     `json:"channelType"`
	Field       string     `json:"field"`     // the provider's name for it
	Timestamp   *time.Time `json:"timestamp"` // the provider's clock, the server's if it gave none
	Summary     string     `json:"summary"`
	Severity    string     `json:"severity"` // info, warning, critical
	Template    *struct {
		ProviderID string `json:"providerId"`
		Name       string `json:"name"`
		Language   string `json:"language"`
		Status     string `json:"status"`
		Quality    string `json:"quality"`
		Category   string `json:"category"`
		Reason     string `json:"reason"`
	} `json:"template"`
	Limit *struct {
		Tier       string  `json:"tier"`
		Recipients int64   `json:"recipients"` // in 24 hours; -1: unlimited
		Throughput float64 `json:"throughput"` // messages per second
		Quality    string  `json:"quality"`
	} `json:"limit"`
	Identity *struct {
		Old Identity `json:"old"`
		New Identity `json:"new"`
	} `json:"identity"`
	Optout *struct {
		Party struct {
			Identities []Identity `json:"identities"`
			Name       string     `json:"name"`
		} `json:"party"`
		Category string `json:"category"`
		Stopped  bool   `json:"stopped"` // false: resumed
	} `json:"optout"`
	ContactID string          `json:"contactId"`     // with Identity and Optout
	Raw       json.RawMessage `json:"raw,omitempty"` // as received; do not build on it
}
