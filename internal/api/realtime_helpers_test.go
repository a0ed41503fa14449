package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/realtime"
)

// node is one server with a real log and real accounts, on loopback.
type node struct {
	testing.TB
	db       *db.DB
	log      *events.Log
	accounts *account.Store
	hub      *realtime.Hub
	server   *Server
	addr     string
	tenant   string
}

// startNode serves d. Nodes on the same database share its tenant.
func startNode(t testing.TB, d *db.DB, opts realtime.Options) *node {
	t.Helper()
	return startNodeLog(t, d, opts, quiet())
}

func startNodeLog(t testing.TB, d *db.DB, opts realtime.Options, log *slog.Logger) *node {
	t.Helper()
	n := &node{TB: t, db: d, log: events.NewLog(d), accounts: account.NewStore(d, account.Options{})}
	source := EventSource(n.log)
	n.hub = realtime.NewHub(source, opts)
	n.log.Notify(n.hub.Notify)
	n.server = New(Deps{DB: d, Auth: n.accounts, Log: log, Resources: Resources{
		Accounts: n.accounts,
		Realtime: Realtime{Hub: n.hub, Events: source, Origins: []string{"https://inbox.example.com"}},
	}})
	var err error
	if _, n.tenant, _, err = n.accounts.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- n.server.App().Listener(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(n.hub.Drain(ctx), n.server.App().ShutdownWithContext(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
	return n
}

// key makes an API key that may see every event of the channels, and returns its
// id and secret.
func (n *node) key(channels ...string) (id, secret string) {
	n.Helper()
	return n.keyWith([]account.Permission{account.ViewEvents, account.ViewMessages, account.ViewConversations, account.ViewContacts}, channels...)
}

func (n *node) keyWith(permissions []account.Permission, channels ...string) (id, secret string) {
	n.Helper()
	for _, ch := range channels {
		_, err := n.db.Exec(n.Context(), `INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at)
			VALUES ($1, $2, 'test', 'Test', '{}', $3, 0, 0)`, ch, n.tenant, []byte{})
		if err != nil {
			n.Fatal(err)
		}
	}
	admin := &account.Principal{TenantID: n.tenant, Role: account.Owner, Permissions: account.AllPermissions()}
	k, secret, err := n.accounts.CreateKey(n.Context(), admin, account.KeyDraft{Name: "test", ChannelIDs: channels,
		Permissions: permissions, Development: true})
	if err != nil {
		n.Fatal(err)
	}
	return k.ID, secret
}

// emit appends an event for each channel given.
func (n *node) emit(typ string, channels ...string) {
	n.Helper()
	err := n.db.InTx(n.Context(), func(tx *db.Tx) error {
		var batch []events.Event
		for _, ch := range channels {
			e, err := events.New(n.tenant, typ, ch, "conv_1", time.Now(), map[string]string{"text": "hallo\nwelt <ü>"})
			if err != nil {
				return err
			}
			batch = append(batch, e)
		}
		return events.Append(n.Context(), tx, batch)
	})
	if err != nil {
		n.Fatal(err)
	}
}

// pushed is any frame of the server.
type pushed struct {
	Op      string `json:"op"`
	Seq     int64  `json:"seq"`
	Prev    int64  `json:"prev"`
	Cursor  string `json:"cursor"`
	Reason  string `json:"reason"`
	AfterMS int64  `json:"afterMs"`
	Event   struct {
		ID   string          `json:"id"`
		Seq  int64           `json:"seq"`
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	} `json:"event"`
}

// dial opens a socket with a key in the header, or none.
func (n *node) dial(secret string, header ...string) (*websocket.Conn, *http.Response, error) {
	h := http.Header{}
	if secret != "" {
		h.Set("X-API-Key", secret)
	}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(n.Context(), 10*time.Second)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, "ws://"+n.addr+"/api/v1/realtime",
		&websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{realtime.Protocol}})
	if err == nil {
		ws.SetReadLimit(1 << 20)
		n.Cleanup(func() { _ = ws.CloseNow() })
	}
	return ws, resp, err
}

// hello opens a socket and gets ready.
func (n *node) hello(secret, hello string) (*websocket.Conn, pushed) {
	n.Helper()
	ws, _, err := n.dial(secret)
	if err != nil {
		n.Fatal(err)
	}
	n.send(ws, hello)
	ready, err := n.next(ws)
	if err != nil || ready.Op != "ready" {
		n.Fatalf("got %+v, %v; want ready", ready, err)
	}
	return ws, ready
}

func (n *node) send(ws *websocket.Conn, frame string) {
	n.Helper()
	if err := ws.Write(n.Context(), websocket.MessageText, []byte(frame)); err != nil {
		n.Fatal(err)
	}
}

// next returns the next frame, or the error of a closed socket.
func (n *node) next(ws *websocket.Conn) (pushed, error) {
	ctx, cancel := context.WithTimeout(n.Context(), 15*time.Second)
	defer cancel()
	var f pushed
	kind, b, err := ws.Read(ctx)
	if err != nil {
		return f, err
	}
	if kind != websocket.MessageText {
		return f, fmt.Errorf("frame of kind %v", kind)
	}
	return f, json.Unmarshal(b, &f)
}

// closed reads until the socket is closed and checks the code.
func (n *node) closed(ws *websocket.Conn, want realtime.Code) string {
	n.Helper()
	for {
		if _, err := n.next(ws); err != nil {
			ce, ok := errors.AsType[websocket.CloseError](err)
			if !ok || realtime.Code(ce.Code) != want {
				n.Fatalf("closed with %v, want %d", err, want)
			}
			return ce.Reason
		}
	}
}

// get calls the API with a key.
func (n *node) get(method, path, secret string, header ...string) *http.Response {
	n.Helper()
	req, err := http.NewRequestWithContext(n.Context(), method, "http://"+n.addr+path, nil)
	if err != nil {
		n.Fatal(err)
	}
	req.Header.Set("X-API-Key", secret)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}
