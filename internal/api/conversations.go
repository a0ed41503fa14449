package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

func (s *Server) registerConversations() {
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/conversations" + path, Summary: summary, Tags: []string{"Conversations"}}
	}
	view, manage := need(account.ViewConversations), need(account.ManageConversations)
	route(s, op("list-conversations", http.MethodGet, "", "List conversations, the last active first"), view, s.listConversations)
	route(s, op("get-conversation", http.MethodGet, "/{id}", "Get a conversation"), view, s.getConversation)
	route(s, op("update-conversation", http.MethodPatch, "/{id}", "Change status, assignee or labels"), manage, s.updateConversation)
	route(s, op("read-conversation", http.MethodPost, "/{id}/read", "Mark a conversation as read"), manage, s.readConversation)
	route(s, op("list-conversation-messages", http.MethodGet, "/{id}/messages", "List a conversation's messages, newest first"),
		need(account.ViewMessages), s.listConversationMessages)
}

// conversationBody is a conversation as the API shows it.
type conversationBody struct {
	ID              string       `json:"id"`
	ChannelID       string       `json:"channelId"`
	ChannelType     string       `json:"channelType"`
	ContactID       string       `json:"contactId"`
	Contact         contactRef   `json:"contact"`
	Status          string       `json:"status" enum:"open,pending,snoozed,resolved"`
	AssigneeID      *string      `json:"assigneeId" nullable:"true"`
	Labels          []string     `json:"labels" nullable:"false"`
	UnreadCount     int64        `json:"unreadCount"`
	LastMessage     *summaryBody `json:"lastMessage,omitempty"`
	LastMessageAt   string       `json:"lastMessageAt" format:"date-time"`
	LastInboundAt   string       `json:"lastInboundAt,omitempty" format:"date-time"`
	WindowExpiresAt string       `json:"windowExpiresAt,omitempty" format:"date-time" doc:"Until then free-form messages can be sent."`
	WindowOpen      bool         `json:"windowOpen"`
	SnoozedUntil    string       `json:"snoozedUntil,omitempty" format:"date-time"`
	CreatedAt       string       `json:"createdAt" format:"date-time"`
	UpdatedAt       string       `json:"updatedAt" format:"date-time"`
	ResolvedAt      string       `json:"resolvedAt,omitempty" format:"date-time"`
}

type contactRef struct {
	ID          string `json:"id"`
	Name        string `json:"name,omitempty"`
	ProfileName string `json:"profileName,omitempty"`
}

type summaryBody struct {
	ID        string               `json:"id"`
	Direction string               `json:"direction"`
	Type      string               `json:"type"`
	Status    conversations.Status `json:"status"`
	Preview   string               `json:"preview,omitempty" doc:"The beginning of its text; only for those who may view messages."`
}

// renderConversation shows c to p. What was written is for those who may view
// messages.
func (s *Server) renderConversation(p *account.Principal, c conversations.Conversation, channelType string) conversationBody {
	b := conversationBody{
		ID: c.ID, ChannelID: c.ChannelID, ChannelType: channelType, ContactID: c.ContactID,
		Contact: contactRef{c.ContactID, c.ContactName, c.ContactProfileName}, Status: c.Status,
		Labels: filled(c.Labels), UnreadCount: c.UnreadCount, LastMessageAt: rfc3339(c.LastMessageAt),
		LastInboundAt: rfc3339(c.LastInboundAt), WindowExpiresAt: rfc3339(c.WindowExpiresAt),
		WindowOpen: c.WindowExpiresAt.After(s.Now()), SnoozedUntil: rfc3339(c.SnoozedUntil),
		CreatedAt: rfc3339(c.CreatedAt), UpdatedAt: rfc3339(c.UpdatedAt), ResolvedAt: rfc3339(c.ResolvedAt),
	}
	if c.AssigneeID != "" {
		b.AssigneeID = &c.AssigneeID
	}
	if d, ok := s.Registry.Type(channelType); ok && d.Window == 0 {
		b.WindowOpen = true // this type has no window
	}
	if m := c.LastMessage; m != nil {
		b.LastMessage = &summaryBody{m.ID, m.Direction, m.Type, m.Status, m.Preview}
		if !p.Can(account.ViewMessages) {
			b.LastMessage.Preview = ""
		}
	}
	return b
}

type listConversationsInput struct {
	PageQuery
	Status     string `query:"status" enum:"open,pending,snoozed,resolved"`
	ChannelID  string `query:"channelId" maxLength:"100"`
	ContactID  string `query:"contactId" maxLength:"100"`
	AssigneeID string `query:"assigneeId" maxLength:"100" doc:"A user, or none for the unassigned."`
	Label      string `query:"label" maxLength:"200"`
}

