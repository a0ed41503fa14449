package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
)

// templateUse is the template object of a send.
type templateUse struct {
	Name     string `json:"name"`
	Language *struct {
		Code string `json:"code"`
	} `json:"language"`
	Components []useComponent `json:"components"`
}

type useComponent struct {
	Type       string          `json:"type"`
	Index      json.RawMessage `json:"index"`
	Parameters []useParameter  `json:"parameters"`
}

func (c useComponent) index() string { return strings.Trim(string(c.Index), `"`) }

type useParameter struct {
	Type      string          `json:"type"`
	Name      string          `json:"parameter_name"`
	NameLink  string          `json:"parameterName"` // LINK's spelling
	Text      string          `json:"text"`
	Payload   string          `json:"payload"`
	Currency  json.RawMessage `json:"currency"`
	DateTime  json.RawMessage `json:"date_time"`
	DateTime2 json.RawMessage `json:"dateTime"`
}

func (p useParameter) name() string {
	if p.Name != "" {
		return p.Name
	}
	return p.NameLink
}

// shown is the text a parameter puts in place of its variable.
func (p useParameter) shown() string {
	var v struct {
		Fallback  string `json:"fallback_value"`
		Fallback2 string `json:"fallbackValue"`
	}
	for _, raw := range []json.RawMessage{p.Currency, p.DateTime, p.DateTime2} {
		if raw != nil && json.Unmarshal(raw, &v) == nil {
			return v.Fallback + v.Fallback2
		}
	}
	return p.Text
}

// check compares a send with the template's definition.
func (sh *shelf) check(u *templateUse) *graphFault {
	switch {
	case u == nil || u.Name == "":
		return missing("template['name']")
	case u.Language == nil || u.Language.Code == "":
		return missing("template['language']['code']")
	}
	t, ok := sh.named(u.Name, u.Language.Code)
	switch {
	case !ok || t.Status == "PENDING" || t.Status == "REJECTED":
		return refuse(132001, "template name ("+u.Name+") does not exist in "+u.Language.Code)
	case t.Status == "PAUSED":
		return refuse(132015, "Template is paused due to low quality.")
	case t.Status != "APPROVED":
		return refuse(132016, "Template is disabled.")
	}
	for _, part := range t.parts {
		var f *graphFault
		switch strings.ToUpper(part.Type) {
		case "BODY":
			f = part.checkText(u.parameters("body"), "body", t.Format)
		case "HEADER":
			f = part.checkHeader(u.parameters("header"), t.Format)
		case "BUTTONS":
			f = part.checkButtons(u)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

func (u *templateUse) parameters(kind string) []useParameter {
	for _, c := range u.Components {
		if strings.EqualFold(c.Type, kind) {
			return c.Parameters
		}
	}
	return nil
}

func (p templatePart) checkText(given []useParameter, where, format string) *graphFault {
	want := variables(p.Text)
	if len(given) != len(want) {
		return refuse(132000, fmt.Sprintf("%s: number of localizable_params (%d) does not match the expected number of params (%d)", where, len(given), len(want)))
	}
	for i, g := range given {
		if strings.EqualFold(format, "NAMED") {
			if g.name() == "" {
				return refuse(132012, where+": Parameter name is missing or empty")
			}
			if !contains(want, g.name()) {
				return refuse(132012, where+": Parameter name "+g.name()+" is not in the template")
			}
		}
		switch kind := strings.ToLower(g.Type); {
		case kind != "text" && kind != "currency" && kind != "date_time" && kind != "datetime":
			return refuse(132012, fmt.Sprintf("%s: parameter %d of type %q does not match the format TEXT", where, i, g.Type))
		case g.shown() == "":
			return refuse(131008, fmt.Sprintf("%s: parameter %d of type text is missing text value", where, i))
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (p templatePart) checkHeader(given []useParameter, format string) *graphFault {
	kind := strings.ToLower(p.Format)
	if kind == "text" || kind == "" {
		return p.checkText(given, "header", format)
	}
	if len(given) != 1 {
		return refuse(132012, "header: Format mismatch, expected "+p.Format+", received UNKNOWN")
	}
	if !strings.EqualFold(given[0].Type, kind) {
		return refuse(132012, "header: Format mismatch, expected "+p.Format+", received "+strings.ToUpper(given[0].Type))
	}
	return nil
}

// checkButtons demands a parameter for each URL with a variable.
func (p templatePart) checkButtons(u *templateUse) *graphFault {
	for i, b := range p.Buttons {
		if !strings.EqualFold(b.Type, "URL") || len(variables(b.URL)) == 0 {
			continue
		}
		c, ok := u.button(i)
		if !ok || len(c.Parameters) == 0 || c.Parameters[0].Text == "" {
			return refuse(131008, fmt.Sprintf("buttons: Button at index %d of type Url requires a parameter", i))
		}
	}
	return nil
}

func (u *templateUse) button(i int) (useComponent, bool) {
	for _, c := range u.Components {
		if strings.EqualFold(c.Type, "button") && c.index() == fmt.Sprint(i) {
			return c, true
		}
	}
	return useComponent{}, false
}

// fill writes the finished text and the quick replies into the bubble and
// returns the category for pricing.
func (sh *shelf) fill(u *templateUse, m *Message) string {
	if u.Language == nil {
		return "service"
	}
	t, ok := sh.named(u.Name, u.Language.Code)
	if !ok {
		return "service"
	}
	var texts []string
	for _, part := range t.parts {
		switch kind := strings.ToLower(part.Type); kind {
		case "header", "body", "footer":
			if part.Text != "" {
				texts = append(texts, substitute(part.Text, u.parameters(kind)))
			}
		case "buttons":
			for i, b := range part.Buttons {
				if !strings.EqualFold(b.Type, "QUICK_REPLY") {
					continue
				}
				payload := b.Text
				if c, ok := u.button(i); ok && len(c.Parameters) > 0 && c.Parameters[0].Payload != "" {
					payload = c.Parameters[0].Payload
				}
				m.Buttons = append(m.Buttons, TapButton{b.Text, payload})
			}
		}
	}
	m.Preview = strings.Join(texts, "\n")
	return strings.ToLower(t.Category)
}

func substitute(text string, given []useParameter) string {
	for i, name := range variables(text) {
		for j, g := range given {
			if g.name() == name || g.name() == "" && i == j {
				text = variable.ReplaceAllStringFunc(text, func(v string) string {
					if strings.Trim(v, "{} ") == name {
						return g.shown()
					}
					return v
				})
			}
		}
	}
	return text
}
