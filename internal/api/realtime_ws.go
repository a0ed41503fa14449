package api

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/realtime"
)

// Names of values that travel from the handshake to the socket.
const (
	localPrincipal = "realtimePrincipal"
	localOffered   = "realtimeOffered"
)

// handshake serves GET /api/v1/realtime. It is a public route because browsers
// authenticate in the first frame; a credential in a header is checked here.
func (h *sockets) handshake(c *fiber.Ctx) error {
	if !websocket.IsWebSocketUpgrade(c) {
		return fiber.NewError(fiber.StatusUpgradeRequired)
	}
	if c.Context().QueryArgs().Len() > 0 {
		return fault.New(fault.Malformed, "parameters_not_allowed",
			"This route takes no parameters: URLs are logged. Send a ticket in the hello frame or a key as header.")
	}
	if err := h.sameOrigin(c); err != nil {
		return err
	}
	if c.Get("X-API-Key") != "" || c.Get(fiber.HeaderAuthorization) != "" {
		p, err := h.s.admit(c, need(account.ViewEvents))
		if err != nil {
			return err
		}
		c.Locals(localPrincipal, p)
	}
	c.Locals(localOffered, c.Get("Sec-WebSocket-Protocol") != "")
	return h.upgrade(c)
}

// serve runs one socket. It is called after the handler has returned, so it has
// no request any more.
func (h *sockets) serve(ws *websocket.Conn) {
	t := newSocket(ws)
	if offered, _ := ws.Locals(localOffered).(bool); offered && ws.Subprotocol() != realtime.Protocol {
		t.refuse(&realtime.CloseError{Code: realtime.CloseVersion, Reason: "this server speaks " + realtime.Protocol})
		return
	}
	p, _ := ws.Locals(localPrincipal).(*account.Principal)
	defer h.connected("websocket")()
	h.Hub.Serve(context.Background(), t, h.admit(p))
}

func (h *sockets) recovered(ws *websocket.Conn) {
	if v := recover(); v != nil {
		h.s.Log.Error("panic in a socket", "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		newSocket(ws).refuse(&realtime.CloseError{Code: realtime.CloseRetry, Reason: "internal error"})
	}
}

// First bytes of unfragmented frames. Source: RFC 6455 section 5.2.
const (
	frameText  = 0x81
	frameClose = 0x88
	framePing  = 0x89
	framePong  = 0x8A
)

// socket is a realtime.Transport. Reading is the library's. Writing goes past it:
// a server's frames are a header and the payload, and one write then carries a
// batch of them. A write of net.Conn is atomic beside others, so pongs may be
// written by the reader.
type socket struct {
	ws   *websocket.Conn
	conn net.Conn
	seen atomic.Int64 // Unix ns
}

func newSocket(ws *websocket.Conn) *socket {
	t := &socket{ws: ws, conn: ws.NetConn()}
	t.touch()
	ws.SetPingHandler(func(data string) error {
		t.touch()
		_, err := t.conn.Write(append([]byte{framePong, byte(len(data))}, data...))
		return err
	})
	ws.SetPongHandler(func(string) error { t.touch(); return nil })
	ws.SetCloseHandler(func(int, string) error { return nil }) // the hub answers
	return t
}

func (t *socket) touch() { t.seen.Store(time.Now().UnixNano()) }

// LastSeen is when the client last sent anything.
func (t *socket) LastSeen() time.Time { return time.Unix(0, t.seen.Load()) }

// ReadFrame returns the next text frame.
func (t *socket) ReadFrame() ([]byte, error) {
	kind, r, err := t.ws.NextReader()
	if err != nil {
		return nil, err
	}
	t.touch()
	if kind != websocket.TextMessage {
		return nil, &realtime.CloseError{Code: realtime.CloseBadFrame, Reason: "frames are text"}
	}
	b, err := io.ReadAll(io.LimitReader(r, realtime.MaxFrame+1))
	if err == nil && len(b) > realtime.MaxFrame {
		err = &realtime.CloseError{Code: realtime.CloseBadFrame, Reason: "a frame has at most 64 KiB"}
	}
	return b, err
}

// Write sends frames.
func (t *socket) Write(b []byte) error {
	_, err := t.conn.Write(b)
	return err
}

// Close sends a close frame.
func (t *socket) Close(code realtime.Code, reason string) error {
	b := append([]byte{frameClose, byte(2 + len(reason))}, byte(code>>8), byte(code))
	return t.Write(append(b, reason...))
}

// Abort ends reads and writes after d.
func (t *socket) Abort(d time.Duration) {
	_ = t.conn.SetDeadline(time.Now().Add(d)) // fails only on a closed connection, which is the purpose
}

// refuse closes a socket that the hub never sees. It waits a moment for the
// client's answer, so that the close is not lost with the connection.
func (t *socket) refuse(why *realtime.CloseError) {
	t.Abort(2 * time.Second)
	if t.Close(why.Code, why.Text()) != nil {
		return
	}
	for err := error(nil); err == nil; {
		_, err = t.ReadFrame()
	}
}

// AppendEvent appends a text frame with an event.
func (t *socket) AppendEvent(dst []byte, d realtime.Delivery) []byte {
	at := len(dst)
	dst = append(dst, frameText, 0, 0, 0)
	return finishFrame(realtime.AppendEvent(dst, d.Seq, d.Prev, d.Subs, d.Envelope), at)
}

// AppendControl appends a text frame of another kind.
func (t *socket) AppendControl(dst []byte, c realtime.Control) []byte {
	at := len(dst)
	return finishFrame(append(append(dst, frameText, 0, 0, 0), c.JSON...), at)
}

// AppendPing appends a protocol ping.
func (t *socket) AppendPing(dst []byte) []byte { return append(dst, framePing, 0) }

// finishFrame writes the length of the frame that begins at dst[at] with room for
// a length of 16 bits. The shortest form is required: RFC 6455 section 5.2.
func finishFrame(dst []byte, at int) []byte {
	n := len(dst) - at - 4
	switch {
	case n < 126:
		copy(dst[at+2:], dst[at+4:])
		dst = dst[:len(dst)-2]
		dst[at+1] = byte(n)
	case n <= 0xffff:
		dst[at+1] = 126
		binary.BigEndian.PutUint16(dst[at+2:], uint16(n))
	default:
		dst = append(dst, 0, 0, 0, 0, 0, 0)
		copy(dst[at+10:], dst[at+4:at+4+n])
		dst[at+1] = 127
		binary.BigEndian.PutUint64(dst[at+2:], uint64(n))
	}
	return dst
}