// listConversations serves GET /api/v1/conversations.
func (s *Server) listConversations(ctx context.Context, in *listConversationsInput) (*pageOutput[conversationBody], error) {
	p := principal(ctx)
	at, after, err := activityCursor(in.After)
	if err != nil {
		return nil, err
	}
	f := conversations.ConversationFilter{Status: in.Status, ContactID: in.ContactID, AssigneeID: in.AssigneeID, Label: in.Label}
	if f.ChannelIDs, err = channelScope(p, in.ChannelID); err != nil {
		return nil, err
	}
	list, err := s.Conversations.ListConversations(ctx, p.TenantID, f, at, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, c := range list {
		if types[c.ChannelID], err = s.Registry.TypeOf(ctx, c.ChannelID); err != nil {
			return nil, err
		}
	}
	key := func(c conversations.Conversation) []string {
		return []string{strconv.FormatInt(db.Micros(c.LastMessageAt), 10), c.ID}
	}
	return newPage(list, in.Limit, key, func(c conversations.Conversation) conversationBody {
		return s.renderConversation(p, c, types[c.ChannelID])
	}), nil
}

// activityCursor reads the cursor of a list that is ordered by last activity.
func activityCursor(after string) (at time.Time, lastID string, err error) {
	key, err := decodeCursor(after, 2)
	if err != nil || key == nil {
		return time.Time{}, "", err
	}
	micros, err := strconv.ParseInt(key[0], 10, 64)
	if err != nil {
		return time.Time{}, "", badCursor()
	}
	return db.Time(micros), key[1], nil
}

type conversationPath struct {
	ID string `path:"id" maxLength:"100"`
}

type conversationOutput struct{ Body conversationBody }

// ownConversation returns a conversation of the caller's tenant and channels.
func (s *Server) ownConversation(ctx context.Context, conversationID string) (conversations.Conversation, error) {
	p := principal(ctx)
	c, err := s.Conversations.GetConversation(ctx, p.TenantID, conversationID)
	if err == nil && !p.CanChannel(c.ChannelID) {
		return c, fault.Missing("conversation")
	}
	return c, err
}

func (s *Server) conversationOutput(ctx context.Context, c conversations.Conversation, err error) (*conversationOutput, error) {
	if err != nil {
		return nil, err
	}
	typ, err := s.Registry.TypeOf(ctx, c.ChannelID)
	if err != nil {
		return nil, err
	}
	return &conversationOutput{s.renderConversation(principal(ctx), c, typ)}, nil
}

// getConversation serves GET /api/v1/conversations/{id}.
func (s *Server) getConversation(ctx context.Context, in *conversationPath) (*conversationOutput, error) {
	c, err := s.ownConversation(ctx, in.ID)
	return s.conversationOutput(ctx, c, err)
}

type updateConversationInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Status       *string    `json:"status,omitempty" enum:"open,pending,snoozed,resolved"`
		SnoozedUntil *time.Time `json:"snoozedUntil,omitempty" doc:"Required with the status snoozed."`
		AssigneeID   nullString `json:"assigneeId,omitempty" doc:"A user; null for nobody."`
		Labels       *[]string  `json:"labels,omitempty" doc:"Replaces all labels."`
	}
}

// updateConversation serves PATCH /api/v1/conversations/{id}.
func (s *Server) updateConversation(ctx context.Context, in *updateConversationInput) (*conversationOutput, error) {
	c, err := s.ownConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	p := conversations.ConversationPatch{Status: in.Body.Status, SnoozedUntil: in.Body.SnoozedUntil, Labels: in.Body.Labels}
	if a := in.Body.AssigneeID; a.Present {
		p.AssigneeID = &a.Value
	}
	c, err = s.Conversations.UpdateConversation(ctx, c.TenantID, c.ID, p)
	return s.conversationOutput(ctx, c, err)
}

// readTimeout bounds telling the provider that a conversation was read: the caller
// need not wait for a slow one.
const readTimeout = 5 * time.Second

// readConversation serves POST /api/v1/conversations/{id}/read. Telling the
// provider is best effort: what counts here is our own unread count.
func (s *Server) readConversation(ctx context.Context, in *conversationPath) (*conversationOutput, error) {
	c, err := s.ownConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	newest, err := s.Conversations.MarkRead(ctx, c.TenantID, c.ID)
	if err != nil {
		return nil, err
	}
	if newest.ID != "" && c.UnreadCount > 0 {
		told, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		if err := s.tellRead(told, newest, false); err != nil && !errors.Is(err, channels.ErrUnsupported) {
			s.Log.WarnContext(ctx, "provider not told of a read", "messageId", newest.ID, "err", err)
		}
	}
	return s.getConversation(ctx, in)
}

type conversationMessagesInput struct {
	PageQuery
	ID string `path:"id" maxLength:"100"`
}

// listConversationMessages serves GET /api/v1/conversations/{id}/messages.
func (s *Server) listConversationMessages(ctx context.Context, in *conversationMessagesInput) (*pageOutput[messageBody], error) {
	c, err := s.ownConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.messagePage(ctx, in.PageQuery, "", conversations.MessageFilter{ConversationID: c.ID})
}
