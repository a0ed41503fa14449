package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/registry"
)

// Ingester commits a verified webhook; conversations.Store is one.
type Ingester interface {
	Ingest(ctx context.Context, w conversations.Webhook) (conversations.Applied, error)
}

// Spooler keeps webhooks on disk while the database is away, for providers that
// do not come again. When it returns nil, w survives a crash.
type Spooler interface {
	Spool(w conversations.Webhook) error
}

const (
	// webhookTimeout bounds the commit of a webhook. Providers give up after some
	// 10 to 20 seconds and come again; an answer should be there before.
	webhookTimeout = 8 * time.Second
	// defaultWebhookBody is the body limit for adapters that name none. Source:
	// Meta, Webhooks for WhatsApp, "payloads can be up to 3 MB".
	defaultWebhookBody = 3 << 20
)

// Results of a webhook, for Deps.OnWebhook.
const (
	webhookApplied   = "applied"
	webhookDuplicate = "duplicate"
	webhookPartial   = "partial"
	webhookFailed    = "failed"
	webhookSpooled   = "spooled"
	webhookRefused   = "refused"
)

func (s *Server) registerWebhooks() {
	if s.Registry == nil {
		return
	}
	for _, path := range []string{"/webhooks/{type}/{channelId}", "/webhooks/{type}/{channelId}/{token}"} {
		s.raw(http.MethodGet, path, public(), s.handshake)
		s.raw(http.MethodPost, path, public(), s.webhookIn)
	}
}

// webhookIn serves POST /webhooks/{type}/{channelId}. A 200 means that the body
// is committed, or kept with a reason, or on disk; never less. Channels that are
// disabled, and messages that are old, are taken like any other: providers repeat
// for days and nothing may be lost. See Ingest for why repeats are harmless.
func (s *Server) webhookIn(c *fiber.Ctx) error {
	start := time.Now()
	result, err := s.takeWebhook(c)
	if err != nil {
		result = webhookRefused
	}
	if s.OnWebhook != nil {
		s.OnWebhook(result, time.Since(start))
	}
	return err
}

func (s *Server) takeWebhook(c *fiber.Ctx) (result string, err error) {
	ctx, cancel := context.WithTimeout(c.UserContext(), webhookTimeout)
	defer cancel()
	o, err := s.webhookChannel(ctx, c)
	if err != nil {
		return "", err
	}
	limit := int64(o.Description.MaxBody)
	if limit <= 0 {
		limit = defaultWebhookBody
	}
	body, err := readBody(c, s.bodyLimit(limit))
	if err != nil {
		return "", err
	}
	header := webhookHeader(c)
	if o.WebhookToken != "" { // webhookChannel has compared it: the proof that a type without signatures asks for
		header.Set("X-Linktor-Webhook-Token", "ok")
	}
	if err := o.Account.Verify(channels.Request{Header: header, Body: body, Remote: s.remote(c)}); err != nil {
		return "", &fault.Error{Kind: fault.Unauthorized, Code: "bad_signature", Err: err,
			Message: "The signature is missing or wrong. Nothing was stored."}
	}
	w := conversations.Webhook{
		TenantID: o.TenantID, ChannelID: o.ID, ChannelType: o.Type,
		Identity: o.Description.Identity, Window: o.Description.Window.Duration(),
		Headers: keptHeaders(header, o.WebhookToken), Body: body, ReceivedAt: s.Now(),
	}
	w.Events, err = o.Parse(body)
	if syn, ok := errors.AsType[*channels.SyntaxError](err); ok {
		p := newProblem(http.StatusBadRequest, "malformed_json", fmt.Sprintf("The body is not valid JSON: see byte %d.", syn.Offset))
		p.Errors = []ProblemField{{Code: p.Code, Message: p.Detail, Offset: syn.Offset}}
		return "", p
	}
	if err != nil {
		w.ParseErr = err.Error()
	}
	return s.store(ctx, o, w)
}

