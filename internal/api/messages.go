package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
)

func (s *Server) registerMessages() {
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"Messages"}}
	}
	view := need(account.ViewMessages)
	route(s, op("list-messages", http.MethodGet, "/api/v1/messages", "List messages, newest first"), view, s.listMessages)
	route(s, op("get-message", http.MethodGet, "/api/v1/messages/{id}", "Get a message and everything that happened to it"), view, s.getMessage)
	route(s, op("trace-message", http.MethodGet, "/api/v1/messages/{id}/trace", "Tell a message's whole story, in the order of time"), view, s.traceMessage)
	read := op("read-message", http.MethodPost, "/api/v1/messages/{id}/read", "Tell the provider that an inbound message was read")
	read.DefaultStatus = http.StatusNoContent
	route(s, read, need(account.ManageConversations, account.SendText), s.readMessage)
}

type listMessagesInput struct {
	PageQuery
	ChannelID      string `query:"channelId" maxLength:"100"`
	ConversationID string `query:"conversationId" maxLength:"100"`
	ContactID      string `query:"contactId" maxLength:"100"`
	Direction      string `query:"direction" enum:"inbound,outbound"`
	Status         string `query:"status" maxLength:"200" doc:"One or more statuses, separated by commas."`
	Reference      string `query:"reference" maxLength:"255"`
}

// listMessages serves GET /api/v1/messages.
func (s *Server) listMessages(ctx context.Context, in *listMessagesInput) (*pageOutput[messageBody], error) {
	f := conversations.MessageFilter{ConversationID: in.ConversationID, ContactID: in.ContactID, Direction: in.Direction, Reference: in.Reference}
	for word := range strings.SplitSeq(in.Status, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		if !knownStatus(conversations.Status(word)) {
			return nil, badParameter("status", "A status is one of: "+strings.Join(statusWords(), ", ")+".")
		}
		f.Statuses = append(f.Statuses, conversations.Status(word))
	}
	return s.messagePage(ctx, in.PageQuery, in.ChannelID, f)
}

// messagePage lists messages within the caller's channels.
func (s *Server) messagePage(ctx context.Context, q PageQuery, channelID string, f conversations.MessageFilter) (*pageOutput[messageBody], error) {
	p := principal(ctx)
	before, err := lastID(q.After)
	if err != nil {
		return nil, err
	}
	if f.ChannelIDs, err = channelScope(p, channelID); err != nil {
		return nil, err
	}
	list, err := s.Conversations.ListMessages(ctx, p.TenantID, f, before, q.Limit+1)
	if err != nil {
		return nil, err
	}
	types, err := s.typesOf(ctx, list)
	if err != nil {
		return nil, err
	}
	key := func(m conversations.Message) []string { return []string{m.ID} }
	return newPage(list, q.Limit, key, func(m conversations.Message) messageBody { return s.renderMessage(m, types[m.ChannelID]) }), nil
}

// channelScope is the filter for the channels that a caller asks for and may see;
// nil means all.
func channelScope(p *account.Principal, channelID string) ([]string, error) {
	if channelID == "" {
		return p.ChannelIDs, nil
	}
	return []string{channelID}, allowedChannel(p, channelID)
}

func (s *Server) typesOf(ctx context.Context, list []conversations.Message) (map[string]string, error) {
	types := map[string]string{}
	for _, m := range list {
		if _, ok := types[m.ChannelID]; ok {
			continue
		}
		typ, err := s.Registry.TypeOf(ctx, m.ChannelID)
		if err != nil {
			return nil, err
		}
		types[m.ChannelID] = typ
	}
	return types, nil
}

func statusWords() []string {
	return []string{"received", "scheduled", "queued", "sending", "uncertain", "sent", "delivered", "read", "failed", "rejected", "expired", "cancelled"}
}

func knownStatus(st conversations.Status) bool { return slices.Contains(statusWords(), string(st)) }

// badParameter is the fault for a query parameter that its schema cannot refuse.
func badParameter(name, message string) error {
	p := newProblem(http.StatusUnprocessableEntity, "validation_error", "The request has 1 invalid field(s).")
	p.Errors = []ProblemField{{Parameter: name, Code: "invalid", Message: message}}
	return p
}

type messagePath struct {
	ID string `path:"id" maxLength:"100"`
}

type messageOutput struct {
	Body struct {
		messageBody
		Timeline timelineBody `json:"timeline"`
	}
}

// ownMessage returns a message of the caller's tenant and channels.
func (s *Server) ownMessage(ctx context.Context, messageID string) (conversations.Message, error) {
	p := principal(ctx)
	m, err := s.Conversations.GetMessage(ctx, p.TenantID, messageID)
	if err == nil && !p.CanChannel(m.ChannelID) {
		return m, fault.Missing("message")
	}
	return m, err
}

// getMessage serves GET /api/v1/messages/{id}.
func (s *Server) getMessage(ctx context.Context, in *messagePath) (*messageOutput, error) {
	m, err := s.ownMessage(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	typ, err := s.Registry.TypeOf(ctx, m.ChannelID)
	if err != nil {
		return nil, err
	}
	t, err := s.Conversations.Timeline(ctx, m.TenantID, m.ID)
	if err != nil {
		return nil, err
	}
	out := &messageOutput{}
	out.Body.messageBody, out.Body.Timeline = s.renderMessage(m, typ), renderTimeline(m, t)
	return out, nil
}

type readMessageInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body *struct {
		Typing bool `json:"typing,omitempty" doc:"Also show the typing indicator, for up to 25 seconds."`
	}
}

// readMessage serves POST /api/v1/messages/{id}/read. It waits for the provider.
func (s *Server) readMessage(ctx context.Context, in *readMessageInput) (*struct{}, error) {
	m, err := s.ownMessage(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if m.Direction != conversations.Inbound {
		return nil, fault.New(fault.Conflict, "not_inbound", "Only messages from customers can be marked as read.")
	}
	return nil, s.tellRead(ctx, m, in.Body != nil && in.Body.Typing)
}

func (s *Server) tellRead(ctx context.Context, m conversations.Message, typing bool) error {
	o, err := s.Registry.Lookup(ctx, m.ChannelID)
	if err != nil {
		return err
	}
	reader, ok := o.Account.(channels.Reader)
	if !ok {
		return channels.ErrUnsupported
	}
	target := m.ProviderID
	if m.AltProviderID != "" { // the network's own id, where the provider puts one of its own before it
		target = m.AltProviderID
	}
	return reader.MarkRead(ctx, target, typing)
}
