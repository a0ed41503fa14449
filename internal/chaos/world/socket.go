package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// socket is one subscriber.
type socket struct {
	world *World
	node  int // that it asks next

	mu         sync.Mutex
	started    bool
	start      int64 // position at the very beginning
	epoch      string
	told       int64 // everything up to it was delivered or passed over
	seen       int
	gaps       int
	repeats    int
	resets     int
	reconnects int
	warned     int
	wait       time.Duration // that the server asked for before coming back
	cut        int
	leaving    bool // a reconnect frame has come on this connection
	late       []time.Duration
}

// frame is what matters here of a frame of the server.
type frame struct {
	Op     string `json:"op"`
	Seq    int64  `json:"seq"`
	Prev   int64  `json:"prev"`
	To     int64  `json:"to"`
	Cursor string `json:"cursor"`
	After  int64  `json:"afterMs"`
	Event  struct {
		Timestamp time.Time `json:"timestamp"`
	} `json:"event"`
}

// maxFrame bounds what a socket reads at once.
const maxFrame = 1 << 20

// dial connects to the next server and says hello with the cursor.
func (s *socket) dial(ctx context.Context) (*websocket.Conn, error) { return s.dialWith(ctx, nil) }

// dialWith dials through client; nil means the default one.
func (s *socket) dialWith(ctx context.Context, client *http.Client) (*websocket.Conn, error) {
	node := s.world.Nodes[s.node%len(s.world.Nodes)]
	s.node++
	handshake, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(handshake, "ws://"+node.Listen+"/api/v1/realtime", &websocket.DialOptions{ //nolint:bodyclose // Dial closes it
		HTTPClient: client, HTTPHeader: http.Header{"X-Api-Key": {s.world.Key}}, Subprotocols: []string{"linktor.v1"},
	})
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(maxFrame)
	if err := s.hello(handshake, c); err != nil {
		_ = c.CloseNow() // err says more
		return nil, err
	}
	return c, nil
}

func (s *socket) hello(ctx context.Context, c *websocket.Conn) error {
	hello := map[string]any{"op": "hello", "client": "chaos"}
	s.mu.Lock()
	if s.started {
		hello["resume"] = fmt.Sprintf("v1.%s.%d", s.epoch, s.told)
	}
	s.mu.Unlock()
	data, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	if err := c.Write(ctx, websocket.MessageText, data); err != nil {
		return err
	}
	_, data, err = c.Read(ctx)
	if err != nil {
		return err
	}
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	if f.Op == "reset" { // it comes before ready when the cursor is of another log
		return s.apply(&f, time.Now())
	}
	if f.Op != "ready" {
		return fmt.Errorf("the first frame is %q", f.Op)
	}
	return s.apply(&f, time.Now())
}

// read reads frames until the connection ends.
func (s *socket) read(ctx context.Context, c *websocket.Conn) {
	for {
		_, data, err := c.Read(ctx)
		if err != nil {
			return
		}
		if s.take(data) != nil {
			return
		}
	}
}

// take checks a frame that has just come.
func (s *socket) take(data []byte) error {
	now := time.Now()
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	return s.apply(&f, now)
}

// ended notes how a connection ended.
func (s *socket) ended(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leaving && ctx.Err() == nil {
		s.cut++
	}
	s.leaving = false
}

// position is the sequence number in a cursor, v1.<epoch>.<seq>.
func position(cursor string) (epoch string, seq int64) {
	parts := strings.Split(cursor, ".")
	if len(parts) != 3 {
		return "", 0
	}
	seq, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return "", 0
	}
	return parts[1], seq
}

// apply checks one frame.
func (s *socket) apply(f *frame, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch, at := position(f.Cursor)
	switch f.Op {
	case "ready":
		if !s.started {
			s.started, s.start, s.told = true, at, at
		} else if at != s.told { // without a word of a reset
			s.gaps++
		}
		s.epoch = epoch
	case "mark":
		if at < s.told || at > s.told && f.Seq != at {
			s.gaps++
		}
		s.told, s.epoch = max(s.told, at), epoch
	case "reset":
		s.resets++
		s.told, s.epoch = at, epoch
	case "reconnect":
		s.warned++
		s.wait = time.Duration(f.After) * time.Millisecond
		s.leaving = true
		if at != s.told {
			s.gaps++
		}
	case "event":
		switch {
		case f.Seq <= s.told:
			s.repeats++
		case f.Prev != s.told:
			s.gaps++
			return errGap
		default:
			s.told = f.Seq
			s.seen++
			s.late = append(s.late, now.Sub(f.Event.Timestamp))
		}
	}
	return nil
}
