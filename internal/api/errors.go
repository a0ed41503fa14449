package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/telemetry"
)

// Problem is the body of every error: RFC 9457 with members of our own.
type Problem struct {
	Type      string         `json:"type" doc:"A name of the code as a URI; it does not resolve."`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"For people; it can change."`
	Instance  string         `json:"instance,omitempty" doc:"The path that was called."`
	Code      string         `json:"code" doc:"For programs: the one member to branch on."`
	RequestID string         `json:"requestId"`
	Retryable bool           `json:"retryable" doc:"Whether the same request can succeed later."`
	Errors    []ProblemField `json:"errors,omitempty"`

	retryAfter time.Duration
}

// ProblemField is one invalid field of a request.
type ProblemField struct {
	Pointer   string `json:"pointer,omitempty" doc:"JSON pointer into the request body."`
	Parameter string `json:"parameter,omitempty" doc:"Name of the query, path or header parameter."`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Limit     int    `json:"limit,omitempty"`
	Offset    int64  `json:"offset,omitempty" doc:"Bytes before the place in a body that is not JSON."`
}

func (p *Problem) Error() string  { return p.Code + ": " + p.Detail }
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is asked by huma.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders is asked by huma when a handler returns p.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(seconds(p.retryAfter), 10))
	}
	return h
}

const problemType = "application/problem+json"

var statusOf = map[fault.Kind]int{
	fault.Malformed:    http.StatusBadRequest,
	fault.Unauthorized: http.StatusUnauthorized,
	fault.Forbidden:    http.StatusForbidden,
	fault.NotFound:     http.StatusNotFound,
	fault.Conflict:     http.StatusConflict,
	fault.TooLarge:     http.StatusRequestEntityTooLarge,
	fault.Invalid:      http.StatusUnprocessableEntity,
	fault.Limited:      http.StatusTooManyRequests,
	fault.Unavailable:  http.StatusServiceUnavailable,
	fault.Internal:     http.StatusInternalServerError,
}

// problem turns any error into what the caller may see of it. Errors that are
// not faults are logged, and shown as "internal error" with the request id.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		p.RequestID = telemetry.RequestID(ctx)
		return p
	}
	f := asFault(err)
	p := newProblem(statusOf[f.Kind], fault.CodeOf(f), f.Message)
	p.RequestID = telemetry.RequestID(ctx)
	p.Retryable = f.Kind == fault.Limited || f.Kind == fault.Unavailable || f.Kind == fault.Internal
	p.retryAfter = f.RetryAfter
	for _, x := range f.Problems {
		p.Errors = append(p.Errors, ProblemField{Pointer: x.Pointer, Code: x.Code, Message: x.Message, Limit: x.Limit})
	}
	if f.Kind == fault.Internal {
		p.Detail = "Something went wrong on our side. Quote the request id when you report it."
	}
	if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		s.Log.ErrorContext(ctx, "request failed", "code", p.Code, "err", err)
	}
	return p
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "urn:linktor:error:" + code, Title: http.StatusText(status), Status: status,
		Detail: detail, Code: code}
}

// asFault classifies what is not a fault yet.
func asFault(err error) *fault.Error {
	err = fault.FromInvalid(err, "")
	if db.IsFull(err) { // whatever it has been taken for on its way here
		return &fault.Error{Kind: fault.Unavailable, Code: "storage_full", RetryAfter: 5 * time.Second, Err: err,
			Message: "The disk of the server is full. Nothing was stored. Try again once there is space."}
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if se, ok := errors.AsType[*channels.SendError](err); ok { // before IsAway: it may wrap a network error
		return providerFault(se)
	}
	away := func(code, message string) *fault.Error {
		return &fault.Error{Kind: fault.Unavailable, Code: code, Message: message, RetryAfter: 2 * time.Second, Err: err}
	}
	switch {
	case errors.Is(err, channels.ErrUnsupported):
		return fault.New(fault.Invalid, "unsupported", "This channel type has no such call.")
	case errors.Is(err, context.DeadlineExceeded):
		return away("timeout", "The request took too long and was stopped. Try again.")
	case db.IsAway(err):
		return away("database_unavailable", "The database cannot be reached. Try again.")
	}
	return &fault.Error{Kind: fault.Internal, Err: err}
}

// providerFault is a provider's refusal of a call that the caller waits for.
func providerFault(se *channels.SendError) *fault.Error {
	f := &fault.Error{Kind: fault.Invalid, Code: "provider_refused", RetryAfter: se.RetryAfter, Err: se}
	advice := se.Action
	switch se.Class { //nolint:exhaustive // the others are final: their action says what to do
	case channels.ClassNotSent, channels.ClassTransient, channels.ClassUncertain:
		f.Kind, f.Code = fault.Unavailable, "provider_unavailable"
	case channels.ClassThrottled:
		f.Kind, f.Code = fault.Unavailable, "provider_throttled"
	}
	if f.Kind == fault.Unavailable { // their action is about messages, which are sent again by themselves
		advice = "Try again; if it lasts, check this server's network and the channel's settings."
		f.RetryAfter = max(f.RetryAfter, 5*time.Second)
	}
	var parts []string
	for _, s := range []string{se.Title, se.Detail, advice} {
		if s = strings.TrimRight(s, "."); s != "" {
			parts = append(parts, s)
		}
	}
	f.Message = strings.Join(parts, ". ") + "."
	return f
}

// renderError is the error handler of routes outside huma.
func (s *Server) renderError(c *fiber.Ctx, err error) error {
	var p *Problem
	if fe, ok := errors.AsType[*fiber.Error](err); ok {
		p = newProblem(fe.Code, httpCode(fe.Code), httpDetail(fe.Code))
		p.RequestID = telemetry.RequestID(c.UserContext())
	} else {
		p = s.problem(c.UserContext(), err)
	}
	return writeProblemTo(c, p)
}

func writeProblemTo(c *fiber.Ctx, p *Problem) error {
	if p.retryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.FormatInt(seconds(p.retryAfter), 10))
	}
	if p.Status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="linktor"`)
	}
	p.Instance = instance(c)
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, problemType)
	return c.Status(p.Status).Send(body)
}

// instance is the path, except where paths hold tokens.
func instance(c *fiber.Ctx) string {
	if path := c.Path(); len(path) > 5 && path[:5] == "/api/" {
		return path
	}
	return ""
}

// writeProblem renders err from a huma middleware.
func (s *Server) writeProblem(ctx huma.Context, err error) {
	c := humafiber.Unwrap(ctx)
	if err := writeProblemTo(c, s.problem(c.UserContext(), err)); err != nil {
		s.Log.ErrorContext(ctx.Context(), "write an error", "err", err) // a Problem always marshals
	}
}

func httpCode(status int) string {
	switch status {
	case http.StatusNotFound:
		return "route_not_found"
	case http.StatusMethodNotAllowed:
		return "method_not_allowed"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnsupportedMediaType:
		return "unsupported_media_type"
	}
	return "http_" + strconv.Itoa(status)
}

func httpDetail(status int) string {
	switch status {
	case http.StatusNotFound:
		return "There is no such route. See /docs."
	case http.StatusMethodNotAllowed:
		return "This route does not answer that method."
	}
	return http.StatusText(status) + "."
}
