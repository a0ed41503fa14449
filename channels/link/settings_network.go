package link

import (
	"maps"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/linktor/linktor/channels"
)

// ownHeaders are set by us and cannot be among the extra headers.
var ownHeaders = []string{
	"Authorization", "Connection", "Content-Length", "Content-Type", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func (s *settings) checkHeaders(bad *channels.Invalid) {
	for _, name := range slices.Sorted(maps.Keys(s.ExtraHeaders)) {
		pointer := "/settings/extraHeaders/" + pointerKey(name)
		switch {
		case !headerToken(name):
			bad.Add(pointer, "invalid", "This is not a valid HTTP header name.")
		case slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)):
			bad.Add(pointer, "not_allowed", "This header is set by the channel itself.")
		case strings.ContainsFunc(s.ExtraHeaders[name], isControl):
			bad.Add(pointer, "invalid", "A header value holds no line breaks or control characters.")
		}
	}
	if strings.ContainsFunc(s.APIKey, isControl) {
		bad.Add("/settings/apiKey", "invalid", "The key holds no line breaks or control characters.")
	}
}

func (s *settings) checkCallback(bad *channels.Invalid) {
	switch {
	case s.CallbackUsername == "" && s.CallbackPassword != "":
		bad.Add("/settings/callbackUsername", "required", "Enter the user name that goes with the callback password.")
	case s.CallbackUsername != "" && s.CallbackPassword == "":
		bad.Add("/settings/callbackPassword", "required", "Enter the password that goes with the callback user name.")
	case strings.Contains(s.CallbackUsername, ":"):
		bad.Add("/settings/callbackUsername", "invalid", "A user name for Basic authentication cannot contain a colon.")
	}
	s.allowed = nil
	for _, text := range s.AllowedAddressesText {
		prefix, err := parsePrefix(text)
		if err != nil {
			bad.Add("/settings/allowedAddresses", "invalid", "Write addresses such as 203.0.113.7 or ranges such as 203.0.113.0/24.")
			return
		}
		s.allowed = append(s.allowed, prefix)
	}
}

// parsePrefix reads an address or a range.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// headerToken reports whether name is a field-name. Source: RFC 9110, 5.6.2.
func headerToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			return false
		}
		return !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// pointerKey escapes one step of a JSON pointer. Source: RFC 6901, section 3.
func pointerKey(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func typeWord(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list of texts"
	case reflect.Map:
		return "an object of texts"
	}
	return "a text"
}
