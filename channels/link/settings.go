package link

import (
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/linktor/linktor/channels"
)

// settings is the JSON object an operator saves. settingFields describes each key.
type settings struct {
	BaseURL              string            `json:"baseUrl"`
	Username             string            `json:"username"`
	Password             string            `json:"password"`
	APIKey               string            `json:"apiKey"`
	PlatformID           string            `json:"platformId"`
	PlatformPartnerID    string            `json:"platformPartnerId"`
	PlatformServiceID    string            `json:"platformServiceId"`
	PlatformServiceType  string            `json:"platformServiceType"`
	Source               string            `json:"source"`
	GateIDs              []string          `json:"gateIds"`
	Namespace            string            `json:"namespace"`
	DefaultPriority      string            `json:"defaultPriority"`
	ValidityStyle        string            `json:"validityStyle"`
	ButtonKeyStyle       string            `json:"buttonKeyStyle"`
	LogMessageContent    bool              `json:"logMessageContent"`
	EnableReadReceipts   bool              `json:"enableReadReceipts"`
	EnableMediaUpload    bool              `json:"enableMediaUpload"`
	ExtraHeaders         map[string]string `json:"extraHeaders"`
	CallbackUsername     string            `json:"callbackUsername"`
	CallbackPassword     string            `json:"callbackPassword"`
	AllowedAddressesText []string          `json:"allowedAddresses"`

	allowed []netip.Prefix // AllowedAddressesText, parsed
}

// Values of the choice settings.
const (
	styleDocumented = "documented"
	styleCamel      = "subType"
	styleSnake      = "sub_type"

	validityAbsolute = "absolute"
	validityRelative = "relative"
)

// priorities are the values of MessageRequest.priority.
var priorities = []string{"LOW", "NORMAL", "HIGH"}

// e164 is a phone number in international format. ITU-T E.164: at most 15 digits.
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)

// readSettings decodes and checks raw and fills in the defaults.
func readSettings(raw json.RawMessage) (settings, error) {
	var s settings
	bad := new(channels.Invalid)
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, settingsTypeError(err)
	}
	rejectUnknown(raw, bad)
	s.normalise()
	s.checkRequired(bad)
	s.checkBaseURL(bad)
	s.checkChoices(bad)
	s.checkHeaders(bad)
	s.checkCallback(bad)
	return s, bad.Err()
}

// settingsTypeError names the field that has the wrong JSON type.
func settingsTypeError(err error) error {
	bad := new(channels.Invalid)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		field, _, _ := strings.Cut(wrong.Field, ".")
		bad.Add("/settings/"+field, "invalid", "This setting has the wrong type: write "+typeWord(wrong.Type.Kind())+".")
		return bad
	}
	bad.Add("/settings", "invalid", "Settings must be a JSON object.")
	return bad
}

// rejectUnknown reports keys that are no setting: a misspelt name would
// otherwise be a setting that silently does nothing.
func rejectUnknown(raw json.RawMessage, bad *channels.Invalid) {
	var given map[string]json.RawMessage
	if json.Unmarshal(raw, &given) != nil {
		return // not an object; reported by the caller
	}
	known := map[string]bool{}
	for _, f := range settingFields() {
		known[f.Key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !known[key] {
			bad.Add("/settings/"+pointerKey(key), "not_allowed", "There is no such setting for this channel type.")
		}
	}
}

func (s *settings) normalise() {
	for _, p := range []*string{
		&s.BaseURL, &s.Username, &s.PlatformID, &s.PlatformPartnerID, &s.PlatformServiceID, &s.PlatformServiceType,
		&s.Source, &s.Namespace, &s.DefaultPriority, &s.ValidityStyle, &s.ButtonKeyStyle, &s.CallbackUsername, &s.APIKey,
	} {
		*p = strings.TrimSpace(*p)
	}
	s.BaseURL = strings.TrimRight(s.BaseURL, "/")
	if s.DefaultPriority == "" {
		s.DefaultPriority = "NORMAL"
	}
	if s.ValidityStyle == "" {
		s.ValidityStyle = validityAbsolute
	}
	if s.ButtonKeyStyle == "" {
		s.ButtonKeyStyle = styleDocumented
	}
	s.GateIDs = trimmed(s.GateIDs)
	s.AllowedAddressesText = trimmed(s.AllowedAddressesText)
}

// trimmed returns the non-empty entries of list without the spaces around them.
func trimmed(list []string) []string {
	var out []string
	for _, v := range list {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (s *settings) checkRequired(bad *channels.Invalid) {
	for _, f := range []struct{ key, value, message string }{
		{"baseUrl", s.BaseURL, "Enter the base URL that LINK assigned to the account."},
		{"username", s.Username, "Enter the user name that LINK provided."},
		{"password", s.Password, "Enter the password that LINK provided."},
		{"platformId", s.PlatformID, "Enter the platform id that LINK provided."},
		{"platformPartnerId", s.PlatformPartnerID, "Enter the platform partner id that LINK provided."},
		{"source", s.Source, "Enter the sender's phone number, such as +46700000001."},
	} {
		if f.value == "" {
			bad.Add("/settings/"+f.key, "required", f.message)
		}
	}
	if s.Source != "" && !e164.MatchString(s.Source) {
		bad.Add("/settings/source", "invalid", "Write the sender's phone number with + and country code, digits only.")
	}
	// RFC 7617, section 2: a user-id with a colon cannot be sent.
	if strings.Contains(s.Username, ":") {
		bad.Add("/settings/username", "invalid", "A user name for Basic authentication cannot contain a colon.")
	}
}

func (s *settings) checkBaseURL(bad *channels.Invalid) {
	if s.BaseURL == "" {
		return
	}
	u, err := url.Parse(s.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		bad.Add("/settings/baseUrl", "invalid", "Write a full URL, such as https://n-eu.linkmobility.io/whatsapp-message.")
		return
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		bad.Add("/settings/baseUrl", "invalid", "The base URL holds no user name, query or fragment.")
	}
}

func (s *settings) checkChoices(bad *channels.Invalid) {
	for _, f := range []struct {
		key, value string
		choices    []string
	}{
		{"defaultPriority", s.DefaultPriority, priorities},
		{"validityStyle", s.ValidityStyle, []string{validityAbsolute, validityRelative}},
		{"buttonKeyStyle", s.ButtonKeyStyle, []string{styleDocumented, styleCamel, styleSnake}},
	} {
		if !slices.Contains(f.choices, f.value) {
			bad.Add("/settings/"+f.key, "invalid", "Choose one of "+strings.Join(f.choices, ", ")+".")
		}
	}
}
