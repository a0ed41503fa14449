package simulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzSend posts any body to both providers: they answer, they do not panic.
func FuzzSend(f *testing.F) {
	for _, seed := range []string{
		`{"messaging_product":"whatsapp","to":"+16505550101",` + hello + `}`,
		`{"messaging_product":"whatsapp","to":"+16505550101","type":"interactive","interactive":{"type":"list","body":{"text":"?"},"action":{"button":"a","sections":[{"rows":[{"id":"1","title":"1"}]}]}}}`,
		`{"messaging_product":"whatsapp","to":"+16505550101","type":"template","template":{"name":"delivery_update","language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"a"}]}]}}`,
		`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.A"}`,
		`{"platformId":"P","platformPartnerId":"1","priority":"LOW","refId":"r","source":"+46700000001","destinations":["+46700000009"],"messages":[{"type":"template","template":{"name":"hello_world","language":{"code":"en_US"},"components":[{"type":"button","subType":"quickReply","index":0,"parameters":[]}]}}]}`,
		`{"type":"contacts","contacts":[{"name":null}]}`, `[]`, `null`, `{"to":null,"messages":[null]}`,
	} {
		f.Add(seed)
	}
	b := LoadBehaviour()
	b.Statuses, b.Window = StatusesNone, true
	s := New(Options{Behaviour: &b})
	s.AddWhatsApp(WhatsAppNumber{PhoneNumberID: testNumber, WABAID: testWABA, DisplayPhone: "15550783999", AccessToken: testToken})
	s.AddLink(LinkAccount{Source: linkSource, Username: "u", Password: "p", PlatformID: "P", PlatformPartnerID: "1"})
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, "15552000408") || strings.Contains(body, "15552000777") {
			t.Skip("these never answer")
		}
		for _, path := range []string{"/graph/v24.0/" + testNumber + "/messages", "/graph/v24.0/" + testWABA + "/message_templates", "/link/messages"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+testToken)
			if strings.HasPrefix(path, "/link") {
				r.SetBasicAuth("u", "p")
			}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code < 200 || w.Code > 599 {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	})
}
