package link

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"testing"

	"github.com/linktor/linktor/channels"
)

func TestVerify(t *testing.T) {
	guarded := map[string]any{
		"callbackUsername": "gate", "callbackPassword": "s3cret:x", "allowedAddresses": []string{"203.0.113.0/28", "198.51.100.7"},
	}
	good := "Basic " + base64.StdEncoding.EncodeToString([]byte("gate:s3cret:x"))
	inside, outside := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("203.0.113.20")
	tests := []struct {
		name     string
		settings map[string]any
		token    string
		auth     string
		remote   netip.Addr
		ok       bool
	}{
		{"nothing", nil, "", "", inside, false},
		{"token", nil, "ok", "", inside, true},
		{"other token value", nil, "1", "", inside, false},
		{"all proofs", guarded, "ok", good, inside, true},
		{"single address", guarded, "ok", good, netip.MustParseAddr("198.51.100.7"), true},
		{"address mapped to IPv6", guarded, "ok", good, netip.MustParseAddr("::ffff:203.0.113.9"), true},
		{"no token", guarded, "", good, inside, false},
		{"no credentials", guarded, "ok", "", inside, false},
		{"wrong password", guarded, "ok", "Basic " + base64.StdEncoding.EncodeToString([]byte("gate:s3cret")), inside, false},
		{"not base64", guarded, "ok", "Basic %%%", inside, false},
		{"other scheme", guarded, "ok", "Bearer x", inside, false},
		{"wrong address", guarded, "ok", good, outside, false},
		{"unknown address", guarded, "ok", good, netip.Addr{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := channels.Request{Header: http.Header{}, Body: []byte("{}"), Remote: tt.remote}
			if tt.token != "" {
				req.Header.Set("X-Linktor-Webhook-Token", tt.token)
			}
			if tt.auth != "" {
				req.Header.Set("Authorization", tt.auth)
			}
			err := openAccount(t, tt.settings).Verify(req)
			if tt.ok != (err == nil) || err != nil && !errors.Is(err, channels.ErrBadSignature) {
				t.Errorf("Verify: %v, want ok=%v", err, tt.ok)
			}
		})
	}
}