// store commits w, or spools it where the provider will not come again.
func (s *Server) store(ctx context.Context, o *registry.Open, w conversations.Webhook) (result string, err error) {
	applied, err := s.Ingester.Ingest(ctx, w)
	if err == nil {
		return resultOf(applied, w), nil
	}
	if !o.Description.Webhook.Retries && s.Spooler != nil {
		if spoolErr := s.Spooler.Spool(w); spoolErr == nil {
			s.Log.WarnContext(ctx, "webhook spooled", "channelId", o.ID, "err", err)
			return webhookSpooled, nil
		} else {
			err = errors.Join(err, spoolErr)
		}
	}
	return "", &fault.Error{Kind: fault.Unavailable, Code: "storage_unavailable", RetryAfter: 5 * time.Second, Err: err,
		Message: "The webhook could not be stored. Send it again."}
}

func resultOf(a conversations.Applied, w conversations.Webhook) string {
	switch {
	case a.Duplicate:
		return webhookDuplicate
	case w.ParseErr != "" || a.Failed > 0 && a.Events == 0:
		return webhookFailed
	case a.Failed > 0:
		return webhookPartial
	}
	return webhookApplied
}

// webhookChannel finds the channel that the URL names. Every mistake in the URL
// gets the same answer: an unknown id, another type, a wrong or missing token.
func (s *Server) webhookChannel(ctx context.Context, c *fiber.Ctx) (*registry.Open, error) {
	o, err := s.Registry.Lookup(ctx, c.Params("channelId"))
	if k := fault.KindOf(err); err != nil && (k == fault.Invalid || k == fault.Conflict) {
		// Its settings no longer open, or its adapter is gone: a fault of ours, of which
		// a stranger learns nothing, and no reason for the provider to give up.
		return nil, &fault.Error{Kind: fault.Unavailable, Code: "channel_unavailable", RetryAfter: time.Minute, Err: err,
			Message: "The webhook cannot be taken now. Send it again."}
	}
	if err != nil {
		return nil, err
	}
	token := o.WebhookToken
	if o.Type != c.Params("type") || (token == "" && !o.Description.Webhook.Signed) ||
		subtle.ConstantTimeCompare([]byte(c.Params("token")), []byte(token)) != 1 {
		return nil, fault.Missing("channel")
	}
	c.Locals(localTenant, o.TenantID)
	return o, nil
}

// handshake serves GET /webhooks/{type}/{channelId}: the provider's check of the
// URL. The answer is not signed, so it holds only what the provider sent.
func (s *Server) handshake(c *fiber.Ctx) error {
	o, err := s.webhookChannel(c.UserContext(), c)
	if err != nil {
		return err
	}
	h, ok := o.Account.(channels.Handshaker)
	if !ok {
		return fiber.ErrMethodNotAllowed
	}
	query, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return fault.New(fault.Malformed, "malformed_query", "The query cannot be parsed.")
	}
	answer, err := h.Handshake(query)
	if err != nil {
		return &fault.Error{Kind: fault.Forbidden, Code: "bad_verify_token", Err: err,
			Message: "The verify token is not this channel's. Copy it from the channel's settings."}
	}
	c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
	return c.Send(answer)
}

// webhookHeader copies the request's header without what only we may say.
func webhookHeader(c *fiber.Ctx) http.Header {
	h := make(http.Header, 12)
	for k, v := range c.Request().Header.All() {
		name := http.CanonicalHeaderKey(string(k))
		if !strings.HasPrefix(name, "X-Linktor-") {
			h[name] = append(h[name], string(v))
		}
	}
	return h
}

// remote is the caller's address. A proxy that we trust names it in
// X-Forwarded-For, of which the last entry that is not a trusted proxy counts:
// those before it are the caller's own words.
func (s *Server) remote(c *fiber.Ctx) netip.Addr {
	addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	addr = addr.Unmap()
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return addr
}

func (s *Server) trusted(addr netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
