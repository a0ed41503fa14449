package channeltest

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/linktor/linktor/channels"
)

// Suite describes an adapter to the tests.
type Suite struct {
	Adapter channels.Adapter

	// Settings are complete and of an invented account.
	Settings map[string]any

	// BaseURL is the key of Settings that holds the provider's address.
	BaseURL string

	// Sign returns body as the provider would deliver it. Nil for a provider whose
	// webhooks prove nothing by themselves.
	Sign func(body []byte) channels.Request

	// Outbound is at least one message of every content type that Describe lists.
	Outbound []channels.Outbound
}

// Run runs every test that needs no knowledge of the provider's answers.
func Run(t *testing.T, s Suite) {
	t.Run("describe", func(t *testing.T) { Describe(t, s.Adapter) })
	t.Run("settings", func(t *testing.T) { s.settings(t) })
	acct := s.Open(t, "http://127.0.0.1:1")
	t.Run("golden", func(t *testing.T) { Golden(t, acct) })
	t.Run("verify", func(t *testing.T) { s.verify(t, acct) })
	t.Run("parse", func(t *testing.T) { s.parse(t, acct) })
	t.Run("check", func(t *testing.T) { s.check(t, acct) })
	t.Run("not sent", func(t *testing.T) { s.notSent(t, acct) })
	t.Run("exchange", func(t *testing.T) { s.exchange(t) })
}

// Open opens an account whose provider is at base.
func (s Suite) Open(t testing.TB, base string) channels.Account {
	t.Helper()
	set := maps.Clone(s.Settings)
	set[s.BaseURL] = base
	acct, err := s.Adapter.Open(marshal(t, set), channels.Env{HTTP: &http.Client{}})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return acct
}

func marshal(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
