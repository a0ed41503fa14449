package link

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linktor/linktor/channels"
)

// everyDepth makes foldKeys reach all keys.
const everyDepth = math.MaxInt

// Parse turns a callback into events. LINK sends one message or one report per
// callback; an array of them is read too. "One callback relates to one message."
func (a *account) Parse(body []byte) ([]channels.Event, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, syntaxError(err, body)
	}
	if !utf8.Valid(whole) {
		whole = bytes.ToValidUTF8(whole, []byte("\uFFFD"))
	}
	switch whole = bytes.TrimSpace(whole); whole[0] {
	case '{':
		return []channels.Event{parseItem(whole)}, nil
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(whole, &items); err != nil {
			return nil, syntaxError(err, body)
		}
		events := make([]channels.Event, len(items))
		for i, item := range items {
			events[i] = parseItem(item)
		}
		return events, nil
	}
	return nil, errors.New("link: a callback must be a JSON object or an array of them")
}

func syntaxError(err error, body []byte) error {
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &channels.SyntaxError{Offset: bad.Offset, Reason: bad.Error()}
	}
	return &channels.SyntaxError{Offset: int64(len(body)), Reason: "not readable as JSON"}
}

// parseItem makes the one event of one callback object.
func parseItem(raw json.RawMessage) channels.Event {
	if raw[0] != '{' {
		return invalid(raw, "item: want an object, got "+jsonKind(raw))
	}
	var cb callback
	if err := json.Unmarshal(foldKeys(raw, 1), &cb); err != nil {
		return invalid(raw, fieldReason(err))
	}
	switch {
	case present(cb.Content):
		return parseMessage(raw, &cb)
	case present(cb.ResultCode):
		return parseStatus(raw, &cb)
	}
	at := parseTime(cb.Timestamp)
	return channels.Event{
		Kind: channels.EventChange,
		Raw:  raw,
		Change: &channels.Change{
			Type: "provider.change", Field: "callback", At: at,
			Summary: "LINK sent a callback that is neither a message nor a status report.", Severity: "info",
		},
	}
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] != 'n' }

func invalid(raw json.RawMessage, reason string) channels.Event {
	return channels.Event{Kind: channels.EventInvalid, Reason: reason, Raw: raw}
}

// fieldReason names the field that has the wrong type, never its value.
func fieldReason(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return wrong.Field + ": unexpected " + strings.Fields(wrong.Value)[0]
	}
	return "item: a field has an unexpected type"
}

// timeLayouts are RFC 3339 and its near misses, as zoneless or colonless offsets.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05"}

// parseTime reads a Date; a number is a Unix time in milliseconds or seconds.
// What it cannot read is the zero time, which means that the provider gave none.
// Source: "Terms and glossary", Date.
func parseTime(t text) time.Time {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, string(t)); err == nil {
			return at.UTC()
		}
	}
	n, err := strconv.ParseInt(string(t), 10, 64)
	switch {
	case err != nil || n <= 0 || n > 253402300799999: // the year 9999, in ms
		return time.Time{}
	case n >= 1e11:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}
