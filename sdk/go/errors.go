package linktor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kinds of errors, for errors.Is.
var (
	ErrValidation      = errors.New("linktor: invalid request")       // 400, 413, 415, 422
	ErrUnauthenticated = errors.New("linktor: no valid credential")   // 401
	ErrPermission      = errors.New("linktor: permission missing")    // 403
	ErrNotFound        = errors.New("linktor: not found")             // 404, also for what belongs to others
	ErrConflict        = errors.New("linktor: conflict")              // 409
	ErrRateLimited     = errors.New("linktor: rate limited")          // 429; see APIError.RetryAfter
	ErrWindowClosed    = errors.New("linktor: window closed")         // send a template
	ErrServer          = errors.New("linktor: server error")          // 5xx
	ErrConnection      = errors.New("linktor: cannot reach server")   // no answer came
	ErrWebhook         = errors.New("linktor: webhook not authentic") // answer 401 and do nothing
)

// APIError is an error that the server answered.
type APIError struct {
	Status     int           `json:"status"`
	Code       string        `json:"code"` // the word to branch on, e.g. window_closed
	Title      string        `json:"title"`
	Detail     string        `json:"detail"` // for people
	Instance   string        `json:"instance"`
	RequestID  string        `json:"requestId"` // quote it when you report a problem
	Retryable  bool          `json:"retryable"` // whether the same request can succeed later
	Fields     []FieldError  `json:"errors"`
	RetryAfter time.Duration `json:"-"` // how long the server asked to wait; zero if it did not
}

// FieldError is one invalid field of a request.
type FieldError struct {
	Pointer   string `json:"pointer"`   // JSON pointer into the body, e.g. /content/text
	Parameter string `json:"parameter"` // name of the query, path or header parameter
	Code      string `json:"code"`
	Message   string `json:"message"`
	Limit     int    `json:"limit"`
}

func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "linktor: %d %s", e.Status, e.Code)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, " [%s%s: %s]", f.Pointer, f.Parameter, f.Message)
	}
	return b.String()
}

// Is reports whether target is e's kind. A closed window is also ErrValidation.
func (e *APIError) Is(target error) bool {
	if e.Code == "window_closed" && target == ErrWindowClosed {
		return true
	}
	return target == kindOf(e.Status)
}

func kindOf(status int) error {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return ErrValidation
	case http.StatusUnauthorized:
		return ErrUnauthenticated
	case http.StatusForbidden:
		return ErrPermission
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	case http.StatusTooManyRequests:
		return ErrRateLimited
	}
	if status >= 500 {
		return ErrServer
	}
	return nil
}

// apiError reads an error answer. What a proxy in between answered becomes an
// error, too.
func apiError(status int, header http.Header, body []byte) *APIError {
	e := &APIError{}
	if json.Unmarshal(body, e) != nil || e.Code == "" {
		e = &APIError{
			Code: "http_" + strconv.Itoa(status), Detail: http.StatusText(status),
			RequestID: header.Get("X-Request-Id"), Retryable: status == http.StatusTooManyRequests || status >= 500,
		}
	}
	e.Status = status
	e.RetryAfter = retryAfter(header.Get("Retry-After"))
	return e
}

// retryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3).
func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil {
		return max(0, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// ConnectionError means that no answer came. It is ErrConnection.
type ConnectionError struct {
	Method, Path string
	Err          error
}

func (e *ConnectionError) Error() string {
	return fmt.Sprintf("linktor: %s %s: %v", e.Method, e.Path, e.Err)
}

func (e *ConnectionError) Unwrap() []error { return []error{ErrConnection, e.Err} }

// RealtimeError ends a stream for good.
type RealtimeError struct {
	Code   int // the WebSocket close code, e.g. 4011 for a revoked key
	Reason string
}

func (e *RealtimeError) Error() string {
	return fmt.Sprintf("linktor: realtime: %d %s", e.Code, e.Reason)
}

// WebhookError says why a webhook was refused. It is ErrWebhook.
type WebhookError struct {
	// missing_header, bad_timestamp, too_old, too_new, no_match, bad_secret or
	// bad_payload.
	Reason  string
	Message string
}

func (e *WebhookError) Error() string { return "linktor: webhook: " + e.Message }

func (e *WebhookError) Unwrap() error { return ErrWebhook }
