package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/linktor/linktor/channels"
)

// maxChallenge bounds what the handshake echoes, in bytes. Meta sends about ten
// digits.
const maxChallenge = 256

// Verify checks X-Hub-Signature-256, "sha256=" and the hex HMAC-SHA256 of the raw
// body under the app secret. During a rotation the previous secret is good too:
// Meta offers no overlap. Source: Meta, "Graph API webhooks, Validating payloads".
func (a *Account) Verify(req channels.Request) error {
	given := req.Header.Values("X-Hub-Signature-256")
	if len(given) != 1 {
		return channels.ErrBadSignature
	}
	digest, ok := strings.CutPrefix(given[0], "sha256=")
	if !ok || len(digest) != hex.EncodedLen(sha256.Size) {
		return channels.ErrBadSignature
	}
	want, err := hex.DecodeString(digest)
	if err != nil {
		return channels.ErrBadSignature
	}
	for _, secret := range []string{a.set.AppSecret, a.set.PreviousAppSecret} {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(req.Body)
		if hmac.Equal(mac.Sum(nil), want) {
			return nil
		}
	}
	return channels.ErrBadSignature
}

// Handshake answers the GET that Meta makes when the webhook URL is saved. The
// answer is the challenge alone. Source: Meta, "Create a webhook endpoint".
func (a *Account) Handshake(query url.Values) ([]byte, error) {
	token, challenge := query.Get("hub.verify_token"), query.Get("hub.challenge")
	same := subtle.ConstantTimeCompare([]byte(token), []byte(a.set.VerifyToken)) == 1
	if a.set.VerifyToken == "" || !same || query.Get("hub.mode") != "subscribe" {
		return nil, channels.ErrBadSignature
	}
	if challenge == "" || len(challenge) > maxChallenge {
		return nil, channels.ErrBadSignature
	}
	return []byte(challenge), nil
}
