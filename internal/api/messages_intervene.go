package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/registry"
)

func (s *Server) registerInterventions() {
	op := func(id, path, summary, description string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: "/api/v1/messages/{id}" + path, Summary: summary,
			Tags: []string{"Messages"}, Description: description}
	}
	anySend := need(account.SendTemplates, account.SendText, account.SendMedia)
	route(s, op("cancel-message", "/cancel", "Cancel a message that is scheduled or queued",
		"409 not_cancellable if it is too late; the detail names the message's status."), anySend, s.cancelMessage)
	route(s, op("retry-message", "/retry", "Send a message again that ended without being delivered",
		"Makes another attempt of the same message, with a new validity, and says whether the customer may get it twice."), anySend, s.retryMessage)
	route(s, op("settle-message", "/settle", "Say what became of an uncertain message",
		"For messages whose outcome no report told. resend sends it again as a possible duplicate."), anySend, s.settleMessage)
}

type plainMessageOutput struct{ Body messageBody }

// mayChange returns a message of the caller's that the caller might have sent, and
// its channel.
func (s *Server) mayChange(ctx context.Context, messageID string) (m conversations.Message, o *registry.Open, err error) {
	if m, err = s.ownMessage(ctx, messageID); err != nil {
		return m, nil, err
	}
	p := principal(ctx)
	if err := maySend(p, &m.Content, m.FallbackTemplate()); err != nil {
		return m, nil, err
	}
	o, err = s.ownChannel(ctx, p, m.ChannelID)
	return m, o, err
}

// cancelMessage serves POST /api/v1/messages/{id}/cancel.
func (s *Server) cancelMessage(ctx context.Context, in *messagePath) (*plainMessageOutput, error) {
	m, o, err := s.mayChange(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if m, err = s.Conversations.Cancel(ctx, m.TenantID, m.ID); err != nil {
		return nil, err
	}
	return &plainMessageOutput{s.renderMessage(m, o.Type)}, nil
}

type retriedOutput struct {
	Body struct {
		Message           messageBody `json:"message"`
		PossibleDuplicate bool        `json:"possibleDuplicate" doc:"Whether the customer may get it twice."`
		Reason            string      `json:"reason" doc:"Why that is so, or is not."`
	}
}

// retryMessage serves POST /api/v1/messages/{id}/retry.
func (s *Server) retryMessage(ctx context.Context, in *messagePath) (*retriedOutput, error) {
	r, typ, err := s.retry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &retriedOutput{}
	out.Body.Message, out.Body.PossibleDuplicate, out.Body.Reason = s.renderMessage(r.Message, typ), r.PossibleDuplicate, r.Reason
	return out, nil
}

// retry checks a message as if it were sent now, and queues it again.
func (s *Server) retry(ctx context.Context, messageID string) (r conversations.Retried, channelType string, err error) {
	m, o, err := s.mayChange(ctx, messageID)
	if err == nil {
		err = s.sendable(ctx, m, o)
	}
	if err != nil {
		return r, "", err
	}
	r, err = s.Conversations.Retry(ctx, m.TenantID, m.ID, o.Description.Window.Duration())
	return r, o.Type, err
}

// sendable checks what may have changed since a message was accepted.
func (s *Server) sendable(ctx context.Context, m conversations.Message, o *registry.Open) error {
	if m.Direction != conversations.Outbound {
		return fault.New(fault.Conflict, "not_retryable", "Only messages to customers can be sent again.")
	}
	if !o.Enabled {
		return fault.New(fault.Conflict, "channel_disabled", "The channel is disabled. Enable it to send.")
	}
	if c := m.FallbackTemplate(); c != nil {
		_, _, err := s.Templates.Check(ctx, m.TenantID, m.ChannelID, c.Template)
		return moved(err, "/fallbackTemplate")
	}
	if m.Content.Type == channels.TypeTemplate && m.Content.Template != nil {
		_, _, err := s.Templates.Check(ctx, m.TenantID, m.ChannelID, m.Content.Template)
		return err
	}
	return nil
}

type settleInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Outcome           string `json:"outcome" enum:"sent,failed,resend"`
		ProviderMessageID string `json:"providerMessageId,omitempty" maxLength:"255" doc:"Of sent, if known: later reports of the provider then find the message."`
	}
}

// settleMessage serves POST /api/v1/messages/{id}/settle.
func (s *Server) settleMessage(ctx context.Context, in *settleInput) (*plainMessageOutput, error) {
	m, o, err := s.mayChange(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body.ProviderMessageID != "" && in.Body.Outcome != "sent" {
		return nil, fault.Field("/providerMessageId", "not_allowed", "Only a message that was sent has an id at the provider.")
	}
	if in.Body.Outcome == "resend" {
		if err := s.sendable(ctx, m, o); err != nil {
			return nil, err
		}
	}
	m, err = s.Conversations.Settle(ctx, m.TenantID, m.ID, conversations.Settlement{
		Outcome: in.Body.Outcome, ProviderID: in.Body.ProviderMessageID, Window: o.Description.Window.Duration(),
	})
	if err != nil {
		return nil, err
	}
	return &plainMessageOutput{s.renderMessage(m, o.Type)}, nil
}
