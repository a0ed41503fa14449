package link

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/linktor/linktor/channels"
)

// errors.json has two tables. link: result codes, with the status that a DLR
// sets. Source: "Possible resultCodes in MessageResponse", "... in ErrorResponse",
// "... in Message Status Notifications" of both versions. meta: codes that LINK
// passes on from the Cloud API. Source: Meta, "Error codes".
//
//go:embed errors.json
var errorsJSON []byte

// rule is what a code means.
type rule struct {
	Code   string          `json:"code"`
	Status channels.Status `json:"status"` // link only
	Class  channels.Class  `json:"class"`  // empty: not a failure
	Scope  channels.Scope  `json:"scope"`
	Title  string          `json:"title"`
	Action string          `json:"action"`

	NeedsTemplate bool `json:"needsTemplate"` // the service window is closed
}

// codes are the tables by code; read once, never changed.
var codes = readCodes(errorsJSON)

type codeTables struct{ link, meta map[string]rule }

func readCodes(data []byte) codeTables {
	var file struct{ Link, Meta []rule }
	if err := json.Unmarshal(data, &file); err != nil {
		panic(fmt.Sprintf("link: errors.json: %v", err)) // a broken build, caught by every test
	}
	index := func(rules []rule) map[string]rule {
		m := make(map[string]rule, len(rules))
		for _, r := range rules {
			m[r.Code] = r
		}
		return m
	}
	return codeTables{link: index(file.Link), meta: index(file.Meta)}
}

// explain says what a failure with LINK's code means. A Meta code in texts says
// more than LINK's and replaces it; one that is not in the table is kept with the
// class of LINK's.
func explain(linkCode string, texts ...string) rule {
	r, known := codes.link[linkCode]
	if !known || r.Class == "" {
		r = rule{Class: channels.ClassRejected, Title: "LINK refused the message", Action: "Ask LINK's support what the code means."}
	}
	r.Code = linkCode
	code := metaCodeIn(texts...)
	if code == "" {
		return r
	}
	if m, ok := codes.meta[code]; ok {
		return m
	}
	r.Code = code
	if len(code) == 3 && code[0] == '2' { // 200 to 299: permissions
		r.Class, r.Title, r.Action = channels.ClassChannel, codes.meta["200"].Title, codes.meta["200"].Action
	}
	return r
}

// maxDetail is the length of SendError.Detail and ProviderError.Detail, in characters.
const maxDetail = 1000

func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxDetail {
		return s
	}
	return string([]rune(s)[:maxDetail])
}

func joinNonEmpty(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}
