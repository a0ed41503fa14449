package templates

import (
	"encoding/json"
	"regexp"
	"strings"
)

// definition is a template's component as its provider keeps it.
// Source: Meta, Message templates, "Components"; LINK keeps the same objects.
type definition struct {
	Type    string       `json:"type"`   // HEADER, BODY, FOOTER, BUTTONS, CAROUSEL, LIMITED_TIME_OFFER, ...
	Format  string       `json:"format"` // of HEADER: TEXT, IMAGE, VIDEO, GIF, DOCUMENT, LOCATION
	Text    *string      `json:"text"`
	Buttons []button     `json:"buttons"`
	Cards   []cardLayout `json:"cards"`
	Offer   *struct {
		HasExpiration bool `json:"has_expiration"`
	} `json:"limited_time_offer"`
}

type cardLayout struct {
	Components []definition `json:"components"`
}

type button struct {
	Type string `json:"type"` // QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, FLOW, CATALOG, MPM, SPM, OTP, ...
	URL  string `json:"url"`
}

// parse returns nil where the definition is not of a shape that we know: then
// nothing is checked.
func parse(components json.RawMessage) []definition {
	var list []definition
	if json.Unmarshal(components, &list) != nil {
		return nil
	}
	return list
}

func find(list []definition, typ string) *definition {
	for i := range list {
		if strings.EqualFold(list[i].Type, typ) {
			return &list[i]
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// variables returns the distinct placeholders of a text, in order: {{1}} or {{name}}.
func variables(text string) (names []string) {
	seen := map[string]bool{}
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			names = append(names, m[1])
		}
	}
	return names
}

// named reports whether the placeholders are words rather than numbers.
func named(names []string) bool {
	return len(names) > 0 && strings.Trim(names[0], "0123456789") != ""
}
