package linktor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// Close codes of linktor.v1 that change what we do.
const (
	closeUnauthenticated = 4001
	closeForbidden       = 4003
	closeBadFrame        = 4004
	closeVersion         = 4005
	closeBadCursor       = 4007
	closeHeartbeat       = 4009
	closeRevoked         = 4011
	closeDraining        = 4012
)

const (
	protocol    = "linktor.v1"
	maxFrame    = 16 << 20         // bytes; an event holds one message
	openTimeout = 15 * time.Second // from dialling to ready
	stableAfter = 5 * time.Second  // ready for so long, a connection counts as good
)

// frame is any frame from the server.
type frame struct {
	Op          string `json:"op"`
	Seq         int64  `json:"seq"`
	Prev        int64  `json:"prev"`
	Event       Event  `json:"event"`
	Cursor      string `json:"cursor"`
	HeartbeatMS int64  `json:"heartbeatMs"`
	AfterMS     int64  `json:"afterMs"`
	Reason      string `json:"reason"`
	From        int64  `json:"from"`
	To          int64  `json:"to"`
}

// ending is how a connection ended.
type ending struct {
	code   int // 0 if it broke without one
	reason string
	named  bool // after says when to connect again
	after  time.Duration
	stable bool
}

// final reports whether connecting again cannot help.
func (e *ending) final() bool {
	switch e.code {
	case closeUnauthenticated, closeForbidden, closeBadFrame, closeVersion, closeRevoked:
		return true
	}
	return false
}

// live lives one connection. An error ends the stream.
func (s *stream) live(ctx context.Context) (*ending, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // also unblocks the reader below
	conn, end, err := s.dial(ctx)
	if conn == nil {
		return end, err
	}
	defer conn.CloseNow() //nolint:errcheck // already closed, or of no more use
	frames := make(chan *frame)
	broken := make(chan error, 1)
	readerDone := make(chan struct{})
	go func() {
		defer close(readerDone)
		broken <- read(ctx, conn, frames)
	}()
	end, err = s.serve(ctx, conn, frames, broken)
	if errors.Is(err, errStopped) {
		_ = conn.Close(websocket.StatusNormalClosure, "") // a courtesy; the server notices anyway
	}
	cancel()
	<-readerDone
	return end, err
}

// dial connects and says hello. A nil conn comes with an ending or an error.
func (s *stream) dial(ctx context.Context) (*websocket.Conn, *ending, error) {
	bounded, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	header := http.Header{}
	s.t.fill(header)
	target := "ws" + strings.TrimPrefix(s.t.base, "http") + "/api/v1/realtime"
	//nolint:bodyclose // Source: documentation of websocket.Dial, "You never need to close resp.Body yourself."
	conn, res, err := websocket.Dial(bounded, target, &websocket.DialOptions{
		HTTPClient: s.t.http, HTTPHeader: header, Subprotocols: []string{protocol},
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if res != nil && (res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden) {
			body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16)) // of a refusal; its status says enough
			return nil, nil, apiError(res.StatusCode, res.Header, body)
		}
		return nil, &ending{reason: err.Error()}, nil
	}
	conn.SetReadLimit(maxFrame)
	err = write(bounded, conn, map[string]any{
		"op": "hello", "resume": s.pos.cursor(), "subscribe": s.subscriptions(), "client": "go/" + Version,
	})
	if err != nil {
		_ = conn.CloseNow() // it is broken
		return nil, &ending{reason: err.Error()}, nil
	}
	return conn, nil, nil
}

// read hands frames over until the connection breaks.
func read(ctx context.Context, conn *websocket.Conn, frames chan<- *frame) error {
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		var f frame
		if json.Unmarshal(data, &f) != nil {
			continue // not a frame of ours: the sequence check would notice a lost event
		}
		select {
		case frames <- &f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serve deals with frames; it asks when it is quiet for one heartbeat and gives
// up after two.
func (s *stream) serve(ctx context.Context, conn *websocket.Conn, frames <-chan *frame, broken <-chan error) (*ending, error) {
	heartbeat := openTimeout
	var readyAt time.Time
	stable := func(e *ending) *ending {
		e.stable = !readyAt.IsZero() && time.Since(readyAt) >= stableAfter
		return e
	}
	asked := true // before ready there is nothing to ask
	quiet := time.NewTimer(heartbeat)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case err := <-broken:
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return stable(closed(err)), nil
		case <-quiet.C:
			if asked {
				return stable(&ending{code: closeHeartbeat, reason: "the server went quiet"}), nil
			}
			asked = true
			if err := write(ctx, conn, map[string]any{"op": "ping"}); err != nil {
				return stable(closed(err)), nil
			}
		case f := <-frames:
			if f.Op == "ready" {
				readyAt = time.Now()
				heartbeat = time.Duration(f.HeartbeatMS) * time.Millisecond
			}
			if end, err := s.frame(f); end != nil || err != nil {
				if end != nil {
					stable(end)
				}
				return end, err
			}
			asked = readyAt.IsZero()
		}
		quiet.Reset(heartbeat)
	}
}

// closed tells a close frame from a broken connection.
func closed(err error) *ending {
	var ce websocket.CloseError
	if errors.As(err, &ce) {
		return &ending{code: int(ce.Code), reason: ce.Reason}
	}
	return &ending{reason: err.Error()}
}

func write(ctx context.Context, conn *websocket.Conn, v map[string]any) error {
	for name, value := range v {
		if list, ok := value.([]Subscription); value == "" || ok && len(list) == 0 {
			delete(v, name)
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, data)
}
