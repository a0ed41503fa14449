package linktor

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// WebhookTolerance is how far the sender's clock may be off.
const WebhookTolerance = 5 * time.Minute

// Unwrap checks a webhook and returns its event. body is the body as received.
// While a secret is being replaced, pass both. Errors are ErrWebhook.
//
// Source: Standard Webhooks, section "Verifying webhook authenticity".
func Unwrap(body []byte, header http.Header, secrets ...string) (*Event, error) {
	return UnwrapAt(time.Now(), body, header, secrets...)
}

// UnwrapAt is Unwrap with a clock, for tests.
func UnwrapAt(now time.Time, body []byte, header http.Header, secrets ...string) (*Event, error) {
	var id, timestamp, signatures string
	for name, value := range map[string]*string{"webhook-id": &id, "webhook-timestamp": &timestamp, "webhook-signature": &signatures} {
		if *value = header.Get(name); *value == "" {
			return nil, &WebhookError{"missing_header", "the header " + name + " is missing"}
		}
	}
	if err := checkTime(now, timestamp); err != nil {
		return nil, err
	}
	ok, err := anyMatches(id+"."+timestamp+".", body, signatures, secrets)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &WebhookError{"no_match", "no signature matches: wrong secret, or the body was changed"}
	}
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, &WebhookError{"bad_payload", "the signed body is not an event"}
	}
	return &e, nil
}

func checkTime(now time.Time, timestamp string) error {
	n, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return &WebhookError{"bad_timestamp", "webhook-timestamp is not a number of seconds"}
	}
	age := time.Duration(now.Unix()-n) * time.Second
	switch {
	case age > WebhookTolerance:
		return &WebhookError{"too_old", fmt.Sprintf("the webhook is %s old", age)}
	case -age > WebhookTolerance:
		return &WebhookError{"too_new", fmt.Sprintf("the webhook is %s in the future: check the clock", -age)}
	}
	return nil
}

// anyMatches reports whether any v1 signature is right under any secret.
func anyMatches(prefix string, body []byte, signatures string, secrets []string) (bool, error) {
	found := false
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) == 0 {
			return false, &WebhookError{"bad_secret", "a webhook secret is whsec_ and base64"}
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(prefix))
		mac.Write(body)
		want := mac.Sum(nil)
		for entry := range strings.SplitSeq(signatures, " ") {
			encoded, ok := strings.CutPrefix(entry, "v1,")
			got, err := base64.StdEncoding.DecodeString(encoded)
			if ok && err == nil && hmac.Equal(got, want) {
				found = true
			}
		}
	}
	return found, nil
}
