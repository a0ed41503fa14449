package whatsapp

import (
	_ "embed"
	"encoding/json"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/linktor/linktor/channels"
)

// errors.json is Meta's table of error codes with what each means for a message
// and for the person who reads it. A code may have an entry per subcode; ranges
// are inclusive. Source: Meta, "Error codes", read October 2026.
//
//go:embed errors.json
var errorsJSON []byte

// knownError is a row of the table.
type knownError struct {
	Code              string         `json:"code"`
	Subcode           string         `json:"subcode"`
	From              int            `json:"from"`
	To                int            `json:"to"`
	Class             channels.Class `json:"class"`
	Scope             channels.Scope `json:"scope"` // of throttled
	Title             string         `json:"title"`
	Action            string         `json:"action"`
	RetryAfterSeconds int            `json:"retryAfterSeconds"` // Meta's advice where it gives one
	NeedsTemplate     bool           `json:"needsTemplate"`     // the service window is closed
}

func (k knownError) retryAfter() time.Duration {
	return time.Duration(k.RetryAfterSeconds) * time.Second
}

// title prefers our words to the provider's.
func (k knownError) title(provider string) string {
	if k.Title == "" {
		return provider
	}
	return k.Title
}

// errorTable is the parsed table: exact codes, and ranges searched in order.
type errorTable struct {
	exact  map[string]knownError // code, or code/subcode
	ranges []knownError
}

// table parses the embedded file once. A file that does not parse cannot pass
// the tests.
var table = sync.OnceValue(func() errorTable {
	var rows []knownError
	if err := json.Unmarshal(errorsJSON, &rows); err != nil {
		panic("whatsapp: errors.json: " + err.Error())
	}
	t := errorTable{exact: make(map[string]knownError, len(rows))}
	for _, r := range rows {
		switch {
		case r.Code == "":
			t.ranges = append(t.ranges, r)
		case r.Subcode != "":
			t.exact[r.Code+"/"+r.Subcode] = r
		default:
			t.exact[r.Code] = r
		}
	}
	return t
})

// find returns the row of a code.
func find(code, subcode string) (knownError, bool) {
	t := table()
	if k, ok := t.exact[code+"/"+subcode]; ok && subcode != "" {
		return k, true
	}
	if k, ok := t.exact[code]; ok {
		return k, true
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		return knownError{}, false
	}
	for _, r := range t.ranges {
		if n >= r.From && n <= r.To {
			return r, true
		}
	}
	return knownError{}, false
}

// lookup is find for webhooks, where an unknown code is final: a failed status
// has no later attempt of Meta's behind it.
func lookup(code, subcode string) knownError {
	if k, ok := find(code, subcode); ok {
		return k
	}
	return knownError{
		Class:  channels.ClassRejected,
		Action: "Linktor does not know this code: look it up in Meta's list of WhatsApp error codes.",
	}
}

// maxDetail bounds the provider's text that is kept, in characters.
const maxDetail = 1000

// cut shortens s to maxDetail characters.
func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxDetail {
		return s
	}
	return string([]rune(s)[:maxDetail])
}
