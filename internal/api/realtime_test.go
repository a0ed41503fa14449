package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/realtime"
)

func TestSocketFollowsTheLog(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		n := startNode(t, d, realtime.Options{})
		_, secret := n.key()
		ws, _ := n.hello(secret, `{"op":"hello","subscribe":[{"id":"s","types":["message.*"]}]}`)
		n.emit("message.received", "ch_1", "ch_2")
		if f, err := n.next(ws); err != nil || f.Op != "mark" || f.Seq != 0 {
			t.Fatalf("got %+v, %v; want the name of the log", f, err)
		}
		var last pushed
		for want := int64(1); want <= 2; want++ {
			f, err := n.next(ws)
			if err != nil || f.Op != "event" || f.Seq != want || f.Prev != want-1 || f.Event.Seq != want || f.Event.Type != "message.received" {
				t.Fatalf("got %+v, %v; want event %d", f, err, want)
			}
			last = f
		}
		if string(last.Event.Data) != `{"text":"hallo\nwelt \u003cü\u003e"}` {
			t.Errorf("data = %s", last.Event.Data)
		}
		if ws.Subprotocol() != realtime.Protocol {
			t.Errorf("subprotocol %q", ws.Subprotocol())
		}
		n.send(ws, `{"op":"ping","ref":"`+strings.Repeat("r", 60)+`"}`)
		if f, err := n.next(ws); err != nil || f.Op != "pong" {
			t.Errorf("got %+v, %v; want pong", f, err)
		}
		if err := ws.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Errorf("our close was not answered: %v", err)
		}
	})
}

// Two nodes on one database: a client moves between them without losing its place.
func TestSocketMovesBetweenNodes(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		a, b := startNode(t, d, realtime.Options{}), startNode(t, d, realtime.Options{})
		_, secret := a.key()
		ws, _ := a.hello(secret, `{"op":"hello"}`)
		b.emit("x.y", "ch_1", "ch_1")
		if _, err := a.next(ws); err != nil { // the log got its name
			t.Fatal(err)
		}
		f, err := a.next(ws)
		if err != nil || f.Seq != 1 {
			t.Fatalf("got %+v, %v; want event 1", f, err)
		}
		epoch := strings.Split(mustHead(t, a), ".")[1]
		ws, ready := b.hello(secret, `{"op":"hello","resume":"v1.`+epoch+`.1"}`)
		if f, err := b.next(ws); err != nil || f.Seq != 2 || f.Prev != 1 {
			t.Errorf("after %+v: %+v, %v; want event 2 after 1", ready, f, err)
		}
	})
}

func mustHead(t *testing.T, n *node) string {
	t.Helper()
	epoch, seq, _, err := n.log.Head(t.Context(), n.tenant)
	if err != nil {
		t.Fatal(err)
	}
	return realtime.Cursor{Epoch: epoch, Seq: seq}.String()
}

func TestTicketsWorkOnce(t *testing.T) {
	n := startNode(t, dbtest.SQLite(t), realtime.Options{})
	_, secret := n.key()
	resp := n.get(http.MethodPost, "/api/v1/realtime/tickets", secret)
	var body struct {
		Ticket    string
		ExpiresIn int64
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != 201 || body.Ticket == "" || body.ExpiresIn != 30 {
		t.Fatalf("%d %+v, %v", resp.StatusCode, body, err)
	}
	hello := fmt.Sprintf(`{"op":"hello","ticket":%q}`, body.Ticket)
	n.hello("", hello)
	again, _, err := n.dial("")
	if err != nil {
		t.Fatal(err)
	}
	n.send(again, hello)
	n.closed(again, realtime.CloseUnauthenticated)
}

func TestSocketRefusals(t *testing.T) {
	n := startNode(t, dbtest.SQLite(t), realtime.Options{})
	_, secret := n.key("ch_1")
	for _, tt := range []struct {
		name, secret, frame string
		want                realtime.Code
	}{
		{"no credential", "", `{"op":"hello"}`, realtime.CloseUnauthenticated},
		{"two credentials", secret, `{"op":"hello","ticket":"lt_x"}`, realtime.CloseBadFrame},
		{"bad ticket", "", `{"op":"hello","ticket":"lt_x"}`, realtime.CloseUnauthenticated},
		{"bad cursor", secret, `{"op":"hello","resume":"x"}`, realtime.CloseBadCursor},
		{"channel out of scope", secret, `{"op":"hello","subscribe":[{"id":"s","channelId":"ch_2"}]}`, realtime.CloseForbidden},
		{"huge frame", secret, `{"op":"hello","client":"` + strings.Repeat("x", 1<<17) + `"}`, realtime.CloseBadFrame},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ws, _, err := n.dial(tt.secret)
			if err != nil {
				t.Fatal(err)
			}
			n.send(ws, tt.frame)
			n.closed(ws, tt.want)
		})
	}
	t.Run("binary frame", func(t *testing.T) {
		ws, _ := n.hello(secret, `{"op":"hello"}`)
		if err := ws.Write(t.Context(), websocket.MessageBinary, []byte(`{"op":"ping"}`)); err != nil {
			t.Fatal(err)
		}
		n.closed(ws, realtime.CloseBadFrame)
	})
	t.Run("other protocol", func(t *testing.T) {
		ws, _, err := websocket.Dial(t.Context(), "ws://"+n.addr+"/api/v1/realtime", &websocket.DialOptions{Subprotocols: []string{"linktor.v0"}})
		if err != nil {
			t.Fatal(err)
		}
		n.closed(ws, realtime.CloseVersion)
	})
}

