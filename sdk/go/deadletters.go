package linktor

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Retried is the answer of Messages.Retry.
type Retried struct {
	Message           Message `json:"message"`
	PossibleDuplicate bool    `json:"possibleDuplicate"` // the customer may get it twice
	Reason            string  `json:"reason"`            // why that is so, or is not
}

// Settlement says what became of an uncertain message.
type Settlement struct {
	Outcome           string `json:"outcome"`                     // sent, failed, resend
	ProviderMessageID string `json:"providerMessageId,omitempty"` // with sent, if known
}

// DeadLetter is a message that ended without being delivered: failed, rejected,
// expired, or uncertain and waiting for a person.
type DeadLetter struct {
	Message Message   `json:"message"`
	EndedAt time.Time `json:"endedAt"`
	Class   string    `json:"class"` // of the error
	Code    string    `json:"code"`  // of the error, such as 131026 or expired
}

// DeadLetterFilter selects dead letters. Empty members select everything.
type DeadLetterFilter struct {
	Paging
	ChannelID, Code, Class string
	From, To               time.Time // when it ended; To is not included
}

// DeadLetterReplay selects what to send again: messages by name, or a filter.
type DeadLetterReplay struct {
	MessageIDs []string  `json:"messageIds,omitempty"`
	ChannelID  string    `json:"channelId,omitempty"`
	Code       string    `json:"code,omitempty"`
	Class      string    `json:"class,omitempty"`
	From       time.Time `json:"from,omitzero"`
	To         time.Time `json:"to,omitzero"`
	Limit      int       `json:"limit,omitempty"` // messages of one call, at most 500
	After      string    `json:"after,omitempty"` // Next of the answer before
}

// DeadLettersReplayed says what one step of a replay did.
type DeadLettersReplayed struct {
	Replayed int `json:"replayed"`
	Skipped  []struct {
		ID     string `json:"id"`
		Reason string `json:"reason"` // a code, such as window_closed
	} `json:"skipped"`
	HasMore   bool     `json:"hasMore"` // call again with Next as After, or with Remaining as MessageIDs
	Next      string   `json:"next"`
	Remaining []string `json:"remaining,omitempty"` // those of MessageIDs that were not looked at
}

// DeadLetters are the calls about messages that ended without being delivered.
type DeadLetters struct{ t *transport }

// List returns a page of dead letters, newest first.
func (d DeadLetters) List(ctx context.Context, f DeadLetterFilter, options ...CallOption) (*Page[DeadLetter], error) {
	query := values("channelId", f.ChannelID, "code", f.Code, "class", f.Class, "from", instant(f.From), "to", instant(f.To))
	return list[DeadLetter](ctx, d.t, path("dead-letters"), f.Paging, query, options)
}

// All yields every dead letter that List would, page after page.
func (d DeadLetters) All(ctx context.Context, f DeadLetterFilter, options ...CallOption) iter.Seq2[DeadLetter, error] {
	return all(ctx, func() (*Page[DeadLetter], error) { return d.List(ctx, f, options...) })
}

// Replay sends dead letters again, oldest first. A call is one step: call it again
// with Next as After, or with Remaining as MessageIDs, until HasMore is false. The same call twice sends nothing twice.
func (d DeadLetters) Replay(ctx context.Context, r DeadLetterReplay, options ...CallOption) (*DeadLettersReplayed, error) {
	return fetch[DeadLettersReplayed](ctx, d.t, http.MethodPost, path("dead-letters", "replay"), r, options)
}
