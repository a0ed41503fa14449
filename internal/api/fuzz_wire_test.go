package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/realtime"
)

// wireTimeout is when a server that was sent nonsense counts as stuck: well after
// it gives up waiting for the rest of a request.
const wireTimeout = headerTimeout + 20*time.Second

// FuzzHTTP writes any bytes to a live connection. Whatever is answered is HTTP, and
// no failure of ours; and the server goes on serving others.
func FuzzHTTP(f *testing.F) {
	n := startNode(f, dbtest.SQLite(f), realtime.Options{})
	for _, s := range []string{
		"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "POST /api/v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
		"POST /webhooks/link/x/y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"POST /api/v1/keys HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n{}", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /api/v1/events/stream HTTP/1.1\r\nHost: a\r\nX-API-Key: \x00\r\n\r\n", "GET http://b/healthz HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /docs HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		r := bufio.NewReader(bytes.NewReader(n.exchange(t, request)))
		for {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("no HTTP: %v", err)
				}
				break
			}
			if resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented {
				t.Errorf("%q is answered %s", request, resp.Status)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				break // an answer to HEAD announces a body that does not come
			}
			resp.Body.Close()
		}
		if alive := n.exchange(t, []byte("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")); !bytes.HasPrefix(alive, []byte("HTTP/1.1 200 ")) {
			t.Errorf("afterwards: %q", alive)
		}
	})
}

// exchange writes request to a fresh connection, ends it, and returns the answer.
func (n *node) exchange(t *testing.T, request []byte) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wireTimeout)); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write(request) // the server may have closed by now
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%q keeps the server busy", request)
	}
	return answer
}

// FuzzSocket opens a socket and writes any bytes where frames are expected. The
// server closes it with a code of the protocol or hangs up, and panics nowhere.
func FuzzSocket(f *testing.F) {
	var log lockedBuffer
	n := startNodeLog(f, dbtest.SQLite(f), realtime.Options{}, slog.New(slog.NewTextHandler(&log, nil)))
	_, secret := n.key()
	open := []byte("GET /api/v1/realtime HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: linktor.v1\r\nX-API-Key: " + secret + "\r\n\r\n")
	hello := maskedFrame(0x81, `{"op":"hello"}`)
	for _, frames := range [][]byte{
		hello, append(bytes.Clone(hello), maskedFrame(0x81, `{"op":"ping","ref":"1"}`)...), maskedFrame(0x82, "binary"), maskedFrame(0x88, "\x03\xe8bye"),
		maskedFrame(0x89, strings.Repeat("p", 125)), maskedFrame(0x01, `{"op":`), maskedFrame(0x80, `"hello"}`), {0x81, 0x00}, {0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0}, {0xf1, 0x80, 0, 0, 0, 0}, {0x88, 0x81, 0, 0, 0, 0, 1}, maskedFrame(0x81, "\xff\xfe"), {0x8b, 0x80, 0, 0, 0, 0},
	} {
		f.Add(frames)
	}
	f.Fuzz(func(t *testing.T, frames []byte) {
		answer := n.exchange(t, append(bytes.Clone(open), frames...))
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) {
			t.Fatalf("no socket: %.60q", answer)
		}
		_, rest, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
		checkFrames(t, rest)
		if text := log.String(); strings.Contains(text, "panic") {
			t.Fatal(text)
		}
	})
}

// lockedBuffer is a log that a running server writes and a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// checkFrames reads what a server wrote: whole, unmasked frames of known kinds, and
// a close, if there is one, as the last.
func checkFrames(t *testing.T, b []byte) {
	t.Helper()
	codes := map[realtime.Code]bool{realtime.CloseNormal: true, 1002: true, 1007: true, 1009: true}
	for _, c := range realtime.CloseCodes() {
		codes[c.Code] = true
	}
	for len(b) > 0 {
		if len(b) < 2 || b[1]&0x80 != 0 {
			t.Fatalf("no frame: %q", b)
		}
		head, size := 2, int(b[1])
		if size == 126 && len(b) > 4 {
			head, size = 4, int(b[2])<<8|int(b[3])
		}
		if size == 127 || len(b) < head+size {
			t.Fatalf("a cut frame: %q", b)
		}
		payload := b[head : head+size]
		switch kind := b[0]; {
		case kind == frameClose:
			if len(payload) < 2 || !codes[realtime.Code(payload[0])<<8|realtime.Code(payload[1])] {
				t.Errorf("closed with %q", payload)
			}
		case kind != frameText && kind != framePing && kind != framePong:
			t.Errorf("frame of kind %x", kind)
		}
		b = b[head+size:]
	}
}

// maskedFrame is a frame as a client sends it, of less than 126 bytes.
func maskedFrame(first byte, payload string) []byte {
	frame := []byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0} // masked with zeros: as it is
	return append(frame, payload...)
}
