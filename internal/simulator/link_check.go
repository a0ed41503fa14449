package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
)

// check validates what LINK itself looks at. It returns the problem, or "".
func (r *linkRequest) check() string {
	for _, f := range []struct{ name, value string }{
		{"platformId", r.PlatformID}, {"platformPartnerId", r.PartnerID}, {"priority", r.Priority}, {"refId", r.RefID}, {"source", r.Source},
	} {
		if f.value == "" {
			return f.name + " is required"
		}
	}
	switch {
	case r.Priority != "LOW" && r.Priority != "NORMAL" && r.Priority != "HIGH":
		return "priority must be LOW, NORMAL or HIGH"
	case len(r.Destinations) == 0 || r.Destinations[0] == "":
		return "destinations is required"
	case len(r.Messages) == 0:
		return "messages is required"
	}
	for i, raw := range r.Messages {
		if problem := checkLinkMessage(raw); problem != "" {
			return fmt.Sprintf("messages[%d]: %s", i, problem)
		}
	}
	return ""
}

// linkTypes are the message types of the document; the value is the member that
// must not be missing.
var linkTypes = map[string]string{
	"text": "body", "image": "link", "location": "latitude", "audio": "link", "video": "link", "document": "link",
	"contacts": "", "interactive": "type", "template": "name",
}

func checkLinkMessage(raw json.RawMessage) string {
	var m map[string]json.RawMessage
	var kind string
	if json.Unmarshal(raw, &m) != nil || json.Unmarshal(m["type"], &kind) != nil {
		return "type is required"
	}
	member, known := linkTypes[kind]
	switch {
	case !known:
		return "type " + kind + " is not known"
	case len(m[kind]) == 0:
		return kind + " is required"
	case member == "":
		return ""
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(m[kind], &inner) != nil {
		return kind + " must be an object"
	}
	_, has := inner[member]
	_, id := inner["id"]
	if !has && !(member == "link" && id) { // an uploaded medium has an id
		return kind + "." + member + " is required"
	}
	if kind == "template" {
		return checkLinkTemplate(inner)
	}
	return ""
}

// checkLinkTemplate looks at the shape of the components. The fake reads both
// spellings of subType; if both are there they must agree.
func checkLinkTemplate(t map[string]json.RawMessage) string {
	if len(t["language"]) == 0 {
		return "template.language is required"
	}
	var components []struct {
		Type       string            `json:"type"`
		SubType    string            `json:"subType"`
		SubType2   string            `json:"sub_type"`
		Index      json.RawMessage   `json:"index"`
		Parameters *json.RawMessage  `json:"parameters"`
		Cards      []json.RawMessage `json:"cards"`
	}
	if raw := t["components"]; len(raw) > 0 && json.Unmarshal(raw, &components) != nil {
		return "template.components must be a list"
	}
	for _, c := range components {
		a, b := strings.ReplaceAll(strings.ToLower(c.SubType), "_", ""), strings.ReplaceAll(strings.ToLower(c.SubType2), "_", "")
		switch {
		case c.Type == "":
			return "component type is required"
		case a != "" && b != "" && a != b:
			return "subType and sub_type differ"
		case c.Type == "button" && a+b == "":
			return "subType is required for a button"
		case c.Type == "button" && len(c.Index) == 0:
			return "index is required for a button"
		case c.Parameters == nil && len(c.Cards) == 0:
			return "parameters is required"
		}
	}
	return ""
}

// fromLink reads one of LINK's messages as a Cloud API send and checks what
// WhatsApp would: the two differ in a few names only.
func (r *sendRequest) fromLink(raw json.RawMessage, s *Simulator, l *line) *graphFault {
	if err := json.Unmarshal(raw, r); err != nil {
		return invalid("Invalid parameter")
	}
	if r.Type == "contacts" {
		return nil // names are spelled in camel case; checked by LINK
	}
	return r.check(s, l)
}
