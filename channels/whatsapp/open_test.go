package whatsapp

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/linktor/linktor/channels"
)

const (
	testSecret = "5ec4e7000000000000000000deadbeef"
	testNumber = "700000000000001"
	testWABA   = "800000000000001"
)

// testSettings are the settings of an account whose provider is at base.
func testSettings(base string) map[string]any {
	return map[string]any{
		"phoneNumberId": testNumber, "accessToken": "EAAtesttoken", "verifyToken": "let-me-in",
		"appSecret": testSecret, "businessAccountId": testWABA, "graphBaseUrl": base,
	}
}

// open returns an account; base may be "" for tests that make no call.
func open(t testing.TB, base string, change ...func(map[string]any)) *Account {
	t.Helper()
	set := testSettings(base)
	for _, f := range change {
		f(set)
	}
	raw, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	acct, err := Adapter{}.Open(raw, channels.Env{HTTP: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	return acct.(*Account)
}

// openFor returns an account of the phone number id that a payload names.
func openFor(t testing.TB, number string) *Account {
	t.Helper()
	return open(t, "", func(s map[string]any) {
		delete(s, "businessAccountId")
		if number != "" {
			s["phoneNumberId"] = number
		}
	})
}
