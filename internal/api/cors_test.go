package api

import (
	"testing"

	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
)

// Pages of the allowed origins may call the API; others get no permission from us.
func TestCORS(t *testing.T) {
	s := New(Deps{DB: dbtest.SQLite(t), Auth: credentials{}, Log: quiet(), Resources: Resources{Realtime: Realtime{
		Events: EventSource(events.NewLog(dbtest.SQLite(t))), Origins: []string{"https://inbox.example.com"}}}})
	for _, tt := range []struct {
		name, method, path, origin string
		status                     int
		allowed                    string
	}{
		{"preflight", "OPTIONS", "/api/v1/events", "https://inbox.example.com", 204, "https://inbox.example.com"},
		{"call", "GET", "/api/v1/events", "https://inbox.example.com", 200, "https://inbox.example.com"},
		{"refused call", "GET", "/api/v1/nothing", "https://inbox.example.com", 404, "https://inbox.example.com"},
		{"another origin's preflight", "OPTIONS", "/api/v1/events", "https://evil.example", 405, ""},
		{"another origin's call", "GET", "/api/v1/events", "https://evil.example", 200, ""},
		{"part of the name", "GET", "/api/v1/events", "https://inbox.example.com.evil.example", 200, ""},
		{"session routes", "OPTIONS", "/api/v1/auth/login", "https://inbox.example.com", 404, ""},
		{"webhooks", "OPTIONS", "/webhooks/a/b", "https://inbox.example.com", 404, ""},
	} {
		header := []string{"Origin", tt.origin, "X-API-Key", "ten_a/events:view"}
		if tt.method == "OPTIONS" {
			header = append(header, "Access-Control-Request-Method", "GET")
		}
		got := call(t, s, tt.method, tt.path, "", header...)
		if got.status != tt.status || got.header.Get("Access-Control-Allow-Origin") != tt.allowed {
			t.Errorf("%s: %d, allows %q; want %d, %q", tt.name, got.status, got.header.Get("Access-Control-Allow-Origin"), tt.status, tt.allowed)
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies may travel", tt.name)
		}
	}
}
