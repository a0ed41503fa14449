package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/realtime"
)

// stream serves GET /api/v1/events/stream, the log as Server-Sent Events.
func (h *sockets) stream(c *fiber.Ctx) error {
	if err := h.sameOrigin(c); err != nil {
		return err
	}
	p := principal(c.UserContext())
	hello, err := streamHello(c, p)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/event-stream; charset=utf-8")
	c.Set("X-Accel-Buffering", "no") // proxies such as nginx otherwise hold events back
	c.Context().SetConnectionClose() // deadlines are set on the connection: it serves nothing after this
	conn, client := c.Context().Conn(), h.client(p)
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer h.connected("sse")()
		h.Hub.Stream(context.Background(), &eventStream{w: w, conn: conn}, client, hello)
	})
	return nil
}

// streamHello makes a hello of the parameters. Last-Event-ID, which a browser
// sends when it reconnects, is newer than after.
func streamHello(c *fiber.Ctx, p *account.Principal) (*realtime.Hello, error) {
	hello := &realtime.Hello{}
	sub := realtime.Subscription{ID: "stream"}
	var unknown bool
	for k, v := range c.Context().QueryArgs().All() {
		switch value := string(v); string(k) {
		case "after":
			hello.Resume = value
		case "types":
			sub.Types = splitTypes(value)
		case "channelId":
			sub.ChannelID = value
		case "conversationId":
			sub.ConversationID = value
		default:
			unknown = true
		}
	}
	if unknown {
		return nil, fault.New(fault.Malformed, "unknown_parameter", "The parameters are after, types, channelId and conversationId.")
	}
	if last := c.Get("Last-Event-ID"); last != "" {
		hello.Resume = last
	}
	if hello.Resume != "" {
		if _, err := realtime.ParseCursor(hello.Resume); err != nil {
			return nil, errCursor()
		}
	}
	if _, err := eventFilter(p, sub); err != nil {
		return nil, err
	}
	hello.Subscribe = []realtime.Subscription{sub}
	return hello, nil
}

func splitTypes(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func errCursor() error {
	return fault.New(fault.Malformed, "invalid_cursor", "This is no cursor of the event log. Start without one.")
}

// eventFilter checks a subscription that came as parameters.
func eventFilter(p *account.Principal, sub realtime.Subscription) (*realtime.Filter, error) {
	if sub.ChannelID != "" {
		if err := allowedChannel(p, sub.ChannelID); err != nil {
			return nil, err
		}
	}
	for _, t := range sub.Types {
		t = strings.TrimSuffix(t, "*")
		if t != "" && !seesEvent(p, t) {
			return nil, forbidden(string(eventPermission(t)))
		}
	}
	f, err := realtime.Compile(sub)
	if ce, ok := errors.AsType[*realtime.CloseError](err); ok {
		return nil, fault.New(fault.Malformed, "invalid_filter", "The filter is not valid: %s.", ce.Reason)
	}
	return f, err
}

// eventStream is a realtime.Transport of Server-Sent Events. Source: WHATWG HTML,
// 9.2 Server-sent events.
type eventStream struct {
	w    *bufio.Writer
	conn net.Conn
}

// ReadFrame is never called: a stream has no way back.
func (t *eventStream) ReadFrame() ([]byte, error) { return nil, errors.ErrUnsupported }

// LastSeen is now: a client that is gone is noticed when a mark is written.
func (t *eventStream) LastSeen() time.Time { return time.Now() }

// Write sends events.
func (t *eventStream) Write(b []byte) error {
	if _, err := t.w.Write(b); err != nil {
		return err
	}
	return t.w.Flush()
}

// Close sends an event with the code; the end of the stream follows.
func (t *eventStream) Close(code realtime.Code, reason string) error {
	data, err := json.Marshal(map[string]any{"code": code, "reason": reason})
	if err != nil {
		return err
	}
	return t.Write(appendField(append([]byte(nil), "event: close\n"...), "data: ", data))
}

// Abort ends writes after d.
func (t *eventStream) Abort(d time.Duration) {
	_ = t.conn.SetWriteDeadline(time.Now().Add(d)) // fails only on a closed connection, which is the purpose
}

// AppendEvent appends an unnamed event, so that onmessage gets every type.
func (t *eventStream) AppendEvent(dst []byte, d realtime.Delivery) []byte {
	return appendField(appendID(dst, d.Cursor()), "data: ", d.Envelope)
}

// AppendControl appends a named event. A mark has no data: it moves only the id
// that a browser comes back with.
func (t *eventStream) AppendControl(dst []byte, c realtime.Control) []byte {
	if c.Op == realtime.OpReconnect {
		dst = append(strconv.AppendInt(append(dst, "retry: "...), c.AfterMS, 10), '\n')
	}
	if c.Cursor.Epoch != "" {
		dst = appendID(dst, c.Cursor)
	}
	if c.Op == realtime.OpMark {
		return append(dst, ": mark\n\n"...)
	}
	return appendField(append(append(append(dst, "event: "...), c.Op...), '\n'), "data: ", c.JSON)
}

// AppendPing appends nothing.
func (t *eventStream) AppendPing(dst []byte) []byte { return dst }

func appendID(dst []byte, c realtime.Cursor) []byte {
	return append(append(append(dst, "id: "...), c.String()...), '\n')
}

// appendField appends a value that may have several lines, and ends the event.
func appendField(dst []byte, name string, value []byte) []byte {
	for line := range bytes.SplitSeq(value, []byte("\n")) {
		dst = append(append(append(dst, name...), line...), '\n')
	}
	return append(dst, '\n')
}
