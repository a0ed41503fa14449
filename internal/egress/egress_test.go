package egress_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/egress"
)

func get(t *testing.T, h http.HandlerFunc) *http.Response {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	res, err := egress.Client(egress.Options{AllowLoopback: true}).Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestReadAll(t *testing.T) {
	for name, c := range map[string]struct {
		size  int
		limit int64
		large bool
	}{
		"below":    {9, 10, false},
		"exact":    {10, 10, false},
		"above":    {11, 10, true},
		"far":      {100_000, 10, true},
		"empty":    {0, 0, false},
		"not even": {1, 0, true},
	} {
		for _, announced := range []bool{true, false} {
			res := get(t, func(w http.ResponseWriter, _ *http.Request) {
				if !announced {
					w.(http.Flusher).Flush() // makes the length unknown
				}
				_, _ = io.WriteString(w, strings.Repeat("x", c.size)) // the client may hang up
			})
			data, err := egress.ReadAll(res, c.limit)
			tooLarge, large := errors.AsType[*egress.TooLargeError](err)
			if large != c.large || (!large && (err != nil || len(data) != c.size)) {
				t.Errorf("%s, announced %v: %d bytes, %v", name, announced, len(data), err)
			}
			if large && tooLarge.Limit != c.limit {
				t.Errorf("%s: limit %d; want %d", name, tooLarge.Limit, c.limit)
			}
		}
	}
}

// Ensure a small answer that inflates counts by what it inflates to.
func TestLimitedBodyInflated(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	if _, err := zw.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	zw.Close()
	res := get(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	body := egress.LimitedBody(res, 64<<10)
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	if _, ok := errors.AsType[*egress.TooLargeError](err); !ok || n > 64<<10 {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func TestClientTimeouts(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		<-release
	}))
	defer srv.Close()
	defer close(release)
	header := egress.Client(egress.Options{AllowLoopback: true, HeaderTimeout: 20 * time.Millisecond})
	if _, err := header.Get(srv.URL + "/header?token=hunter2"); err == nil || strings.Contains(egress.Cause(err).Error(), "hunter2") {
		t.Errorf("got %v; want a timeout that does not quote the URL", err)
	}
	total := egress.Client(egress.Options{AllowLoopback: true, Timeout: 20 * time.Millisecond})
	res, err := total.Get(srv.URL + "/body")
	if err == nil {
		_, err = egress.ReadAll(res, 10)
	}
	if err == nil {
		t.Error("a body that never comes did not time out")
	}
}

func TestClientChecksCertificates(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	if _, err := egress.Client(egress.Options{AllowLoopback: true}).Get(srv.URL); err == nil {
		t.Error("a certificate that nobody vouches for is accepted")
	}
}
