package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
)

// Kind decides the HTTP status.
type Kind string

const (
	Malformed    Kind = "malformed"    // 400: not JSON, bad id, bad cursor
	Unauthorized Kind = "unauthorized" // 401: no valid credential
	Forbidden    Kind = "forbidden"    // 403: known caller, missing permission
	NotFound     Kind = "not_found"    // 404: absent, or another tenant's
	Conflict     Kind = "conflict"     // 409: true of the request, false of the current state
	TooLarge     Kind = "too_large"    // 413
	Invalid      Kind = "invalid"      // 422: understood, and can never succeed as written
	Limited      Kind = "limited"      // 429: RetryAfter is set
	Unavailable  Kind = "unavailable"  // 503: a dependency of ours is away; RetryAfter is set
	Internal     Kind = "internal"     // 500: ours; the message is never shown
)

// Error is a fault whose Message may be shown to the API caller.
type Error struct {
	Kind       Kind
	Code       string             // stable word a client may branch on, e.g. window_closed; the kind if empty
	Message    string             // a sentence with the fix; never a rejected value
	Problems   []channels.Problem // one per field
	RetryAfter time.Duration
	Err        error // for the log only
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// New formats a fault.
func New(k Kind, code, format string, args ...any) *Error {
	return &Error{Kind: k, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing is the one answer for an id that is unknown or another tenant's:
// the text depends on the kind of thing only.
func Missing(what string) *Error {
	return New(NotFound, "not_found", "There is no such %s.", what)
}

// Field is an Invalid fault about one field.
func Field(pointer, code, message string) *Error {
	return &Error{Kind: Invalid, Code: "validation_error", Message: message,
		Problems: []channels.Problem{{Pointer: pointer, Code: code, Message: message}}}
}

// FromInvalid turns an adapter's list of problems into an Invalid fault. prefix
// is put before each pointer. Other errors are returned as they are.
func FromInvalid(err error, prefix string) error {
	inv, ok := errors.AsType[*channels.Invalid](err)
	if !ok {
		return err
	}
	f := New(Invalid, "validation_error", "The request has %d invalid field(s).", len(inv.Problems))
	for _, p := range inv.Problems {
		p.Pointer = prefix + p.Pointer
		f.Problems = append(f.Problems, p)
	}
	return f
}

// KindOf returns the kind of err, or Internal if it holds no fault.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of err: its kind where it has none of its own.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return e.Code
	}
	return string(KindOf(err))
}