func TestHandshakeRefusals(t *testing.T) {
	n := startNode(t, dbtest.SQLite(t), realtime.Options{})
	_, secret := n.key()
	for _, tt := range []struct {
		name, path, secret, origin string
		want                       int
	}{
		{"key in the URL", "?ticket=lt_x", "", "", 400},
		{"bad key", "", "lk_nonsense", "", 401},
		{"foreign page", "", secret, "https://evil.example", 403},
		{"no origin", "", secret, "null", 403},
		{"our own page", "", secret, "http://" + n.addr, 101},
		{"page on the list", "", secret, "https://inbox.example.com", 101},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.secret != "" {
				h.Set("Authorization", "Bearer "+tt.secret)
			}
			if tt.origin != "" {
				h.Set("Origin", tt.origin)
			}
			ws, resp, err := websocket.Dial(t.Context(), "ws://"+n.addr+"/api/v1/realtime"+tt.path, &websocket.DialOptions{HTTPHeader: h})
			if err == nil {
				_ = ws.CloseNow()
			}
			if resp == nil || resp.StatusCode != tt.want {
				t.Errorf("got %+v, %v; want %d", resp, err, tt.want)
			}
		})
	}
	if resp := n.get(http.MethodGet, "/api/v1/realtime", secret); resp.StatusCode != 426 {
		t.Errorf("without an upgrade: %d, want 426", resp.StatusCode)
	}
}

func TestRevokedKeyClosesItsSocket(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		n := startNode(t, d, realtime.Options{})
		id, secret := n.key()
		_, other := n.key()
		ws, _ := n.hello(secret, `{"op":"hello"}`)
		kept, _ := n.hello(other, `{"op":"hello"}`)
		start := time.Now()
		if err := n.accounts.DeleteKey(t.Context(), n.tenant, id); err != nil {
			t.Fatal(err)
		}
		n.closed(ws, realtime.CloseRevoked)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v, want at most 2 s", took)
		}
		n.emit("x.y", "ch_1")
		if f, err := n.next(kept); err != nil || f.Op != "mark" {
			t.Errorf("the other key's socket: %+v, %v", f, err)
		}
	})
}

