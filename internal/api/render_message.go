package api

import (
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/id"
)

// mediaTTL is how long an address of a file in an answer works.
const mediaTTL = time.Hour

// messageBody is a message as the API shows it. Members are only ever added.
type messageBody struct {
	ID                string                  `json:"id"`
	ChannelID         string                  `json:"channelId"`
	ChannelType       string                  `json:"channelType"`
	ConversationID    string                  `json:"conversationId"`
	ContactID         string                  `json:"contactId"`
	Direction         string                  `json:"direction" enum:"inbound,outbound"`
	Status            conversations.Status    `json:"status"`
	Type              string                  `json:"type"`
	From              string                  `json:"from,omitempty"`
	To                string                  `json:"to,omitempty"`
	Content           channels.Content        `json:"content"`
	Timestamp         string                  `json:"timestamp" format:"date-time" doc:"The provider's time; ours if it gave none."`
	CreatedAt         string                  `json:"createdAt" format:"date-time"`
	UpdatedAt         string                  `json:"updatedAt" format:"date-time"`
	SentAt            string                  `json:"sentAt,omitempty" format:"date-time"`
	DeliveredAt       string                  `json:"deliveredAt,omitempty" format:"date-time"`
	ReadAt            string                  `json:"readAt,omitempty" format:"date-time"`
	FailedAt          string                  `json:"failedAt,omitempty" format:"date-time"`
	DeletedAt         string                  `json:"deletedAt,omitempty" format:"date-time"`
	SendAt            string                  `json:"sendAt,omitempty" format:"date-time" doc:"Of a scheduled message."`
	ValidUntil        string                  `json:"validUntil,omitempty" format:"date-time"`
	Ordering          conversations.Ordering  `json:"ordering,omitempty" enum:"strict,bestEffort"`
	FallbackTemplate  *channels.Content       `json:"fallbackTemplate,omitempty" doc:"Sent instead of content if the customer service window is closed."`
	UsedFallback      bool                    `json:"usedFallback,omitempty" doc:"fallbackTemplate was sent, or will be."`
	ReplyTo           string                  `json:"replyTo,omitempty"`
	Context           *channels.Context       `json:"context,omitempty"`
	Referral          *channels.Referral      `json:"referral,omitempty"`
	GroupID           string                  `json:"groupId,omitempty"`
	Reference         string                  `json:"reference,omitempty"`
	Category          string                  `json:"category,omitempty" doc:"Of a template."`
	Attempt           int64                   `json:"attempt,omitempty" doc:"Calls to the provider so far."`
	PossibleDuplicate bool                    `json:"possibleDuplicate,omitempty"`
	TrackingLost      bool                    `json:"trackingLost,omitempty"`
	LateAcceptance    bool                    `json:"lateAcceptance,omitempty" doc:"The provider took it although it had expired or was cancelled here."`
	Error             *channels.ProviderError `json:"error,omitempty"`
	Pricing           *channels.Pricing       `json:"pricing,omitempty"`
	Waiting           *waitingBody            `json:"waiting,omitempty"`
	Author            *conversations.Author   `json:"author,omitempty"`
	Metadata          map[string]string       `json:"metadata"`
}

// waitingBody says why a message is not being sent right now.
type waitingBody struct {
	Reason string `json:"reason" enum:"scheduled,retry,throughput,throttled,pair_limit,tier_limit,template_paused,template_pacing,marketing_limit,channel_paused,channel_disabled,breaker_open,slow_calls,order,uncertain"`
	Until  string `json:"until,omitempty" format:"date-time" doc:"When it is looked at again; absent: when somebody acts."`
	Limit  int64  `json:"limit,omitempty" doc:"Of the limit that holds it."`
	Used   int64  `json:"used,omitempty" doc:"Of that limit."`
	Behind string `json:"behind,omitempty" doc:"Of order: the message that goes first."`
}

func (s *Server) renderMessage(m conversations.Message, channelType string) messageBody {
	at := m.ProviderAt
	if at.IsZero() {
		at = m.CreatedAt
	}
	b := messageBody{
		ID: m.ID, ChannelID: m.ChannelID, ChannelType: channelType, ConversationID: m.ConversationID, ContactID: m.ContactID,
		Direction: m.Direction, Status: m.Status, Type: m.Type, From: m.From, To: m.To, Content: m.Content,
		Timestamp: rfc3339(at), CreatedAt: rfc3339(m.CreatedAt), UpdatedAt: rfc3339(m.UpdatedAt), SentAt: rfc3339(m.SentAt),
		DeliveredAt: rfc3339(m.DeliveredAt), ReadAt: rfc3339(m.ReadAt), FailedAt: rfc3339(m.FailedAt),
		DeletedAt: rfc3339(m.DeletedAt), ValidUntil: rfc3339(m.ValidUntil),
		ReplyTo: m.ReplyToID, Context: m.Context, Referral: m.Referral, GroupID: m.GroupID, Reference: m.Reference,
		Category: m.Category, Attempt: m.Attempt, PossibleDuplicate: m.PossibleDuplicate, TrackingLost: m.TrackingLost,
		Error: m.Error, Pricing: m.Pricing, Metadata: m.Metadata, SendAt: rfc3339(m.ScheduledAt), UsedFallback: m.UsedFallback,
		LateAcceptance: m.LateAcceptance, FallbackTemplate: m.FallbackTemplate(),
	}
	if m.Direction == conversations.Outbound && m.Author.Type != "phone" {
		b.Ordering = m.Ordering()
	}
	if b.Metadata == nil {
		b.Metadata = map[string]string{}
	}
	if part := b.Content.MediaPart(); part != nil && part.MediaID != "" {
		part.URL = s.Media.SignedURL(part.MediaID, mediaTTL) // m is the caller's own copy
	}
	if w := m.Waiting; w != nil {
		b.Waiting = &waitingBody{w.Reason, rfc3339(w.Until), w.Limit, w.Used, w.Behind}
	}
	if m.Author.Type != "" {
		b.Author = &m.Author
	}
	return b
}

