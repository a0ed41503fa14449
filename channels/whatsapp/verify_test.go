package whatsapp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/linktor/linktor/channels"
)

// Ensure a webhook passes with the current or the previous secret and with
// nothing else.
func TestVerify(t *testing.T) {
	signed := sign([]byte(`{"object":"whatsapp_business_account","entry":[]}`))
	secret := func(current, previous string) func(map[string]any) {
		return func(s map[string]any) { s["appSecret"], s["previousAppSecret"] = current, previous }
	}
	tests := []struct {
		name string
		acct *Account
		req  channels.Request
		ok   bool
	}{
		{"current", open(t, ""), signed, true},
		{"previous", open(t, "", secret("another", testSecret)), signed, true},
		{"other secret", open(t, "", secret("another", "")), signed, false},
		{"no secret", open(t, "", secret("", "")), signed, false},
		{"two headers", open(t, ""), channels.Request{Body: signed.Body, Header: http.Header{
			"X-Hub-Signature-256": {signed.Header.Get("X-Hub-Signature-256"), "sha256=00"},
		}}, false},
		{"upper case digest", open(t, ""), channels.Request{Body: signed.Body, Header: http.Header{
			"X-Hub-Signature-256": {"SHA256=" + signed.Header.Get("X-Hub-Signature-256")[7:]},
		}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.acct.Verify(tt.req)
			if (err == nil) != tt.ok || (err != nil && !errors.Is(err, channels.ErrBadSignature)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// vectors are published values of signatures, with typical mistakes.
type vectors struct {
	Signature struct {
		Valid []struct {
			AppSecret string `json:"app_secret"`
			Body      string `json:"body_base64"`
			Header    string `json:"header_X-Hub-Signature-256"`
		} `json:"valid"`
		Invalid []struct {
			Name      string `json:"name"`
			AppSecret string `json:"app_secret"`
			Body      string `json:"body_base64"`
			Header    string `json:"header"`
		} `json:"invalid"`
	} `json:"meta_x_hub_signature_256"`
	Handshake struct {
		Token string `json:"verify_token"`
		Cases []struct {
			Query  string `json:"query"`
			Status int    `json:"status"`
			Body   string `json:"body"`
		} `json:"cases"`
	} `json:"meta_webhook_verification"`
	Proof []struct {
		Token  string `json:"access_token"`
		Secret string `json:"app_secret"`
		Proof  string `json:"appsecret_proof"`
	} `json:"meta_appsecret_proof"`
}

func TestVectors(t *testing.T) {
	root := os.Getenv("LINKTOR_FIXTURES")
	if root == "" {
		root = filepath.FromSlash("../../../shared/fixtures")
	}
	data, err := os.ReadFile(filepath.Join(root, "..", "spec", "test-vectors.json"))
	if err != nil {
		t.Skipf("no signature vectors beside %s: set LINKTOR_FIXTURES to run this", root)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Signature.Valid {
		if err := verifyVector(t, c.AppSecret, c.Body, c.Header); err != nil {
			t.Errorf("valid signature %s refused", c.Header)
		}
	}
	for _, c := range v.Signature.Invalid {
		if err := verifyVector(t, c.AppSecret, c.Body, c.Header); !errors.Is(err, channels.ErrBadSignature) {
			t.Errorf("%s: got %v", c.Name, err)
		}
	}
	acct := open(t, "", func(s map[string]any) { s["verifyToken"] = v.Handshake.Token })
	for _, c := range v.Handshake.Cases {
		query, err := url.ParseQuery(c.Query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := acct.Handshake(query)
		if (err == nil) != (c.Status == http.StatusOK) || string(body) != c.Body {
			t.Errorf("handshake %q: got %q, %v", c.Query, body, err)
		}
	}
	for _, c := range v.Proof {
		if got := appSecretProof(c.Secret, c.Token); got != c.Proof {
			t.Errorf("proof %s, want %s", got, c.Proof)
		}
	}
}

func verifyVector(t *testing.T, secret, body, header string) error {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	acct := open(t, "", func(s map[string]any) { s["appSecret"] = secret })
	return acct.Verify(channels.Request{Header: http.Header{"X-Hub-Signature-256": {header}}, Body: raw})
}

// Ensure the handshake needs the token, the mode and a challenge of sane length.
func TestHandshake(t *testing.T) {
	query := func(mode, token, challenge string) url.Values {
		return url.Values{"hub.mode": {mode}, "hub.verify_token": {token}, "hub.challenge": {challenge}}
	}
	acct := open(t, "")
	if body, err := acct.Handshake(query("subscribe", "let-me-in", "314159")); err != nil || string(body) != "314159" {
		t.Errorf("got %q, %v", body, err)
	}
	for name, q := range map[string]url.Values{
		"wrong token": query("subscribe", "x", "1"), "wrong mode": query("unsubscribe", "let-me-in", "1"),
		"no challenge": query("subscribe", "let-me-in", ""), "nothing": {},
		"long challenge": query("subscribe", "let-me-in", string(make([]byte, 1000))),
	} {
		if _, err := acct.Handshake(q); !errors.Is(err, channels.ErrBadSignature) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	none := open(t, "", func(s map[string]any) { s["verifyToken"] = "" })
	if _, err := none.Handshake(query("subscribe", "", "1")); !errors.Is(err, channels.ErrBadSignature) {
		t.Errorf("an account without a token answered: %v", err)
	}
}
