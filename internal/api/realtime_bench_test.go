package api

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/realtime"
)

// rawSocket opens a WebSocket by hand, so that the client's side of a benchmark
// costs next to nothing, and reads up to ready.
func rawSocket(n *node, secret string) net.Conn {
	n.Helper()
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() { _ = c.Close() })
	hello := `{"op":"hello"}`
	_, err = fmt.Fprintf(c, "GET /api/v1/realtime HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-API-Key: %s\r\n\r\n", n.addr, secret)
	if err != nil {
		n.Fatal(err)
	}
	if got := readUntil(n, c, "\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 101") {
		n.Fatal(got)
	}
	frame := append([]byte{frameText, 0x80 | byte(len(hello)), 0, 0, 0, 0}, hello...) // masked with zeros
	if _, err := c.Write(frame); err != nil {
		n.Fatal(err)
	}
	readUntil(n, c, `"replay":null}`)
	return c
}

func readUntil(n *node, r io.Reader, end string) string {
	n.Helper()
	var got []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(got), end); got = append(got, b[0]) {
		if _, err := r.Read(b); err != nil {
			n.Fatalf("%q: %v", got, err)
		}
	}
	return string(got)
}

// BenchmarkIdleSocket is what a waiting client costs in the server, from the HTTP
// server's buffers to the hub.
func BenchmarkIdleSocket(b *testing.B) {
	const sockets = 1000
	n := startNode(b, dbtest.SQLite(b), realtime.Options{})
	_, secret := n.key()
	rawSocket(n, secret)
	before := inUse()
	for range sockets {
		rawSocket(n, secret)
	}
	used := inUse() - before
	for b.Loop() {
		runtime.Gosched()
	}
	b.ReportMetric(float64(used)/sockets, "B/socket")
}

func inUse() int64 {
	for range 3 { // stacks shrink by half in each
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// BenchmarkSocketFanout is one event, from its commit until 1,000 sockets have
// it. All sockets are in this process.
func BenchmarkSocketFanout(b *testing.B) {
	const sockets = 1000
	n := startNode(b, dbtest.SQLite(b), realtime.Options{})
	_, secret := n.key()
	n.emit("x.y", "ch_1")
	got := make(chan error, sockets)
	for range sockets {
		c := rawSocket(n, secret)
		go func() {
			buf := make([]byte, 1024)
			for {
				_, err := c.Read(buf) // one event at a time is on its way
				got <- err
				if err != nil {
					return
				}
			}
		}()
	}
	for b.Loop() {
		n.emit("x.y", "ch_1")
		for range sockets {
			if err := <-got; err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*sockets/b.Elapsed().Seconds(), "frames/s")
}
