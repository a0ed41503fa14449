package link

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// callback is either kind of callback: an MO has content, a DLR has resultCode.
// Sources: "Message Status Notifications", "Incoming Messages Sent from Mobile Phones".
type callback struct {
	MessageID        text   `json:"messageId"`
	Timestamp        text   `json:"timestamp"`
	CustomParameters params `json:"customParameters"`

	// DLR
	RefID             text            `json:"refId"`
	MessageType       text            `json:"messageType"`
	MessageIndex      text            `json:"messageIndex"`
	ResultCode        json.RawMessage `json:"resultCode"` // integer, or a string that holds one
	ResultDescription text            `json:"resultDescription"`

	// MO
	Destination       text            `json:"destination"`
	Source            text            `json:"source"`
	Content           json.RawMessage `json:"content"`
	ProviderTimestamp text            `json:"providerTimestamp"`
	ProviderMessageID text            `json:"providerMessageId"`
	Route             json.RawMessage `json:"route"`
}

// moContent is content of an MO after foldKeys.
type moContent struct {
	Message json.RawMessage `json:"message"`
}

// moKind is read first: the members below depend on it, and one that is
// malformed must not hide the others.
type moKind struct {
	ContentType text            `json:"contentType"`
	Context     json.RawMessage `json:"context"`
}

type moText struct {
	Text *string `json:"text"`
}

type moButton struct {
	Button *struct {
		Text    string `json:"text"`
		Payload string `json:"payload"`
	} `json:"button"`
}

type moMedia struct {
	Media *struct {
		Type     text   `json:"type"` // MIME type
		Source   text   `json:"source"`
		Caption  string `json:"caption"`
		Filename string `json:"filename"` // not documented
	} `json:"media"`
}

type moInteractive struct {
	Interactive struct {
		Type        text     `json:"type"`
		ButtonReply *moReply `json:"buttonReply"`
		ListReply   *moReply `json:"listReply"`
		FlowReply   *struct {
			Name         string `json:"name"`
			Body         string `json:"body"`
			ResponseJSON string `json:"responseJson"`
		} `json:"nfmReply"`
	} `json:"interactive"`
}

type moReply struct {
	ID          text   `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

type moOrder struct {
	Order *struct {
		CatalogID text   `json:"catalogId"`
		Text      string `json:"text"`
		Items     []struct {
			ProductID text `json:"productRetailerId"`
			Quantity  text `json:"quantity"`
			Price     text `json:"itemPrice"`
			Currency  text `json:"currency"`
		} `json:"productItems"`
	} `json:"order"`
}

type moReaction struct {
	Emoji text `json:"emoji"`
}

type moLocation struct {
	Location struct {
		Latitude  *float64 `json:"latitude"`
		Longitude *float64 `json:"longitude"`
		Name      string   `json:"name"`
		Address   string   `json:"address"`
		URL       string   `json:"url"`
	} `json:"location"`
}

// moContext names the original message: messageId in 1.4.1, id (the wamid) in 1.4.19.
type moContext struct {
	Source          text `json:"source"`
	ID              text `json:"id"`
	MessageID       text `json:"messageId"`
	ReferredProduct struct {
		CatalogID text `json:"catalogId"`
		ProductID text `json:"productRetailerId"`
	} `json:"referredProduct"`
}

// moRoute is the part of a route that we show. Only KEYWORD_ROUTE is documented.
type moRoute struct {
	ID      text `json:"id"`
	Type    text `json:"type"`
	Keyword text `json:"keyword"`
}

// text is a string that LINK also writes as a number or with spaces around it.
// null leaves it as it is, so that of duplicate keys the last real value wins.
type text string

// UnmarshalJSON reads strings, numbers and booleans.
func (t *text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n':
		return nil
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		// PostgreSQL text cannot hold NUL, and ids go into columns.
		*t = text(strings.TrimSpace(strings.ReplaceAll(s, "\x00", "")))
		return nil
	case '{', '[':
		return &json.UnmarshalTypeError{Value: jsonKind(data), Type: reflect.TypeFor[string]()}
	}
	*t = text(data)
	return nil
}

// params is a flat map of texts. Keys and values are trimmed, duplicates of the
// whole map are merged, and a value of another type is kept as its JSON. What is
// not an object is ignored: a parameter map never decides whether a message counts.
type params map[string]string

// UnmarshalJSON merges data into p.
func (p *params) UnmarshalJSON(data []byte) error {
	var given map[string]json.RawMessage
	if json.Unmarshal(data, &given) != nil || len(given) == 0 {
		return nil //nolint:nilerr // what is no object has no parameters: read tolerantly
	}
	if *p == nil {
		*p = make(params, len(given))
	}
	for key, raw := range given {
		var value text
		if json.Unmarshal(raw, &value) != nil {
			value = text(raw)
		}
		(*p)[strings.TrimSpace(key)] = string(value)
	}
	return nil
}

func jsonKind(data []byte) string {
	switch data[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	}
	return "number"
}

// foldKeys makes the keys of valid JSON uniform down to depth: spaces around
// them and underscores inside them go, so that list_reply, listReply and
// " list_reply" are one key to encoding/json, which ignores case.
func foldKeys(data []byte, depth int) []byte {
	out := make([]byte, 0, len(data))
	level := 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '{', '[':
			level++
			out = append(out, c)
		case '}', ']':
			level--
			out = append(out, c)
		case '"':
			end := stringEnd(data, i)
			literal := data[i:end]
			if level <= depth && isKey(data[end:]) {
				name := bytes.ReplaceAll(bytes.TrimSpace(literal[1:len(literal)-1]), []byte("_"), nil)
				out = append(append(append(out, '"'), name...), '"')
			} else {
				out = append(out, literal...)
			}
			i = end - 1
		default:
			out = append(out, c)
		}
	}
	return out
}

// stringEnd returns the index after the string literal that starts at i.
func stringEnd(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// isKey reports whether a colon comes next: in JSON only a key is followed by one.
func isKey(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}
