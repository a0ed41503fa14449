package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/telemetry"
)

func TestRequestID(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "info", "auto")
	if err != nil {
		t.Fatal(err)
	}
	ctx := telemetry.WithRequestID(context.Background(), "req_1")
	log.With("a", 1).InfoContext(ctx, "x")
	if !strings.Contains(out.String(), `"requestId":"req_1"`) {
		t.Errorf("no request id in %s", out.String())
	}
	if _, err := telemetry.NewLogger(&out, "loud", "auto"); err == nil {
		t.Error("an unknown level was accepted")
	}
}

func TestMetrics(t *testing.T) {
	m := telemetry.NewMetrics("1.2.3")
	m.Ingest.WithLabelValues("applied").Add(3)
	m.SendAttempts.WithLabelValues("uncertain").Inc()
	reads := 0
	m.WatchBacklog(slog.New(slog.DiscardHandler), func(context.Context) (telemetry.Backlog, error) {
		reads++
		return telemetry.Backlog{SendsDue: map[string]int64{"queued": 7, "uncertain": 2}, OldestSend: 1500 * time.Millisecond, ParkedStatuses: 4}, nil
	})
	scrape(t, m)
	page := scrape(t, m)
	for _, want := range []string{
		`linktor_ingest_total{result="applied"} 3`, `linktor_send_attempts_total{class="uncertain"} 1`,
		`linktor_outbox_due{state="queued"} 7`, `linktor_uncertain_open 2`, `linktor_outbox_oldest_seconds 1.5`,
		`linktor_parked_statuses 4`, `linktor_build_info{version="1.2.3"} 1`, `go_goroutines`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if reads != 1 {
		t.Errorf("two scrapes at once read the database %d times; want 1", reads)
	}
}

func TestMetricsWithoutDatabase(t *testing.T) {
	m := telemetry.NewMetrics("x")
	m.WatchBacklog(slog.New(slog.DiscardHandler), func(context.Context) (telemetry.Backlog, error) {
		return telemetry.Backlog{}, errors.New("away")
	})
	page := scrape(t, m)
	if strings.Contains(page, "outbox_due") || !strings.Contains(page, "linktor_poison_items_total 0") {
		t.Error("a database that is away must hide its own series and no others")
	}
}

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("scrape answered %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestGuard(t *testing.T) {
	tests := []struct {
		name, token, remote string
		header              [2]string
		want                int
	}{
		{"this machine", "", "127.0.0.1:5", [2]string{}, 200},
		{"this machine, IPv6", "", "[::1]:5", [2]string{}, 200},
		{"another machine", "", "192.0.2.1:5", [2]string{}, 403},
		{"through a proxy here", "", "127.0.0.1:5", [2]string{"X-Forwarded-For", "192.0.2.1"}, 403},
		{"token", "s3cret", "192.0.2.1:5", [2]string{"Authorization", "Bearer s3cret"}, 200},
		{"wrong token", "s3cret", "127.0.0.1:5", [2]string{"Authorization", "Bearer s3cre"}, 401},
		{"no token", "s3cret", "127.0.0.1:5", [2]string{}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/metrics", nil)
			r.RemoteAddr = tt.remote
			if tt.header[0] != "" {
				r.Header.Set(tt.header[0], tt.header[1])
			}
			w := httptest.NewRecorder()
			telemetry.Guard(telemetry.NewMetrics("x").Handler(), tt.token).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("answered %d; want %d", w.Code, tt.want)
			}
		})
	}
}
