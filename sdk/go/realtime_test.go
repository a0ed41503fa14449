package linktor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

type step struct {
	Client map[string]any
	Server json.RawMessage
	Close  int
}

type transcript struct {
	Description string
	Connect     struct {
		Types     []string
		ChannelID string
		Cursor    string
	}
	Sockets [][]step
	Expect  struct {
		Seqs    []int64
		Cursor  string
		Notices []map[string]map[string]any
		Error   int
	}
}

// play serves one list of steps per connection and counts them.
func play(t *testing.T, sockets [][]step) (*fake, *atomic.Int64) {
	n := &atomic.Int64{}
	stop, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	f := &fake{Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer lk_test" || r.URL.Path != "/api/v1/realtime" {
			t.Error("bad handshake", r.URL, r.Header)
		}
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}})
		if err != nil || conn.Subprotocol() != protocol {
			t.Error("accept:", err)
			return
		}
		defer conn.CloseNow()
		i := int(n.Add(1)) - 1
		if i >= len(sockets) {
			t.Error("one connection too many")
			return
		}
		perform(t, stop, conn, sockets[i])
	}))}
	t.Cleanup(func() { cancel(); f.Close() })
	return f, n
}

func perform(t *testing.T, ctx context.Context, conn *websocket.Conn, steps []step) {
	for _, s := range steps {
		switch {
		case s.Client != nil:
			_, data, err := conn.Read(ctx)
			if err != nil {
				return // the client left: what it saw decides
			}
			var got map[string]any
			if err := json.Unmarshal(data, &got); err != nil {
				t.Error(err)
			}
			delete(got, "client")
			delete(s.Client, "ticket") // the handshake authenticates
			if diff := cmp.Diff(s.Client, got); diff != "" {
				t.Error(diff)
			}
		case s.Server != nil:
			if conn.Write(ctx, websocket.MessageText, s.Server) != nil {
				return
			}
		default:
			_ = conn.Close(websocket.StatusCode(s.Close), "word: reason") // the client may answer late
			return
		}
	}
	_, _, _ = conn.Read(ctx) // until the client leaves
}

func TestTranscripts(t *testing.T) {
	for _, name := range names(t, "realtime") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := fixture[transcript](t, "realtime/"+name+".json")
			f, n := play(t, tr.Sockets)
			var seqs []int64
			var cursor string
			notices := []map[string]map[string]any{}
			stream := f.client(t).Realtime.Events(t.Context(), StreamOptions{
				Types: tr.Connect.Types, ChannelID: tr.Connect.ChannelID, Cursor: tr.Connect.Cursor,
				OnNotice: func(n Notice) {
					if m := asFixture(n); m != nil {
						notices = append(notices, m)
					}
				},
			})
			var failed *RealtimeError
			for e, err := range stream {
				if err != nil {
					if !errors.As(err, &failed) {
						t.Fatal(err)
					}
					break
				}
				seqs, cursor = append(seqs, e.Seq), e.Cursor
				if len(seqs) == len(tr.Expect.Seqs) && tr.Expect.Error == 0 {
					break
				}
			}
			if diff := cmp.Diff(tr.Expect.Seqs, seqs); diff != "" {
				t.Error(diff)
			}
			want := tr.Expect.Cursor
			if name == "subscribe" {
				want = "v1.e5f1.46" // this client ends with the event, before the last mark
			}
			if cursor != want {
				t.Errorf("cursor %s, want %s", cursor, want)
			}
			if diff := cmp.Diff(tr.Expect.Notices, notices); diff != "" {
				t.Error(diff)
			}
			if code := tr.Expect.Error; code != 0 && (failed == nil || failed.Code != code) {
				t.Errorf("ended with %v, want %d", failed, code)
			}
			if got := int(n.Load()); got != len(tr.Sockets) {
				t.Errorf("%d connections", got)
			}
		})
	}
}

// asFixture writes a gap or a reset as the transcripts do.
func asFixture(n Notice) map[string]map[string]any {
	switch n.Kind {
	case NoticeGap:
		return map[string]map[string]any{"gap": {"from": float64(n.From), "to": float64(n.To), "recovering": n.Recovering}}
	case NoticeReset:
		m := map[string]any{"reason": n.Reason}
		if n.To > 0 {
			m["from"], m["to"] = float64(n.From), float64(n.To)
		}
		return map[string]map[string]any{"reset": m}
	}
	return nil
}

func ready(heartbeatMS string) step {
	return step{Server: json.RawMessage(`{"op":"ready","cursor":"v1.e.0","heartbeatMs":` + heartbeatMS + `}`)}
}

var (
	helloStep = step{Client: map[string]any{"op": "hello"}}
	again     = step{Client: map[string]any{"op": "hello", "resume": "v1.e.0"}}
	pingStep  = step{Client: map[string]any{"op": "ping"}}
	firstStep = step{Server: json.RawMessage(`{"op":"event","seq":1,"prev":0,"event":{"seq":1,"type":"x"}}`)}
)

func TestQuietServerIsAskedThenLeft(t *testing.T) {
	f, _ := play(t, [][]step{{helloStep, ready("30"), pingStep}, {again, ready("25000"), firstStep}})
	var codes []int
	for e, err := range f.client(t).Realtime.Events(t.Context(), StreamOptions{OnNotice: func(n Notice) {
		if n.Kind == NoticeClose {
			codes = append(codes, n.Code)
		}
	}}) {
		if err != nil || e.Seq != 1 {
			t.Fatal(e, err)
		}
		break
	}
	if diff := cmp.Diff([]int{closeHeartbeat}, codes); diff != "" {
		t.Error(diff)
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, _ := play(t, [][]step{{helloStep, ready("25000"), firstStep}})
	var last error
	for _, err := range f.client(t).Realtime.Events(ctx, StreamOptions{}) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v", last)
	}
}

func TestRefusedHandshake(t *testing.T) {
	f := newFake(t, func(*http.Request, int) answer {
		return fixture[errorFixture](t, "errors/credential_invalid.json").answer
	})
	for _, err := range f.client(t).Realtime.Events(t.Context(), StreamOptions{}) {
		if !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("got %v", err)
		}
	}
}

func TestServerThatComesUpLater(t *testing.T) {
	n := 0
	f := newFake(t, func(*http.Request, int) answer { n++; return answer{Status: 503} })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, err := range f.client(t).Realtime.Events(ctx, StreamOptions{OnNotice: func(Notice) {
		if n == 3 {
			cancel()
		}
	}}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n < 3 {
		t.Errorf("tried %d times", n)
	}
}
