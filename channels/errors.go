package channels

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrBadSignature is returned by Verify and Handshake.
	ErrBadSignature = errors.New("channels: bad signature")

	// ErrUnsupported means that the provider offers no such call.
	ErrUnsupported = errors.New("channels: not supported by this channel")
)

// Class says what a failed send means for the message. The engine decides by
// class alone; the mapping from provider codes is data in each adapter.
type Class string

const (
	// ClassNotSent: the request never left (dial, DNS, TLS, cancelled before a
	// byte was written). Retried without spending the message's attempts.
	ClassNotSent Class = "not_sent"
	// ClassTransient: the provider refused for now; retried on the schedule.
	ClassTransient Class = "transient"
	// ClassThrottled: a rate limit; the lane or the channel waits.
	ClassThrottled Class = "throttled"
	// ClassUncertain: the request was written and the outcome is unknown.
	ClassUncertain Class = "uncertain"
	// ClassRejected: final for this message.
	ClassRejected Class = "rejected"
	// ClassRecipient: final; this recipient cannot be reached or refuses.
	ClassRecipient Class = "recipient"
	// ClassTemplate: final; the template must be fixed.
	ClassTemplate Class = "template"
	// ClassChannel: the account is misconfigured, locked or unpaid; every message
	// of the channel waits until an operator acts.
	ClassChannel Class = "channel"
)

// Final reports whether a message that failed with c is never tried again.
func (c Class) Final() bool {
	return c == ClassRejected || c == ClassRecipient || c == ClassTemplate
}

// Scope says what a refusal applies to, if that is more than the message.
type Scope string

const (
	ScopeLane      Scope = "lane"      // one recipient
	ScopeChannel   Scope = "channel"   // the whole account
	ScopeTemplate  Scope = "template"  // everything made from the message's template; final classes: for good
	ScopeMarketing Scope = "marketing" // marketing: of the account, or with a final class to this person
)

// Beyond returns s if it says something about other messages than those of the
// same lane or channel, which the class tells: a template's, or marketing.
func (s Scope) Beyond() Scope {
	if s == ScopeTemplate || s == ScopeMarketing {
		return s
	}
	return ""
}

// SendError is a provider's refusal, or the failure to reach it.
type SendError struct {
	Class      Class
	Scope      Scope         // empty: the message; with ClassThrottled: the channel
	Code       string        // the provider's code, verbatim, e.g. "131047"; a word of ours if there was none
	Title      string        // what the code means, in a few words
	Action     string        // what to do about it, one sentence for people
	Detail     string        // the provider's text, cut to 1,000 characters; never logged
	RetryAfter time.Duration // zero if the provider named no delay
	HTTPStatus int           // zero if there was no response
	Err        error         // the transport error, if any
	Exchange   *Exchange     // the call; nil if none was made

	NeedsTemplate bool // the service window is closed: a template would be accepted
}

// Error holds no provider text: details can quote message content.
func (e *SendError) Error() string {
	return fmt.Sprintf("channels: send failed: %s %s %s", e.Class, e.Code, e.Title)
}

func (e *SendError) Unwrap() error { return e.Err }

// Problem is one thing wrong with a field of a request or of settings.
type Problem struct {
	Pointer string `json:"pointer"` // JSON pointer, e.g. /content/interactive/action/buttons/2/title
	Code    string `json:"code"`    // required, unsupported, too_long, too_many, too_few, invalid, not_allowed
	Message string `json:"message"` // a sentence with the limit and the fix; never the rejected value
	Limit   int    `json:"limit,omitempty"`
}

// Invalid lists everything wrong with an input.
type Invalid struct{ Problems []Problem }

func (e *Invalid) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.Pointer + ": " + p.Message
	}
	return "channels: invalid: " + strings.Join(parts, "; ")
}

// Add appends a problem.
func (e *Invalid) Add(pointer, code, message string) {
	e.Problems = append(e.Problems, Problem{Pointer: pointer, Code: code, Message: message})
}

// AddLimit appends a problem about a limit that was passed.
func (e *Invalid) AddLimit(pointer, code string, limit int, message string) {
	e.Problems = append(e.Problems, Problem{Pointer: pointer, Code: code, Message: message, Limit: limit})
}

// Err returns e, or nil if it holds no problem.
func (e *Invalid) Err() error {
	if e == nil || len(e.Problems) == 0 {
		return nil
	}
	return e
}

// SyntaxError reports a body that is not JSON.
type SyntaxError struct {
	Offset int64 // bytes before the error
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("channels: malformed JSON at byte %d: %s", e.Offset, e.Reason)
}