func TestDrainOverTheWire(t *testing.T) {
	n := startNode(t, dbtest.SQLite(t), realtime.Options{})
	_, secret := n.key()
	ws, _ := n.hello(secret, `{"op":"hello"}`)
	drained := make(chan error, 1)
	go func() { drained <- n.hub.Drain(t.Context()) }()
	f, err := n.next(ws)
	if err != nil || f.Op != "reconnect" || f.AfterMS < 100 || f.Cursor == "" {
		t.Errorf("got %+v, %v; want reconnect", f, err)
	}
	n.closed(ws, realtime.CloseDraining)
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestListEvents(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		n := startNode(t, d, realtime.Options{})
		_, all := n.key()
		_, scoped := n.key("ch_1")
		for range 5 {
			n.emit("message.received", "ch_1", "ch_2")
			n.emit("contact.updated", "")
		}
		epoch := strings.Split(mustHead(t, n), ".")[1]
		for _, tt := range []struct {
			name, secret, query string
			want                []int64
			more                bool
			cursor              int64
			status              int
		}{
			{"all", all, "", []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, false, 15, 200},
			{"first page", all, "?limit=2", []int64{1, 2}, true, 2, 200},
			{"next page", all, "?limit=2&after=v1." + epoch + ".2", []int64{3, 4}, true, 4, 200},
			{"after a seq", all, "?after=13", []int64{14, 15}, false, 15, 200},
			{"by type", all, "?types=contact.*,nothing", []int64{3, 6, 9, 12, 15}, false, 15, 200},
			{"by channel", all, "?channelId=ch_2", []int64{2, 5, 8, 11, 14}, false, 15, 200},
			{"scoped", scoped, "", []int64{1, 4, 7, 10, 13}, false, 15, 200},
			{"latest", all, "?after=latest", nil, false, 15, 200},
			{"scoped, another channel", scoped, "?channelId=ch_2", nil, false, 0, 404},
			{"bad cursor", all, "?after=x", nil, false, 0, 400},
			{"bad type", all, "?types=a*b", nil, false, 0, 400},
			{"key in the URL", all, "?key=lk_x", nil, false, 0, 422},
		} {
			t.Run(tt.name, func(t *testing.T) {
				got := n.list(tt.secret, tt.query, tt.status)
				if tt.status != 200 {
					return
				}
				if diff := cmp.Diff(tt.want, got.seqs()); diff != "" {
					t.Error(diff)
				}
				if want := fmt.Sprintf("v1.%s.%d", epoch, tt.cursor); got.Cursor != want || got.Page.HasMore != tt.more || (got.Page.Next != nil) != tt.more {
					t.Errorf("cursor %s, page %+v; want %s, %v", got.Cursor, got.Page, want, tt.more)
				}
			})
		}
		if _, err := n.log.Prune(t.Context(), time.Now().Add(time.Hour), 12); err != nil {
			t.Fatal(err)
		}
		if got := n.list(all, "?after=4", 200); got.Reset == nil || *got.Reset != (eventsReset{"retention", 5, 12}) || len(got.Data) != 3 {
			t.Errorf("pruned: %+v", got)
		}
		if got := n.list(all, "?after=v1.eother.4", 200); got.Reset == nil || *got.Reset != (eventsReset{"epoch", 13, 15}) || len(got.Data) != 0 {
			t.Errorf("another log: %+v", got)
		}
	})
}

// An event shows what its resource shows, and takes the same permission on every
// way to it.
func TestEventsTakeThePermissionOfTheirResource(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		n := startNode(t, d, realtime.Options{})
		for _, typ := range []string{"message.received", "message.status", "media.ready", "conversation.created", "contact.updated",
			"channel.status", "template.status", "call.event", "provider.change"} {
			n.emit(typ, "")
		}
		epoch := strings.Split(mustHead(t, n), ".")[1]
		for _, tt := range []struct {
			name  string
			also  []account.Permission
			want  []int64
			types string // refused
		}{
			{"events alone", nil, []int64{6, 7}, "message.received"},
			{"and messages", []account.Permission{account.ViewMessages}, []int64{1, 2, 3, 6, 7, 8, 9}, "contact.*"},
			{"and conversations", []account.Permission{account.ViewConversations}, []int64{4, 6, 7}, "message.*"},
			{"and contacts", []account.Permission{account.ViewContacts}, []int64{5, 6, 7}, "conversation.*"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				_, secret := n.keyWith(append([]account.Permission{account.ViewEvents}, tt.also...))
				if diff := cmp.Diff(tt.want, n.list(secret, "", 200).seqs()); diff != "" {
					t.Errorf("pages: %s", diff)
				}
				n.list(secret, "?types="+tt.types, 403)
				if resp := n.get(http.MethodGet, "/api/v1/events/stream?types="+tt.types, secret); resp.StatusCode != 403 {
					t.Errorf("stream: %d; want 403", resp.StatusCode)
				}
				if diff := cmp.Diff(tt.want, n.streamed(secret, "v1."+epoch+".0", len(tt.want))); diff != "" {
					t.Errorf("stream: %s", diff)
				}
				ws, _ := n.hello(secret, `{"op":"hello","resume":"v1.`+epoch+`.0"}`)
				for _, want := range tt.want {
					if f, err := n.next(ws); err != nil || f.Op != "event" || f.Seq != want {
						t.Errorf("socket: %+v, %v; want event %d", f, err, want)
					}
				}
				ws, _, err := n.dial(secret)
				if err != nil {
					t.Fatal(err)
				}
				n.send(ws, `{"op":"hello","subscribe":[{"id":"s","types":["`+tt.types+`"]}]}`)
				n.closed(ws, realtime.CloseForbidden)
			})
		}
	})
}

