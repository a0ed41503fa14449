package simulator

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxTemplates is Meta's limit for an unverified portfolio.
const maxTemplates = 250

// template is a message template with its definition as Meta returns it.
type template struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Category   string          `json:"category"`
	Status     string          `json:"status"`
	Format     string          `json:"parameter_format,omitempty"` // POSITIONAL or NAMED
	Reason     string          `json:"rejected_reason,omitempty"`
	TTL        int             `json:"message_send_ttl_seconds,omitempty"`
	Quality    *qualityScore   `json:"quality_score,omitempty"`
	Components json.RawMessage `json:"components"`

	parts  []templatePart
	edited time.Time
}

type qualityScore struct {
	Score string `json:"score"`
	Date  int64  `json:"date,omitempty"`
}

// templatePart is one component of a definition.
type templatePart struct {
	Type    string `json:"type"`
	Format  string `json:"format"`
	Text    string `json:"text"`
	Buttons []struct {
		Type string `json:"type"`
		Text string `json:"text"`
		URL  string `json:"url"`
	} `json:"buttons"`
	Cards []json.RawMessage `json:"cards"`
}

// shelf holds the templates of a WABA or of a LINK account.
type shelf struct {
	id string

	mu        sync.RWMutex
	templates map[string]*template
	order     []string
	locked    map[string]time.Time // names of deleted approved templates: blocked until
}

// starters are the templates of a fresh WABA: name, language, category, format,
// components.
var starters = [][5]string{
	{"hello_world", "en_US", "UTILITY", "POSITIONAL", `[{"type":"HEADER","format":"TEXT","text":"Hello World"},{"type":"BODY","text":"Welcome and congratulations! This message shows that you can send a template."},{"type":"FOOTER","text":"Simulated sample"}]`},
	{"order_confirmation", "en", "UTILITY", "POSITIONAL", `[{"type":"BODY","text":"Hi {{1}}, we have received your order {{2}} over {{3}}. Thank you for your trust!","example":{"body_text":[["Ann","A-1","$10.00"]]}}]`},
	{"delivery_update", "en_US", "UTILITY", "NAMED", `[{"type":"BODY","text":"Hello {{first_name}}, parcel {{order_id}} arrives today between two and four.","example":{"body_text_named_params":[{"param_name":"first_name","example":"Ann"},{"param_name":"order_id","example":"A-1"}]}},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"That suits me"},{"type":"QUICK_REPLY","text":"Another day, please"},{"type":"URL","text":"Follow it","url":"https://shop.example/track/{{1}}","example":["A-1"]}]}]`},
	{"spring_offer", "en", "MARKETING", "POSITIONAL", `[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Spring is here, {{1}}! Take twenty percent off everything that is green until Sunday.","example":{"body_text":[["Ann"]]}},{"type":"FOOTER","text":"Reply STOP to end"},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Show me"},{"type":"QUICK_REPLY","text":"No, thanks"}]}]`},
	{"login_code", "en", "AUTHENTICATION", "POSITIONAL", `[{"type":"BODY","text":"*{{1}}* is your verification code. For your security, do not share this code.","add_security_recommendation":true},{"type":"FOOTER","text":"This code expires in 10 minutes.","code_expiration_minutes":10},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Copy code","url":"https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"}]}]`},
}

func newShelf(id string, now time.Time) *shelf {
	sh := &shelf{id: id, templates: map[string]*template{}, locked: map[string]time.Time{}}
	for _, t := range starters {
		sh.put(&template{
			ID: stableID(id, t[0], t[1]), Name: t[0], Language: t[1], Category: t[2], Status: "APPROVED", Format: t[3],
			Components: json.RawMessage(t[4]), Quality: &qualityScore{"GREEN", now.Unix()},
		})
	}
	return sh
}

// put stores t; sh.mu is held, or sh is not shared yet.
func (sh *shelf) put(t *template) {
	t.parts = nil
	_ = json.Unmarshal(t.Components, &t.parts) // checked before; an empty list has no parameters
	if sh.templates[t.ID] == nil {
		sh.order = append(sh.order, t.ID)
	}
	sh.templates[t.ID] = t
}

// byID returns a copy; an empty one if there is none.
func (sh *shelf) byID(id string) template {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if t := sh.templates[id]; t != nil {
		return *t
	}
	return template{}
}

// named returns a copy of the template of that name and language.
func (sh *shelf) named(name, language string) (template, bool) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for _, t := range sh.templates {
		if t.Name == name && t.Language == language {
			return *t, true
		}
	}
	return template{}, false
}

// remove deletes the templates that match and returns how many there were.
func (sh *shelf) remove(now time.Time, match func(*template) bool) int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := 0
	for id, t := range sh.templates {
		if !match(t) {
			continue
		}
		if t.Status == "APPROVED" {
			sh.locked[t.Name] = now.Add(30 * 24 * time.Hour)
		}
		delete(sh.templates, id)
		sh.order = slices.DeleteFunc(sh.order, func(s string) bool { return s == id })
		n++
	}
	return n
}

var variable = regexp.MustCompile(`\{\{\s*([a-z0-9_]+)\s*\}\}`)

// variables lists the placeholders of text, each once, in order.
func variables(text string) []string {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

var templateName = regexp.MustCompile(`^[a-z0-9_]{1,512}$`)

// checkDefinition validates what is asked to be created. Source: Meta,
// "Message templates", read Nov 2025.
func (t *template) checkDefinition() *graphFault {
	switch {
	case !templateName.MatchString(t.Name):
		return invalid("Param name must match ^[a-z0-9_]{1,512}$.")
	case t.Language == "":
		return missing("language")
	case t.Category != "MARKETING" && t.Category != "UTILITY" && t.Category != "AUTHENTICATION":
		return invalid("Param category must be one of {UTILITY, MARKETING, AUTHENTICATION}.")
	}
	var parts []templatePart
	if json.Unmarshal(t.Components, &parts) != nil || len(parts) == 0 {
		return missing("components")
	}
	body := false
	for _, p := range parts {
		switch strings.ToUpper(p.Type) {
		case "BODY":
			body = true
			text := strings.TrimSpace(p.Text)
			if strings.HasPrefix(text, "{{") || strings.HasSuffix(text, "}}") {
				return &graphFault{code: 100, sub: 2388299, details: "Variables can't be at the start or end of the template."}
			}
			if f := tooLong("body", p.Text, maxBody, t.Category != "AUTHENTICATION"); f != nil {
				return f
			}
		case "HEADER":
			if f := tooLong("header", p.Text, maxHeader, false); f != nil {
				return f
			}
		case "FOOTER":
			if f := tooLong("footer", p.Text, maxFooter, false); f != nil {
				return f
			}
		case "BUTTONS":
			if len(p.Buttons) > 10 {
				return invalid("Param buttons must have at most 10 elements.")
			}
		}
	}
	if !body {
		return missing("components BODY")
	}
	return nil
}
