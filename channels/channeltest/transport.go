package channeltest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
)

// Transport breaks calls in every place where a network can, and checks that each
// counts as not sent if no byte of the request left, and as unknown otherwise.
func Transport(t *testing.T, s Suite) {
	tests := []struct {
		name string
		base func(t *testing.T, giveUp func()) string // giveUp is the caller's
		wait time.Duration                            // until the caller gives up; 0 = 30 s
		want channels.Class
	}{
		{"nobody listens", func(t *testing.T, _ func()) string {
			l := listen(t)
			l.Close()
			return "http://" + l.Addr().String()
		}, 0, channels.ClassNotSent},
		{"no such name", func(*testing.T, func()) string { return "https://nobody.invalid" }, 0, channels.ClassNotSent},
		{"a certificate that nobody knows", func(t *testing.T, _ func()) string {
			srv := httptest.NewTLSServer(http.NotFoundHandler())
			t.Cleanup(srv.Close)
			return srv.URL
		}, 0, channels.ClassNotSent},
		{"no TLS where it should be", func(t *testing.T, _ func()) string {
			return strings.Replace(server(t, func(net.Conn) {}), "http:", "https:", 1)
		}, 0, channels.ClassNotSent},
		{"a handshake that never ends", func(t *testing.T, _ func()) string { return "https://" + listen(t).Addr().String() }, 50 * time.Millisecond, channels.ClassNotSent},
		{"no answer in time", func(t *testing.T, giveUp func()) string {
			return server(t, func(c net.Conn) {
				giveUp()
				_, _ = io.Copy(io.Discard, c) // until the client hangs up
			})
		}, 0, channels.ClassUncertain},
		{"reset after the request", func(t *testing.T, _ func()) string {
			return server(t, func(c net.Conn) {
				if err := c.(*net.TCPConn).SetLinger(0); err != nil {
					t.Error(err)
				}
			})
		}, 0, channels.ClassUncertain},
		{"an answer that breaks off", func(t *testing.T, _ func()) string {
			return server(t, func(c net.Conn) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"mess") // the client may be gone
			})
		}, 0, channels.ClassUncertain},
		{"an answer that is not HTTP", func(t *testing.T, _ func()) string {
			return server(t, func(c net.Conn) { _, _ = io.WriteString(c, "hello\r\n\r\n") })
		}, 0, channels.ClassUncertain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wait := tt.wait
			if wait == 0 {
				wait = 30 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			_, err := s.Open(t, tt.base(t, cancel)).Send(ctx, s.Outbound[0])
			_ = class(t, err, tt.want)
			s.secrets(t, err)
		})
	}
}

// listen takes connections and says nothing.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// server reads a whole request, lets then do something with the connection, and
// closes it.
func server(t *testing.T, then func(net.Conn)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the client has written everything
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		then(conn)
		_ = conn.Close() // hanging up is the point
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