func isMessageID(s string) bool { return strings.HasPrefix(s, id.Message+"_") }

// timelineBody is everything that happened to a message.
type timelineBody struct {
	Request  *requestBody  `json:"request,omitempty" doc:"The API call that made it."`
	Attempts []attemptBody `json:"attempts"`
	Statuses []statusBody  `json:"statuses"`
	Journal  []string      `json:"journal" doc:"Journal entries that the message and its statuses came from."`
}

type requestBody struct {
	RequestID  string                `json:"requestId"`
	Author     *conversations.Author `json:"author,omitempty"`
	AcceptedAt string                `json:"acceptedAt" format:"date-time"`
}

type attemptBody struct {
	Attempt    int64  `json:"attempt"`
	StartedAt  string `json:"startedAt" format:"date-time"`
	FinishedAt string `json:"finishedAt,omitempty" format:"date-time"`
	Outcome    string `json:"outcome"`
	Code       string `json:"code,omitempty"`
	Title      string `json:"title,omitempty"`
	Detail     string `json:"detail,omitempty"`
	HTTPStatus int64  `json:"httpStatus,omitempty"`
	ProviderID string `json:"providerId,omitempty"`
	Node       string `json:"node"`

	Content *channels.Content `json:"content,omitempty" doc:"What was sent, if it was not the message's own content: its fallback template."`

	Exchange     *channels.Exchange `json:"exchange,omitempty" doc:"Only in a trace: what was said to the provider and what came back, without secrets, while it is kept (journal_retention)."`
	ExchangeLost bool               `json:"exchangeLost,omitempty" doc:"The exchange is kept and does not open: its key is gone."`
}

type statusBody struct {
	Status     string                  `json:"status"`
	Provider   string                  `json:"provider" doc:"The provider's word."`
	ProviderAt string                  `json:"providerAt,omitempty" format:"date-time" doc:"The provider's clock."`
	ReceivedAt string                  `json:"receivedAt" format:"date-time" doc:"Our clock."`
	Applied    bool                    `json:"applied" doc:"Whether it changed the message."`
	Error      *channels.ProviderError `json:"error,omitempty"`
	Pricing    *channels.Pricing       `json:"pricing,omitempty"`
	JournalID  string                  `json:"journalId,omitempty"`
}

func renderTimeline(m conversations.Message, t conversations.Timeline) timelineBody {
	b := timelineBody{Attempts: []attemptBody{}, Statuses: []statusBody{}, Journal: []string{}}
	if m.RequestID != "" {
		b.Request = &requestBody{RequestID: m.RequestID, AcceptedAt: rfc3339(m.CreatedAt)}
		if m.Author.Type != "" {
			b.Request.Author = &m.Author
		}
	}
	seen := map[string]bool{"": true}
	note := func(journalID string) {
		if !seen[journalID] {
			seen[journalID] = true
			b.Journal = append(b.Journal, journalID)
		}
	}
	note(m.JournalID)
	for _, a := range t.Attempts {
		b.Attempts = append(b.Attempts, renderAttempt(m, a))
	}
	for _, st := range t.Statuses {
		note(st.JournalID)
		b.Statuses = append(b.Statuses, renderStatus(st))
	}
	return b
}

func renderAttempt(m conversations.Message, a conversations.Attempt) attemptBody {
	made := attemptBody{
		Attempt: a.Attempt, StartedAt: rfc3339(a.StartedAt), FinishedAt: rfc3339(a.FinishedAt), Outcome: a.Outcome,
		Code: a.Code, Title: a.Title, Detail: a.Detail, HTTPStatus: a.HTTPStatus, ProviderID: a.ProviderID, Node: a.Node,
	}
	if a.Fallback {
		made.Content = m.FallbackTemplate()
	}
	return made
}

func renderStatus(st conversations.StatusRecord) statusBody {
	return statusBody{
		Status: st.Status, Provider: st.Provider, ProviderAt: rfc3339(st.At), ReceivedAt: rfc3339(st.ReceivedAt),
		Applied: st.Applied, Error: st.Error, Pricing: st.Pricing, JournalID: st.JournalID,
	}
}
