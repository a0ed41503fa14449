package rig

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Fleet is many WebSocket clients in one process that cost little, because they
// share the machine with the server: a goroutine and a small buffer each.
type Fleet struct {
	conns  []net.Conn
	frames atomic.Int64
	bytes  atomic.Int64
	ended  atomic.Int64
	closed atomic.Bool
	wg     sync.WaitGroup
}

// FleetOptions say where to and how many.
type FleetOptions struct {
	Addr, Path, Key string
	Hello           []byte // the first frame; the server answers it with one. Nil: neither
	Sockets         int
	// OnFrame gets every text frame after the first. It is called from one goroutine
	// for each socket; payload is valid until it returns.
	OnFrame func(socket int, payload []byte)
}

const (
	fleetDialers   = 32
	fleetBuffer    = 4 << 10
	fleetHandshake = 30 * time.Second
)

// DialFleet opens the sockets and returns once all are ready.
func DialFleet(ctx context.Context, o FleetOptions) (*Fleet, error) {
	f := &Fleet{conns: make([]net.Conn, o.Sockets)}
	errs := make([]error, fleetDialers)
	var next atomic.Int64
	var dialing sync.WaitGroup
	for w := range fleetDialers {
		dialing.Go(func() {
			for i := int(next.Add(1)) - 1; i < o.Sockets && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = f.dial(ctx, &o, i)
			}
		})
	}
	dialing.Wait()
	for _, err := range errs { // one is enough to know
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Frames is how many text frames have come, Bytes the length of their payloads,
// and Ended how many sockets the server has closed.
func (f *Fleet) Frames() int64 { return f.frames.Load() }
func (f *Fleet) Bytes() int64  { return f.bytes.Load() }
func (f *Fleet) Ended() int64  { return f.ended.Load() }

// Close closes all sockets and waits for their goroutines.
func (f *Fleet) Close() {
	f.closed.Store(true)
	for _, c := range f.conns {
		if c != nil {
			c.Close()
		}
	}
	f.wg.Wait()
}

func (f *Fleet) dial(ctx context.Context, o *FleetOptions, i int) error {
	d := net.Dialer{Timeout: fleetHandshake}
	conn, err := d.DialContext(ctx, "tcp", o.Addr)
	if err != nil {
		return err
	}
	f.conns[i] = conn
	if err := conn.SetDeadline(time.Now().Add(fleetHandshake)); err != nil {
		return err
	}
	request := "GET " + o.Path + " HTTP/1.1\r\nHost: " + o.Addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" // the sample of RFC 6455: nobody checks it here
	if o.Key != "" {
		request += "Authorization: Bearer " + o.Key + "\r\nSec-WebSocket-Protocol: linktor.v1\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return err
	}
	r := bufio.NewReaderSize(conn, fleetBuffer)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	if res.Body.Close(); res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("socket %d: %s", i, res.Status)
	}
	if o.Hello != nil {
		if _, err := conn.Write(clientFrame(0x81, o.Hello)); err != nil {
			return err
		}
		if op, payload, err := readFrame(r); err != nil || op != opText {
			return fmt.Errorf("socket %d: no answer to hello: %.200s %w", i, payload, err)
		}
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	f.wg.Go(func() { f.read(conn, r, i, o.OnFrame) })
	return nil
}

// read takes frames and answers pings until the connection ends.
func (f *Fleet) read(conn net.Conn, r *bufio.Reader, i int, onFrame func(int, []byte)) {
	for {
		op, payload, err := readFrame(r)
		if err == nil && op == opPing {
			_, err = conn.Write(clientFrame(0x8A, payload))
		}
		if err != nil || op == opClose {
			if !f.closed.Load() {
				f.ended.Add(1)
			}
			return
		}
		if op != opText {
			continue
		}
		f.frames.Add(1)
		f.bytes.Add(int64(len(payload)))
		if onFrame != nil {
			onFrame(i, payload)
		}
	}
}

// Kinds of frames. Source: RFC 6455 section 5.2.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
)

// readFrame reads a frame of a server, which has no mask. The payload is valid
// until the next call.
func readFrame(r *bufio.Reader) (op byte, payload []byte, err error) {
	head, err := r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op, n, skip := head[0]&0x0f, uint64(head[1]&0x7f), 2
	switch n {
	case 126:
		skip = 4
	case 127:
		skip = 10
	}
	if head, err = r.Peek(skip); err != nil {
		return 0, nil, err
	}
	switch skip {
	case 4:
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 10:
		n = binary.BigEndian.Uint64(head[2:])
	}
	if n > 1<<20 {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	if _, err := r.Discard(skip); err != nil {
		return 0, nil, err
	}
	if int(n) > r.Size() {
		payload = make([]byte, n)
		_, err = io.ReadFull(r, payload)
		return op, payload, err
	}
	if payload, err = r.Peek(int(n)); err == nil {
		_, err = r.Discard(int(n)) // the bytes stay where they are until the next read
	}
	return op, payload, err
}

// clientFrame is a frame of a client. Its mask is zero: nothing between the two
// could be misled, which is what masks are for.
func clientFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	default:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}
