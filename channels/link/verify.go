package link

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/netip"
	"strings"

	"github.com/linktor/linktor/channels"
)

// tokenHeader is set to "ok" by the server after it compared the token in the
// webhook URL; it removes the header from what the outside sent.
const tokenHeader = "X-Linktor-Webhook-Token"

// Verify lets a callback through that came by the URL with the token and, as far
// as they are configured, has the right Basic credentials and address. LINK signs
// nothing. Source: "Callbacks / Webhooks", which name no authentication.
func (a *account) Verify(req channels.Request) error {
	if req.Header.Get(tokenHeader) != "ok" {
		return channels.ErrBadSignature
	}
	if a.settings.CallbackUsername != "" && !a.callerKnown(req.Header.Get("Authorization")) {
		return channels.ErrBadSignature
	}
	if len(a.settings.allowed) > 0 && !a.addressAllowed(req.Remote) {
		return channels.ErrBadSignature
	}
	return nil
}

// callerKnown compares Basic credentials in constant time; hashing first hides
// their length.
func (a *account) callerKnown(header string) bool {
	scheme, encoded, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return false
	}
	given, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return false
	}
	got := sha256.Sum256(given)
	want := sha256.Sum256([]byte(a.settings.CallbackUsername + ":" + a.settings.CallbackPassword))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func (a *account) addressAllowed(remote netip.Addr) bool {
	remote = remote.Unmap().WithZone("")
	for _, p := range a.settings.allowed {
		if p.Contains(remote) {
			return true
		}
	}
	return false
}
