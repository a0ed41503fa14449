package api

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/realtime"
)

// readFrames reads a server's frames from a socket that was opened by hand, up to
// its close frame, and returns how many events came and the close.
func readFrames(t *testing.T, c net.Conn) (count int, code realtime.Code, reason string) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(c); ; {
		kind, payload, err := readFrame(r)
		switch {
		case err != nil:
			t.Fatalf("after %d events: %v", count, err)
		case kind == frameClose:
			return count, realtime.Code(binary.BigEndian.Uint16(payload)), string(payload[2:])
		case kind == frameText && strings.HasPrefix(string(payload), `{"op":"event"`):
			count++
		}
	}
}

func readFrame(r *bufio.Reader) (kind byte, payload []byte, err error) {
	var head [10]byte
	if _, err = io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	kind = head[0]
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(r, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(r, head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	}
	payload = make([]byte, n)
	_, bodyErr := io.ReadFull(r, payload)
	return kind, payload, errors.Join(err, bodyErr)
}

// eventually waits for cond, which depends on time that we do not control.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick, timeout := time.NewTicker(5*time.Millisecond), time.After(15*time.Second)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%s did not happen", what)
		}
	}
}

// The client reads nothing until the server has given up on it. What is on its
// way then still ends in whole frames, and the close says where to go on.
func TestSlowSocketGetsItsCloseCode(t *testing.T) {
	n := startNode(t, dbtest.SQLite(t), realtime.Options{SlowTimeout: time.Second, CloseGrace: 5 * time.Minute})
	_, secret := n.key()
	n.emit("x.y", "ch_1")
	c := rawSocket(n, secret)
	ws, _ := n.hello(secret, `{"op":"hello","subscribe":[{"id":"s","types":["end"]}]}`)
	channels := make([]string, 500)
	for range 200 { // 100,000 events of 250 bytes: more than the kernel's buffers hold
		n.emit("x.y", channels...)
	}
	n.emit("end", "")
	f, err := n.next(ws)
	for err == nil && f.Op == "mark" { // heartbeats, on a slow machine
		f, err = n.next(ws)
	}
	if err != nil || f.Seq != 100_002 {
		t.Errorf("the other client got %+v, %v; want 100002", f, err)
	}
	eventually(t, "closing as slow", func() bool { return n.hub.Stats().Slow == 1 })
	count, code, reason := readFrames(t, c)
	if code != realtime.CloseSlow || !strings.HasPrefix(reason, "slow_consumer: resume from v1.") {
		t.Errorf("after %d events: close %d %q", count, code, reason)
	}
	if count == 0 || count == 100_000 {
		t.Errorf("%d events came before the close", count)
	}
}

func TestPings(t *testing.T) {
	n := startNode(t, dbtest.SQLite(t), realtime.Options{Heartbeat: time.Second})
	_, secret := n.key()
	n.emit("x.y", "ch_1")
	silent := rawSocket(n, secret) // never answers a ping
	ws, _ := n.hello(secret, `{"op":"hello"}`)
	read := make(chan error, 1)
	go func() {
		for {
			if _, _, err := ws.Read(t.Context()); err != nil {
				read <- err
				return
			}
		}
	}()
	if _, code, reason := readFrames(t, silent); code != realtime.CloseHeartbeat {
		t.Errorf("the silent one was closed with %d %q", code, reason)
	}
	if err := ws.Ping(t.Context()); err != nil {
		t.Errorf("our ping: %v", err)
	}
	select {
	case err := <-read:
		t.Errorf("the one that answers was closed: %v", err)
	default:
	}
}
