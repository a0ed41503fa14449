package redisconn

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What the client library says is written as a log line: without passwords, not for
// each call that fails, and not where all is well.
func TestLibraryLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := &library{log: slog.New(slog.NewTextHandler(&out, nil))}
		l.Printf(t.Context(), "sentinel: selected addr=%s masterAddr=%s", "10.0.0.1:26379", "10.0.0.2:6379")
		l.Printf(t.Context(), "sentinel: new master=%q addr=%q", "house", "10.0.0.2:6379")
		if s := out.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "level=INFO") {
			t.Errorf("wrote %s", s)
		}
		out.Reset()
		for range 100 {
			l.Printf(t.Context(), "dial %s: %v", "redis://app:hush@10.0.0.1:6379", "connection refused")
		}
		if n := strings.Count(out.String(), "\n"); n != 1 {
			t.Errorf("%d lines; want 1", n)
		}
		if s := out.String(); strings.Contains(s, "hush") || strings.Contains(s, "app:") || !strings.Contains(s, "connection refused") {
			t.Errorf("wrote %s", s)
		}
		time.Sleep(sayEvery + time.Second) //nolint:forbidigo // the clock of the bubble
		l.Printf(t.Context(), "still away")
		if n := strings.Count(out.String(), "\n"); n != 2 {
			t.Errorf("%d lines; want 2", n)
		}
	})
}
