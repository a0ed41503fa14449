package whatsapp

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"sort"
	"strings"

	"github.com/linktor/linktor/channels"
)

const (
	defaultBaseURL = "https://graph.facebook.com"
	defaultVersion = "v25.0"

	// throughput is what Meta grants a number at first, messages per second in and
	// out. Source: Meta, "Throughput".
	throughput = 80
)

// settings is the JSON object that an operator saved.
type settings struct {
	PhoneNumberID      string `json:"phoneNumberId"`
	AccessToken        string `json:"accessToken"`
	VerifyToken        string `json:"verifyToken"`
	BusinessAccountID  string `json:"businessAccountId"`
	AppID              string `json:"appId"`
	AppSecret          string `json:"appSecret"`
	PreviousAppSecret  string `json:"previousAppSecret"`
	DisplayPhoneNumber string `json:"displayPhoneNumber"`
	GraphBaseURL       string `json:"graphBaseUrl"`
	GraphVersion       string `json:"graphVersion"`
	UseAppSecretProof  bool   `json:"useAppSecretProof"`
}

var (
	graphID      = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`) // digits at Meta; test systems write words
	graphVersion = regexp.MustCompile(`^v[0-9]{1,2}\.[0-9]{1,2}$`)
)

// readSettings decodes and checks raw; every problem is reported at once.
func readSettings(raw json.RawMessage) (settings, error) {
	var s settings
	var bad channels.Invalid
	if k := bytes.TrimSpace(raw); len(k) == 0 || k[0] != '{' {
		bad.Add("/settings", "invalid", "Settings must be a JSON object.")
		return s, bad.Err()
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
		if ok {
			bad.Add("/settings/"+wrong.Field, "invalid", "This setting has the wrong type.")
		} else {
			bad.Add("/settings", "invalid", "Settings must be a JSON object.")
		}
		return s, bad.Err()
	}
	unknownKeys(raw, &bad)
	s.trim()
	s.check(&bad)
	return s, bad.Err()
}

// unknownKeys refuses misspelt settings, which would otherwise do nothing.
func unknownKeys(raw json.RawMessage, bad *channels.Invalid) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return // cannot happen: raw was decoded before
	}
	for _, s := range (Adapter{}).Describe().Settings {
		delete(all, s.Key)
	}
	keys := make([]string, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(k)
		bad.Add("/settings/"+escaped, "not_allowed", "There is no such setting for this channel type.")
	}
}

// trim forgives spaces from copying and fills in defaults.
func (s *settings) trim() {
	for _, f := range []*string{
		&s.PhoneNumberID, &s.AccessToken, &s.VerifyToken, &s.BusinessAccountID, &s.AppID, &s.AppSecret,
		&s.PreviousAppSecret, &s.DisplayPhoneNumber, &s.GraphBaseURL, &s.GraphVersion,
	} {
		*f = strings.TrimSpace(*f)
	}
	if s.GraphBaseURL == "" {
		s.GraphBaseURL = defaultBaseURL
	}
	s.GraphBaseURL = strings.TrimRight(s.GraphBaseURL, "/")
	if s.GraphVersion == "" {
		s.GraphVersion = defaultVersion
	}
}

func (s *settings) check(bad *channels.Invalid) {
	switch {
	case s.PhoneNumberID == "":
		bad.Add("/settings/phoneNumberId", "required", "Enter the phone number id from the app's WhatsApp, API Setup page.")
	case !graphID.MatchString(s.PhoneNumberID):
		bad.Add("/settings/phoneNumberId", "invalid", "This is no phone number id. It is not the phone number: copy it from the API Setup page.")
	}
	switch {
	case s.AccessToken == "":
		bad.Add("/settings/accessToken", "required", "Enter a system user's access token.")
	case strings.ContainsFunc(s.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }):
		bad.Add("/settings/accessToken", "invalid", "The access token holds no spaces or line breaks.")
	}
	for key, v := range map[string]string{"businessAccountId": s.BusinessAccountID, "appId": s.AppID} {
		if v != "" && !graphID.MatchString(v) {
			bad.Add("/settings/"+key, "invalid", "Copy the id as Meta shows it: digits, no spaces.")
		}
	}
	if s.UseAppSecretProof && s.AppSecret == "" {
		bad.Add("/settings/appSecret", "required", "The app secret proof needs the app secret.")
	}
	if !graphVersion.MatchString(s.GraphVersion) {
		bad.Add("/settings/graphVersion", "invalid", "Write a Graph API version such as "+defaultVersion+".")
	}
	if !goodBaseURL(s.GraphBaseURL) {
		bad.Add("/settings/graphBaseUrl", "invalid",
			"Write an https URL without query; http is for loopback addresses only, because the token travels with each call.")
	}
}

func goodBaseURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname()))
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}
