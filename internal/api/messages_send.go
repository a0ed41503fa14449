package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/telemetry"
)

func (s *Server) registerSends() {
	op := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: path, Summary: summary, Tags: []string{"Messages"},
			DefaultStatus: http.StatusAccepted, SkipValidateBody: true, // the content union is checked by its channel
			Metadata:    map[string]any{ownIdempotency: true},
			Description: "Answers 202 once the message is stored. What happens to it then is told by message.status events and GET /api/v1/messages/{id}."}
	}
	anySend := need(account.SendTemplates, account.SendText, account.SendMedia)
	route(s, op("send-message", "/api/v1/messages", "Send a message"), anySend, s.send)
	route(s, op("send-channel-message", "/api/v1/channels/{channelId}/messages", "Send a message on a channel"), anySend, s.sendOnChannel)
}

// sendBody is what callers write. Unknown members are refused.
type sendBody struct {
	ChannelID       string           `json:"channelId,omitempty" doc:"The channel that sends."`
	To              string           `json:"to" doc:"A phone number with its country code, or a business-scoped user id."`
	Content         channels.Content `json:"content"`
	ReplyTo         string           `json:"replyTo,omitempty" doc:"The id of the message to quote."`
	Reference       string           `json:"reference,omitempty" maxLength:"255" doc:"A text of yours, shown wherever the message is."`
	ValidForSeconds int64            `json:"validForSeconds,omitempty" minimum:"1" maximum:"2592000" doc:"How long the provider may take to accept it; 48 hours, or the template's own time, by default."`
	OnUncertain     string           `json:"onUncertain,omitempty" enum:"auto,resend,never,manual" doc:"What to do if it is unknown whether the provider took it."`
	Options         channels.Options `json:"options,omitempty"`

	SendAt           string            `json:"sendAt,omitempty" format:"date-time" doc:"When to send it: at most 30 days ahead. Its validity counts from then."`
	Ordering         string            `json:"ordering,omitempty" enum:"strict,bestEffort" doc:"Whether later messages to the same contact may pass it if it is held up for more than 120 seconds by something other than a limit. strict, but bestEffort for templates, by default."`
	FallbackTemplate *channels.Content `json:"fallbackTemplate,omitempty" doc:"Content of type template that is sent instead, once, if the customer service window is closed."`
}

const (
	maxReference = 255
	// maxValidFor is 30 days, the longest that WhatsApp itself keeps a message for
	// a device that is away.
	maxValidFor = 30 * 24 * 3600
)

type sendInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"A repeat with the same key and body answers with the first message."`
	Body           sendBody
}

type sendOnChannelInput struct {
	ChannelID      string `path:"channelId" maxLength:"100"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"A repeat with the same key and body answers with the first message."`
	Body           sendBody
}

type sendOutput struct {
	Replayed string `header:"Idempotent-Replayed"`
	Location string `header:"Location"`
	Body     messageBody
}

// send serves POST /api/v1/messages.
func (s *Server) send(ctx context.Context, in *sendInput) (*sendOutput, error) {
	if in.Body.ChannelID == "" {
		return nil, fault.Field("/channelId", "required", "Name the channel that sends.")
	}
	return s.queue(ctx, in.IdempotencyKey, in.Body)
}

// sendOnChannel serves POST /api/v1/channels/{channelId}/messages.
func (s *Server) sendOnChannel(ctx context.Context, in *sendOnChannelInput) (*sendOutput, error) {
	if in.Body.ChannelID != "" && in.Body.ChannelID != in.ChannelID {
		return nil, fault.Field("/channelId", "invalid", "The body names another channel than the path.")
	}
	in.Body.ChannelID = in.ChannelID
	return s.queue(ctx, in.IdempotencyKey, in.Body)
}

// queue checks a message in every way that needs no provider, and stores it.
func (s *Server) queue(ctx context.Context, key string, b sendBody) (*sendOutput, error) {
	p := principal(ctx)
	o, err := s.ownChannel(ctx, p, b.ChannelID)
	if err != nil {
		return nil, err
	}
	if err := maySend(p, &b.Content, b.FallbackTemplate); err != nil {
		return nil, err
	}
	fingerprint, err := fingerprintOf(b)
	if err != nil {
		return nil, err
	}
	d, err := s.draft(ctx, p, o, b)
	var m conversations.Message
	var replayed bool
	if err == nil {
		d.IdempotencyKey, d.Fingerprint = key, fingerprint
		m, replayed, err = s.Conversations.Queue(ctx, d)
	} else if key != "" { // it was right when it was accepted: the answer is the first one, whatever has changed since
		m, replayed, err = s.Conversations.Accepted(ctx, p.TenantID, key, fingerprint, err)
	}
	if err != nil {
		return nil, err
	}
	out := &sendOutput{Location: "/api/v1/messages/" + m.ID, Body: s.renderMessage(m, o.Type)}
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// ownChannel returns an opened channel of the caller's tenant and scope.
func (s *Server) ownChannel(ctx context.Context, p *account.Principal, channelID string) (*registry.Open, error) {
	if err := allowedChannel(p, channelID); err != nil {
		return nil, err
	}
	o, err := s.Registry.Lookup(ctx, channelID)
	if err != nil {
		return nil, err
	}
	if o.TenantID != p.TenantID {
		return nil, fault.Missing("channel")
	}
	return o, nil
}

// maySend checks that p may send the content and what may go out in its place.
func maySend(p *account.Principal, c, fallback *channels.Content) error {
	if err := allowed(p, sendPermission(c)); err != nil || fallback == nil {
		return err
	}
	return allowed(p, account.SendTemplates)
}

// sendPermission is the permission that content of this type needs.
func sendPermission(c *channels.Content) account.Permission {
	switch c.Type {
	case channels.TypeTemplate:
		return account.SendTemplates
	case channels.TypeImage, channels.TypeAudio, channels.TypeVideo, channels.TypeDocument, channels.TypeSticker:
		return account.SendMedia
	}
	return account.SendText
}

// fingerprintOf identifies the request, whichever of the two routes it came by.
func fingerprintOf(b sendBody) (string, error) {
	raw, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(append([]byte("POST /api/v1/messages\n"), raw...))
	return hex.EncodeToString(sum[:]), nil
}

// draft turns a request into a checked draft.
func (s *Server) draft(ctx context.Context, p *account.Principal, o *registry.Open, b sendBody) (conversations.Draft, error) {
	var none conversations.Draft
	if !o.Enabled {
		return none, fault.New(fault.Conflict, "channel_disabled", "The channel is disabled. Enable it to send.")
	}
	if err := checkFields(&b); err != nil {
		return none, err
	}
	to, err := parseRecipient(b.To)
	if err != nil {
		return none, err
	}
	quoted, err := s.quoted(ctx, p, o.ID, b)
	if err != nil {
		return none, err
	}
	err = media.Walk(&b.Content, func(at string, m *channels.Media) error {
		return s.Media.Describe(ctx, p.TenantID, "/content"+at, m)
	})
	if err != nil {
		return none, err
	}
	if err := o.Account.Check(channels.Outbound{To: to, Content: b.Content, ReplyTo: quoted, Options: b.Options}); err != nil {
		return none, fault.FromInvalid(err, "")
	}
	d := conversations.Draft{
		TenantID: p.TenantID, ChannelID: o.ID, ChannelType: o.Type, Identity: o.Description.Identity,
		To: to, ToRaw: b.To, Content: b.Content, ReplyToID: b.ReplyTo, Options: b.Options,
		Window: o.Description.Window.Duration(), ValidFor: time.Duration(b.ValidForSeconds) * time.Second,
		OnUncertain: b.OnUncertain, Reference: b.Reference, Author: authorOf(p), RequestID: telemetry.RequestID(ctx),
		Ordering: conversations.Ordering(b.Ordering),
	}
	if d.SendAt, err = s.sendAt(b.SendAt); err != nil {
		return none, err
	}
	if d.Fallback, err = s.fallback(ctx, p, o, to, quoted, b); err != nil {
		return none, err
	}
	if d.OnUncertain == "" {
		d.OnUncertain = o.OnUncertain
	}
	if b.Content.Type == channels.TypeTemplate && b.Content.Template != nil {
		category, ttl, err := s.Templates.Check(ctx, p.TenantID, o.ID, b.Content.Template)
		if err != nil {
			return none, err
		}
		d.Category = category
		if d.ValidFor == 0 {
			d.ValidFor = ttl
		}
	}
	if d.ValidFor == 0 {
		d.ValidFor = o.Description.Validity.Duration()
	}
	return d, nil
}

// checkFields checks what no channel has a say in.
func checkFields(b *sendBody) error {
	inv := &channels.Invalid{}
	if b.Content.Type == "" {
		inv.Add("/content/type", "required", "Name the type of the content, such as text.")
	}
	if len(b.Reference) > maxReference {
		inv.AddLimit("/reference", "too_long", maxReference, fmt.Sprintf("The reference is longer than %d characters.", maxReference))
	}
	if b.ValidForSeconds < 0 || b.ValidForSeconds > maxValidFor {
		inv.AddLimit("/validForSeconds", "invalid", maxValidFor, fmt.Sprintf("A message is valid for 1 to %d seconds.", maxValidFor))
	}
	switch b.OnUncertain {
	case "", "auto", "resend", "never", "manual":
	default:
		inv.Add("/onUncertain", "invalid", "onUncertain is one of auto, resend, never and manual.")
	}
	switch conversations.Ordering(b.Ordering) {
	case "", conversations.OrderStrict, conversations.OrderBestEffort:
	default:
		inv.Add("/ordering", "invalid", "ordering is one of strict and bestEffort.")
	}
	return fault.FromInvalid(inv.Err(), "")
}

// quoted checks the messages that a request refers to, and returns the provider's
// id of the one it quotes.
func (s *Server) quoted(ctx context.Context, p *account.Principal, channelID string, b sendBody) (providerID string, err error) {
	refer := func(messageID, pointer string) (string, error) {
		m, err := s.Conversations.GetMessage(ctx, p.TenantID, messageID)
		if fault.KindOf(err) == fault.NotFound || err == nil && m.ChannelID != channelID {
			return "", fault.Field(pointer, "not_found", "There is no such message on this channel.")
		}
		if err == nil && m.ProviderID == "" {
			return "", fault.Field(pointer, "not_ready", "The provider has not accepted that message yet.")
		}
		return m.ProviderID, err
	}
	if r := b.Content.Reaction; r != nil && isMessageID(r.MessageID) {
		if _, err := refer(r.MessageID, "/content/reaction/messageId"); err != nil {
			return "", err
		}
	}
	if b.ReplyTo == "" {
		return "", nil
	}
	return refer(b.ReplyTo, "/replyTo")
}

func authorOf(p *account.Principal) conversations.Author {
	if p.KeyID != "" {
		return conversations.Author{Type: "api_key", ID: p.KeyID}
	}
	return conversations.Author{Type: "user", ID: p.UserID}
}
