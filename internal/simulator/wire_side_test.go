package simulator_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/link"
	"github.com/linktor/linktor/channels/whatsapp"
	"github.com/linktor/linktor/internal/simulator"
)

// side is one of our adapters against its fake provider: the two were written
// from the same documents by different hands.
type side struct {
	*simulator.Simulator
	t       *testing.T
	account channels.Account
	number  string
	hooks   chan channels.Request
}

func newSide(t *testing.T, kind string) *side {
	t.Helper()
	s := &side{t: t, hooks: make(chan channels.Request, 100)}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		header := r.Header.Clone()
		header.Set("X-Linktor-Webhook-Token", "ok") // the server's part: it compares the token in the URL
		s.hooks <- channels.Request{Header: header, Body: body}
	}))
	mux := http.NewServeMux()
	front := httptest.NewServer(mux)
	b := simulator.DefaultBehaviour()
	b.SentMS, b.DeliveredMS, b.ReadMS, b.ReviewMS, b.Replies = 1, 2, 3, 1, false
	s.Simulator = simulator.New(simulator.Options{BaseURL: front.URL, Behaviour: &b})
	mux.Handle("/", s.Handler())
	s.Start()
	client := &http.Client{Timeout: 500 * time.Millisecond, Transport: &http.Transport{}}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		client.CloseIdleConnections()
		front.Close()
		receiver.Close()
	})
	var adapter channels.Adapter = whatsapp.Adapter{}
	s.number = "309900000000001"
	settings := map[string]any{
		"phoneNumberId": s.number, "businessAccountId": "208800000000002", "graphBaseUrl": front.URL + "/graph",
		"accessToken": "token-for-tests", "appSecret": "secret-for-tests", "verifyToken": "verify-me",
	}
	if kind == simulator.KindLink {
		adapter, s.number = link.Adapter{}, "+46700000001"
		settings = map[string]any{
			"baseUrl": front.URL + "/link", "username": "linkuser", "password": "linkpass", "platformId": "PLATFORM", "platformPartnerId": "4711",
			"source": s.number, "gateIds": []string{"gate1"}, "callbackUsername": "gate", "callbackPassword": "keeper",
			"enableReadReceipts": true, "enableMediaUpload": true,
		}
	}
	s.AddWhatsApp(simulator.WhatsAppNumber{
		PhoneNumberID: "309900000000001", WABAID: "208800000000002", DisplayPhone: "15550783999", Name: "Test shop",
		AppSecret: "secret-for-tests", VerifyToken: "verify-me", AccessToken: "token-for-tests", WebhookURL: receiver.URL,
	})
	s.AddLink(simulator.LinkAccount{
		Source: "+46700000001", Username: "linkuser", Password: "linkpass", PlatformID: "PLATFORM", PlatformPartnerID: "4711",
		CallbackURL: receiver.URL, GateIDs: []string{"gate1"}, BasicUser: "gate", BasicPass: "keeper",
	})
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	if s.account, err = adapter.Open(raw, channels.Env{HTTP: client}); err != nil {
		t.Fatal(err)
	}
	return s
}

// event is the only event of the next webhook, verified and parsed.
func (s *side) event() channels.Event {
	s.t.Helper()
	select {
	case r := <-s.hooks:
		if err := s.account.Verify(r); err != nil {
			s.t.Errorf("verify: %v", err)
		}
		events, err := s.account.Parse(r.Body)
		if err != nil || len(events) != 1 {
			s.t.Fatalf("parse: %d events, %v", len(events), err)
		}
		return events[0]
	case <-time.After(10 * time.Second):
		s.t.Fatal("no webhook came")
	}
	return channels.Event{}
}
