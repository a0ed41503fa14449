package app

import (
	"net/http/httptest"
	"testing"

	"github.com/linktor/linktor/internal/config"
	"github.com/linktor/linktor/internal/telemetry"
)

// Metrics without a token are for this machine, not for whom a proxy here lets in.
func TestMetricsAreForThisMachine(t *testing.T) {
	s := &server{cfg: &config.Config{}, metrics: telemetry.NewMetrics("test")}
	for header, want := range map[string]int{"": 200, "Forwarded": 403, "X-Forwarded-For": 403, "X-Real-Ip": 403} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = "127.0.0.1:5"
		if header != "" {
			r.Header.Set(header, "192.0.2.1")
		}
		w := httptest.NewRecorder()
		s.metricsHandler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("with %q: %d; want %d", header, w.Code, want)
		}
	}
	s.cfg.MetricsToken = "s3cret"
	w := httptest.NewRecorder()
	if s.metricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil)); w.Code != 401 {
		t.Errorf("without the token: %d", w.Code)
	}
}
