package world

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Laggards are sockets that read a byte a second, until they are let go.
type Laggards struct {
	world   *World
	cancel  context.CancelFunc
	readers sync.WaitGroup
	hurry   chan struct{} // closed when they may read as fast as they can
	list    []*socket

	slow  atomic.Int64 // closed by the server with 4008
	other atomic.Int64 // ended in another way
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
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(4 << 10); err != nil { // what the kernel keeps for it does not count as read
			return nil, errors.Join(err, conn.Close())
		}
	}
	return &drip{Conn: conn, hurry: l.hurry, free: handshakeBytes}, nil
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

// read follows until the connection ends, and notes how.
func (l *Laggards) read(ctx context.Context, s *socket, conn *websocket.Conn) {
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			_ = conn.CloseNow() // it has ended
			switch code := websocket.CloseStatus(err); {
			case ctx.Err() != nil:
			case code == closeSlow:
				l.slow.Add(1)
			default:
				l.other.Add(1)
			}
			return
		}
		if s.take(data) != nil {
			return
		}
	}
}

// Hurry lets them read as fast as they can.
func (l *Laggards) Hurry() { close(l.hurry) }

// Closed is how many the server closed as slow, and how many ended otherwise.
func (l *Laggards) Closed() (slow, other int) { return int(l.slow.Load()), int(l.other.Load()) }

// Reached is how many have seen everything up to seq, and Gaps how many frames did
// not follow on the one before.
func (l *Laggards) Reached(seq int64) (caught, gaps int) {
	for _, s := range l.list {
		s.mu.Lock()
		if s.told >= seq {
			caught++
		}
		gaps += s.gaps
		s.mu.Unlock()
	}
	return caught, gaps
}

// Cursors is how many of them hold a cursor to come back with.
func (l *Laggards) Cursors() (n int) {
	for _, s := range l.list {
		s.mu.Lock()
		if s.epoch != "" && s.started {
			n++
		}
		s.mu.Unlock()
	}
	return n
}

// Close ends them.
func (l *Laggards) Close() {
	l.cancel()
	l.readers.Wait()
}