// streamed returns the first events of the stream after a cursor.
func (n *node) streamed(secret, after string, count int) (seqs []int64) {
	n.Helper()
	resp := n.get(http.MethodGet, "/api/v1/events/stream?after="+after, secret)
	for lines := bufio.NewScanner(resp.Body); len(seqs) < count && lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var e struct {
			Op  string
			Seq int64
		}
		if ok && json.Unmarshal([]byte(data), &e) == nil && e.Op == "" {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

// listed is the answer of GET /api/v1/events.
type listed eventsBody

func (l listed) seqs() []int64 {
	var out []int64
	for _, raw := range l.Data {
		var e struct{ Seq int64 }
		if json.Unmarshal(raw, &e) == nil {
			out = append(out, e.Seq)
		}
	}
	return out
}

func (n *node) list(secret, query string, status int) listed {
	n.Helper()
	resp := n.get(http.MethodGet, "/api/v1/events"+query, secret)
	var body listed
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != status {
		n.Fatalf("%s: %d, %v; want %d", query, resp.StatusCode, err, status)
	}
	return body
}

func TestEventStream(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		n := startNode(t, d, realtime.Options{Heartbeat: time.Second})
		id, secret := n.key()
		n.emit("x.y", "ch_1", "ch_2", "ch_1")
		epoch := strings.Split(mustHead(t, n), ".")[1]
		resp := n.get(http.MethodGet, "/api/v1/events/stream?types=x.*&channelId=ch_1", secret, "Last-Event-ID", "v1."+epoch+".1")
		if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != "text/event-stream; charset=utf-8" {
			t.Fatalf("%d %s", resp.StatusCode, ct)
		}
		in := bufio.NewScanner(resp.Body)
		expectBlock(t, in, "id: v1."+epoch+".1", "event: ready")
		expectBlock(t, in, "id: v1."+epoch+".3", `data: {"id":"evt_`)
		n.emit("x.y", "ch_1", "ch_2")
		expectBlock(t, in, "id: v1."+epoch+".4", `data: {"id":"evt_`)
		expectBlock(t, in, "id: v1."+epoch+".5", ": mark")
		if err := n.accounts.DeleteKey(t.Context(), n.tenant, id); err != nil {
			t.Fatal(err)
		}
		for in.Scan() {
			if in.Text() == "event: close" {
				if in.Scan(); !strings.HasPrefix(in.Text(), `data: {"code":4011,`) {
					t.Errorf("close = %s", in.Text())
				}
			}
		}
		if in.Err() != nil {
			t.Errorf("the stream did not end cleanly: %v", in.Err())
		}
	})
}

// expectBlock reads up to the next empty line and compares the starts of lines.
func expectBlock(t *testing.T, in *bufio.Scanner, want ...string) {
	t.Helper()
	var got []string
	for in.Scan() && in.Text() != "" {
		got = append(got, in.Text())
	}
	for i, w := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], w) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestStreamRefusals(t *testing.T) {
	n := startNode(t, dbtest.SQLite(t), realtime.Options{})
	_, secret := n.key("ch_1")
	for query, want := range map[string]int{
		"?after=x": 400, "?types=*x": 400, "?channelId=ch_2": 404, "?api_key=lk_x": 400,
	} {
		if resp := n.get(http.MethodGet, "/api/v1/events/stream"+query, secret); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, resp.StatusCode, want)
		}
	}
	if resp := n.get(http.MethodGet, "/api/v1/events/stream", "lk_x"); resp.StatusCode != 401 {
		t.Errorf("bad key: %d", resp.StatusCode)
	}
}

func TestOwnersDifferByRights(t *testing.T) {
	h := &sockets{}
	p := account.Principal{TenantID: "t", KeyID: "k", Permissions: []account.Permission{account.ViewEvents}}
	q := p
	q.ChannelIDs = []string{"ch_1"}
	if h.client(&p).Owner == h.client(&q).Owner {
		t.Error("a key before and after a change of its channels counts as one")
	}
}

func TestNodesWithoutAHubServePages(t *testing.T) {
	d := dbtest.SQLite(t)
	s := New(Deps{DB: d, Auth: credentials{}, Log: quiet(), Resources: Resources{Realtime: Realtime{Events: EventSource(events.NewLog(d))}}})
	if got := call(t, s, "GET", "/api/v1/events", "", "X-API-Key", "ten_a/events:view"); got.status != 200 {
		t.Errorf("pages: %v", got)
	}
	if got := call(t, s, "GET", "/api/v1/realtime", "", "X-API-Key", "ten_a/events:view"); got.status != 404 {
		t.Errorf("socket: %v", got)
	}
}
