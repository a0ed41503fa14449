package conversations

import (
	"encoding/json"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/events"
)

// messageData is the body of message.received and message.created; see
// docs/reference/events.md.
type messageData struct {
	ID             string             `json:"id"`
	ChannelID      string             `json:"channelId"`
	ChannelType    string             `json:"channelType"`
	Direction      string             `json:"direction"`
	From           string             `json:"from,omitempty"`
	To             string             `json:"to,omitempty"`
	Content        any                `json:"content"`
	Timestamp      string             `json:"timestamp"` // the provider's time, ours if it gave none
	Metadata       map[string]string  `json:"metadata"`
	ConversationID string             `json:"conversationId"`
	ContactID      string             `json:"contactId"`
	Contact        contactRef         `json:"contact"`
	ReplyTo        string             `json:"replyTo,omitempty"`
	Context        *channels.Context  `json:"context,omitempty"`
	Referral       *channels.Referral `json:"referral,omitempty"`
	GroupID        string             `json:"groupId,omitempty"`
	Echo           bool               `json:"echo,omitempty"`
	Historic       bool               `json:"historic,omitempty"`
	Status         Status             `json:"status,omitempty"`
	Reference      string             `json:"reference,omitempty"`
	Author         *Author            `json:"author,omitempty"`
	ReceivedAt     string             `json:"receivedAt,omitempty"` // our clock
	SendAt         string             `json:"sendAt,omitempty"`     // of a scheduled message

	UsedFallback     bool              `json:"usedFallback,omitempty"` // the window was closed: fallbackTemplate is sent
	FallbackTemplate *channels.Content `json:"fallbackTemplate,omitempty"`
}

type contactRef struct {
	ID          string `json:"id"`
	Name        string `json:"name,omitempty"`
	ProfileName string `json:"profileName,omitempty"`
}

// data is the event of a stored arrival.
func (m *arrival) data(b *ingestBatch) messageData {
	at := m.in.At
	if at.IsZero() {
		at = b.now
	}
	content := m.in.Content
	if part := content.MediaPart(); part != nil && part.MediaID != "" {
		served := *part
		served.URL = b.s.opts.MediaURL(part.MediaID)
		content = withMedia(content, &served)
	}
	profile := m.party.profileName
	if profile == "" {
		profile = m.thread.profileName
	}
	d := messageData{
		ID: m.id, ChannelID: m.item.ChannelID, ChannelType: m.item.ChannelType, Direction: Inbound,
		From: address(m.in.From.Identities), Content: content, Timestamp: stamp(at), Metadata: m.metadata(b),
		ConversationID: m.thread.id, ContactID: m.party.contactID,
		Contact: contactRef{m.party.contactID, m.thread.name, profile}, ReplyTo: m.replyToID,
		Context: m.in.Context, Referral: m.in.Referral, GroupID: m.in.GroupID, Echo: m.in.Echo,
		Historic: m.in.Historic, ReceivedAt: stamp(b.now),
	}
	if m.in.Echo {
		d.Direction, d.From, d.To, d.Status, d.Author = Outbound, "", d.From, Sent, &Author{Type: "phone"}
	}
	return d
}

// withMedia returns c with its media part replaced.
func withMedia(c channels.Content, m *channels.Media) channels.Content {
	switch c.Type {
	case channels.TypeImage:
		c.Image = m
	case channels.TypeAudio:
		c.Audio = m
	case channels.TypeVideo:
		c.Video = m
	case channels.TypeDocument:
		c.Document = m
	case channels.TypeSticker:
		c.Sticker = m
	}
	return c
}

// statusData is the body of message.status.
type statusData struct {
	MessageID         string                  `json:"messageId"`
	Status            Status                  `json:"status"`
	Timestamp         string                  `json:"timestamp"` // the provider's time, ours if it gave none
	ChannelID         string                  `json:"channelId"`
	ConversationID    string                  `json:"conversationId"`
	ContactID         string                  `json:"contactId"`
	PreviousStatus    Status                  `json:"previousStatus,omitempty"`
	Error             *channels.ProviderError `json:"error,omitempty"`
	Pricing           *channels.Pricing       `json:"pricing,omitempty"`
	Correction        bool                    `json:"correction,omitempty"`        // the earlier failure was wrong
	PossibleDuplicate bool                    `json:"possibleDuplicate,omitempty"` // the customer may get it twice
	TrackingLost      bool                    `json:"trackingLost,omitempty"`
	LateAcceptance    bool                    `json:"lateAcceptance,omitempty"` // the provider took it although it had ended here
	UsedFallback      bool                    `json:"usedFallback,omitempty"`   // its fallback template is sent
	DeletedAt         string                  `json:"deletedAt,omitempty"`
	Reference         string                  `json:"reference,omitempty"`
	WaMessageID       string                  `json:"waMessageId,omitempty"`
}

func stamp(t time.Time) string { return t.UTC().Format(events.TimeFormat) }

// stampOf is stamp, or nothing for the zero time.
func stampOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}

// changeData is the body of every event that only passes on what a provider says.
type changeData struct {
	ChannelID   string                   `json:"channelId"`
	ChannelType string                   `json:"channelType"`
	Field       string                   `json:"field"` // the provider's name for it
	Timestamp   string                   `json:"timestamp"`
	Summary     string                   `json:"summary,omitempty"`
	Severity    string                   `json:"severity,omitempty"`
	Template    *channels.TemplateChange `json:"template,omitempty"`
	Limit       *channels.LimitChange    `json:"limit,omitempty"`
	Identity    *channels.IdentityChange `json:"identity,omitempty"`
	Optout      *channels.OptoutChange   `json:"optout,omitempty"`
	ContactID   string                   `json:"contactId,omitempty"`
	Raw         json.RawMessage          `json:"raw,omitempty"` // as received
}
