package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

// Laggards are sockets that read a byte a second, until they are let go. Then they
// read as fast as they can, and come back with their cursor if they were closed.
type Laggards struct {
	world   *World
	cancel  context.CancelFunc
	readers sync.WaitGroup
	hurry   chan struct{} // closed when they may read as fast as they can
	list    []*socket

	slow   atomic.Int64 // told by the server, with 4008, that they are slow
	astray atomic.Int64 // of these: told to come back with another cursor than their own
	other  atomic.Int64 // ended in another way, such as without the patience to tell them
}

// closeSlow is the close code for a client that does not keep up.
const closeSlow = 4008

// Laggards opens n sockets that hardly read.
func (w *World) Laggards(ctx context.Context, n int) (*Laggards, error) {
	ctx, cancel := context.WithCancel(ctx)
	l := &Laggards{world: w, cancel: cancel, hurry: make(chan struct{})}
	for i := range n {
		s := &socket{world: w, node: i}
		conn, err := s.dialWith(ctx, &http.Client{Transport: &http.Transport{DialContext: l.dial}})
		if err != nil {
			l.Close()
			return nil, err
		}
		l.list = append(l.list, s)
		l.readers.Go(func() { l.read(ctx, s, conn) })
	}
	return l, nil
}

// drip is a connection that is slow once its handshake is over.
type drip struct {
	net.Conn
	hurry <-chan struct{}
	free  int // bytes that may be read at once: the handshake and ready
}

// handshakeBytes is more than the answer to the handshake and the ready frame have.
const handshakeBytes = 2048

func (l *Laggards) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Control: narrow}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &drip{Conn: conn, hurry: l.hurry, free: handshakeBytes}, nil
}

// narrow makes a connection over loopback like one over the internet, where the
// kernels of both sides keep some ten kilobytes for it: between programs of one machine
// they keep megabytes, which nobody has read.
func narrow(_, _ string, c syscall.RawConn) (err error) {
	const segment, buffer = 1400, 4 << 10 // bytes
	failed := c.Control(func(fd uintptr) {
		err = errors.Join(syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, segment),
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, buffer))
	})
	return errors.Join(failed, err)
}

// Read reads a byte a second.
func (d *drip) Read(p []byte) (int, error) {
	select {
	case <-d.hurry:
		return d.Conn.Read(p)
	default:
	}
	if d.free > 0 {
		n, err := d.Conn.Read(p[:min(len(p), d.free)])
		d.free -= n
		return n, err
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
		return d.Conn.Read(p[:min(len(p), 1)])
	case <-d.hurry:
		return d.Conn.Read(p)
	}
}

// read follows until the connection ends, notes how, and comes back once it may hurry.
func (l *Laggards) read(ctx context.Context, s *socket, conn *websocket.Conn) {
	for {
		_, data, err := conn.Read(ctx)
		if err == nil {
			err = s.take(data)
		}
		if err != nil {
			l.ended(ctx, s, err)
			break
		}
	}
	_ = conn.CloseNow() // it has ended
	select {
	case <-l.hurry:
		if c := s.redial(ctx); c != nil {
			s.follow(ctx, c)
		}
	case <-ctx.Done():
	}
}

// ended notes how a connection ended.
func (l *Laggards) ended(ctx context.Context, s *socket, err error) {
	closed, ok := errors.AsType[websocket.CloseError](err)
	switch {
	case ctx.Err() != nil:
	case ok && closed.Code == closeSlow:
		l.slow.Add(1)
		_, cursor, _ := strings.Cut(closed.Reason, "resume from ")
		s.mu.Lock()
		if cursor != fmt.Sprintf("v1.%s.%d", s.epoch, s.told) {
			l.astray.Add(1)
		}
		s.mu.Unlock()
	default:
		l.other.Add(1)
	}
}

// Hurry lets them read as fast as they can.
func (l *Laggards) Hurry() { close(l.hurry) }

// Closed is how many the server told that they are slow, how many of these it told
// another cursor than their own, and how many ended otherwise.
func (l *Laggards) Closed() (slow, astray, other int) {
	return int(l.slow.Load()), int(l.astray.Load()), int(l.other.Load())
}

// Look sums up what they saw, as Fleet.Look does, and counts those that have been told
// everything up to head.
func (l *Laggards) Look(head int64) (seen Sightings, caught int) {
	for _, s := range l.list {
		s.mu.Lock()
		if s.told >= head {
			caught++
		}
		s.mu.Unlock()
	}
	return (&Fleet{sockets: l.list}).Look(head), caught
}

// Close ends them.
func (l *Laggards) Close() {
	l.cancel()
	l.readers.Wait()
}
