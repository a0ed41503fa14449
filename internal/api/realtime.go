package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/realtime"
)

// Realtime is what the event routes need beside Resources.Accounts.
type Realtime struct {
	Events realtime.Source // the log: EventSource
	Hub    *realtime.Hub   // nil on a node that keeps no connections
	// OnConnection is told of each connection's begin (1) and end (-1), for
	// metrics. It may be nil.
	OnConnection func(transport string, change int)
	// Origins of web pages that may open sockets and call the API, e.g.
	// https://inbox.example.com, beside this server's own.
	Origins []string
}

// EventSource lets a hub read the event log.
func EventSource(log *events.Log) realtime.Source { return eventSource{log} }

type eventSource struct{ *events.Log }

func (s eventSource) Read(ctx context.Context, tenant string, after int64, limit int) ([]realtime.Event, error) {
	rows, err := s.Log.Read(ctx, tenant, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]realtime.Event, len(rows))
	for i := range rows {
		e := &rows[i]
		out[i] = realtime.Event{Seq: e.Seq, Type: e.Type, ChannelID: e.ChannelID,
			ConversationID: e.ConversationID, At: e.At, Envelope: e.Envelope()}
	}
	return out, nil
}

// sockets serves the event routes.
type sockets struct {
	Realtime
	s       *Server
	upgrade fiber.Handler
}

// connected tells of a connection, and returns what tells of its end.
func (h *sockets) connected(transport string) (ended func()) {
	if h.OnConnection == nil {
		return func() {}
	}
	h.OnConnection(transport, 1)
	return func() { h.OnConnection(transport, -1) }
}

// registerRealtime serves the log as pages, and as a socket and a stream on nodes
// that have a hub.
func (s *Server) registerRealtime() {
	if s.Realtime.Events == nil {
		return
	}
	h := &sockets{Realtime: s.Realtime, s: s}
	route(s, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/api/v1/events", Tags: []string{"Events"},
		Summary: "Read the event log", Description: "Events in order, oldest first. Poll with the cursor of the last answer to follow the log.",
	}, need(account.ViewEvents), h.list)
	route(s, huma.Operation{
		OperationID: "create-realtime-ticket", Method: http.MethodPost, Path: "/api/v1/realtime/tickets", Tags: []string{"Events"},
		Summary: "Get a ticket for one socket", Description: "For browsers, which cannot send headers when they open a WebSocket. Put it into the hello frame.",
		DefaultStatus: http.StatusCreated,
	}, need(account.ViewEvents), h.ticket)
	if h.Hub == nil {
		return
	}
	h.upgrade = websocket.New(h.serve, websocket.Config{
		Subprotocols:    []string{realtime.Protocol},
		ReadBufferSize:  512, // hello fits; what clients send later is smaller
		WriteBufferSize: 256, // the hub writes whole batches past this buffer
		RecoverHandler:  h.recovered,
	})
	s.raw(http.MethodGet, "/api/v1/realtime", public(), h.handshake)
	s.raw(http.MethodGet, "/api/v1/events/stream", need(account.ViewEvents), h.stream)
}

type ticketOutput struct{ Body ticketBody }

type ticketBody struct {
	Ticket    string `json:"ticket" doc:"Works once."`
	ExpiresIn int64  `json:"expiresIn" doc:"Seconds."`
}

// ticket serves POST /api/v1/realtime/tickets.
func (h *sockets) ticket(ctx context.Context, _ *struct{}) (*ticketOutput, error) {
	token, expires, err := h.s.Accounts.NewTicket(ctx, principal(ctx))
	if err != nil {
		return nil, err
	}
	return &ticketOutput{ticketBody{token, seconds(expires.Sub(h.s.Now()))}}, nil
}

// client is p as the hub sees it. Owner holds everything that Alive compares, so
// that two sockets share an answer only where it is the same.
func (h *sockets) client(p *account.Principal) realtime.Client {
	owner := []string{p.TenantID, p.KeyID, p.UserID, p.SessionID, string(p.Role)}
	for _, perm := range p.Permissions {
		owner = append(owner, string(perm))
	}
	c := realtime.Client{
		Tenant: p.TenantID, Scope: p.ChannelIDs, Owner: strings.Join(append(owner, p.ChannelIDs...), " "),
		Alive: func(ctx context.Context) bool { return h.s.Accounts.Alive(ctx, p) },
		Ended: realtime.CloseError{Code: realtime.CloseRevoked, Reason: "the API key was revoked or changed"},
	}
	if !p.Can(account.ViewMessages) || !p.Can(account.ViewConversations) || !p.Can(account.ViewContacts) {
		c.Sees = func(typ string) bool { return seesEvent(p, typ) }
	}
	if p.KeyID == "" {
		c.Ended = realtime.CloseError{Code: realtime.CloseUnauthenticated, Reason: "the session ended or its role changed"}
	}
	return c
}

// ticketTimeout bounds the check of a ticket.
const ticketTimeout = 5 * time.Second

// admit is the hub's question who sent a hello. known is the principal of the
// handshake's header, or nil.
func (h *sockets) admit(known *account.Principal) realtime.Admit {
	return func(ctx context.Context, hello *realtime.Hello) (realtime.Client, error) {
		p := known
		switch {
		case p != nil && hello.Ticket != "":
			return realtime.Client{}, &realtime.CloseError{Code: realtime.CloseBadFrame, Reason: "a header or a ticket, not both"}
		case p == nil && hello.Ticket == "":
			return realtime.Client{}, &realtime.CloseError{Code: realtime.CloseUnauthenticated, Reason: "send a ticket in hello or a key as header"}
		case p == nil:
			ctx, cancel := context.WithTimeout(ctx, ticketTimeout)
			defer cancel()
			var err error
			if p, err = h.s.Accounts.RedeemTicket(ctx, hello.Ticket); fault.KindOf(err) == fault.Unauthorized {
				return realtime.Client{}, &realtime.CloseError{Code: realtime.CloseUnauthenticated, Reason: "the ticket is unknown, used or expired"}
			} else if err != nil {
				return realtime.Client{}, err
			}
		}
		if !p.Can(account.ViewEvents) {
			return realtime.Client{}, &realtime.CloseError{Code: realtime.CloseForbidden, Reason: "this needs the permission events:view"}
		}
		return h.client(p), nil
	}
}

// sameOrigin refuses sockets that a page of another site opens with the
// visitor's cookies or network position. Programs send no Origin.
func (h *sockets) sameOrigin(c *fiber.Ctx) error {
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" || slices.Contains(h.Origins, origin) {
		return nil
	}
	u, err := url.Parse(origin)
	own, ownErr := url.Parse(h.s.PublicURL)
	if err == nil && u.Host != "" && (strings.EqualFold(u.Host, c.Hostname()) || ownErr == nil && strings.EqualFold(u.Host, own.Host)) {
		return nil
	}
	return fault.New(fault.Forbidden, "origin_not_allowed", "Pages of this origin may not open a socket here.")
}
