package simulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkSend measures what the fake itself costs per accepted send.
func BenchmarkSend(b *testing.B) {
	for _, quiet := range []bool{true, false} {
		name := map[bool]string{true: "quiet", false: "phones"}[quiet]
		b.Run(name, func(b *testing.B) {
			behaviour := LoadBehaviour()
			behaviour.Statuses = StatusesNone
			s := New(Options{Quiet: quiet, Behaviour: &behaviour})
			s.AddWhatsApp(WhatsAppNumber{PhoneNumberID: testNumber, WABAID: testWABA, DisplayPhone: "15550783999", AccessToken: testToken})
			body := `{"messaging_product":"whatsapp","to":"+16505550101","biz_opaque_callback_data":"r",` + hello + `}`
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := httptest.NewRequest(http.MethodPost, "/graph/v24.0/"+testNumber+"/messages", strings.NewReader(body))
					r.Header.Set("Authorization", "Bearer "+testToken)
					w := httptest.NewRecorder()
					s.Handler().ServeHTTP(w, r)
					if w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
				}
			})
		})
	}
}
