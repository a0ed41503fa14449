package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/config"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// wire is a TCP proxy that can be cut.
type wire struct {
	ln     net.Listener
	target string
	mu     sync.Mutex
	down   bool
	conns  map[net.Conn]bool
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, target: target, conns: map[net.Conn]bool{}}
	go w.serve()
	t.Cleanup(func() { ln.Close(); w.cut() })
	return w
}

func (w *wire) serve() {
	for {
		in, err := w.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.target)
		w.mu.Lock()
		if w.down || err != nil {
			in.Close()
			if err == nil {
				out.Close()
			}
		} else {
			w.conns[in], w.conns[out] = true, true
			go pipe(in, out)
			go pipe(out, in)
		}
		w.mu.Unlock()
	}
}

func pipe(a, b net.Conn) {
	_, _ = io.Copy(a, b) // ends when either side closes
	a.Close()
	b.Close()
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = true
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = false
}

// office is a running server with a key for its API.
type office struct {
	t    *testing.T
	info Info
	key  string
	d    *db.DB
}

// startOffice runs a server in this process on a database and Redis behind wires.
func startOffice(t *testing.T) (o *office, database, redis *wire) {
	t.Helper()
	dsn := dbtest.PostgresURL(t)
	redisURL := os.Getenv("LINKTOR_TEST_REDIS")
	if redisURL == "" {
		if os.Getenv("LINKTOR_TEST_REQUIRE") != "" {
			t.Fatal("LINKTOR_TEST_REDIS is not set: run the tests with make test")
		}
		t.Skip("LINKTOR_TEST_REDIS is not set: run the tests with make test")
	}
	database, dsnVia := through(t, dsn)
	redis, redisVia := through(t, redisURL)
	cfg, err := config.Load(config.Sources{Environ: []string{
		"LINKTOR_LISTEN=" + freeAddress(t), "LINKTOR_DATA_DIR=" + t.TempDir(), "LINKTOR_DATABASE_URL=" + dsnVia,
		"LINKTOR_REDIS_URL=" + redisVia, "LINKTOR_SIMULATOR=on",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan Info, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, cfg, slog.New(slog.DiscardHandler), "test", Hooks{Ready: func(i Info) { ready <- i }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	o = &office{t: t}
	select {
	case o.info = <-ready:
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	if o.d, err = db.Open(t.Context(), dsn, 2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.d.Close() })
	accounts := account.NewStore(o.d, account.Options{})
	tenant, err := accounts.DefaultTenant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, o.key, err = accounts.CreateKey(t.Context(), account.Operator(tenant), account.KeyDraft{Name: "test", Permissions: account.AllPermissions(), Development: true}); err != nil {
		t.Fatal(err)
	}
	return o, database, redis
}

func through(t *testing.T, rawURL string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, u.Host)
	u.Host = w.ln.Addr().String()
	return w, u.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func (o *office) call(method, path, body string) (int, map[string]any) {
	o.t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = o.info.BaseURL + path
	}
	req, err := http.NewRequestWithContext(o.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", o.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	_ = json.NewDecoder(res.Body).Decode(&out) // webhooks are answered without a body
	return res.StatusCode, out
}

// eventually waits until a query counts n rows.
func (o *office) eventually(n int, query string, args ...any) {
	o.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		var got int
		err := o.d.Get(&got, query, args...)
		if err == nil && got == n {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			o.t.Fatalf("%s: %d rows, %v; want %d", query, got, err, n)
		}
	}
}

// The database goes away: Meta is told to come again, LINK's callback waits on
// disk, and both are there once the database is back.
func TestDatabaseAway(t *testing.T) {
	o, database, _ := startOffice(t)
	_, list := o.call("GET", "/api/v1/channels", "")
	hooks := map[string]string{}
	for _, c := range list["data"].([]any) {
		ch := c.(map[string]any)
		hooks[ch["type"].(string)] = ch["webhookUrl"].(string)
	}
	mo := func(id string) string {
		return fmt.Sprintf(`{"destination":"+46701740600","source":"+46701740606","content":{"type":"WHATSAPP","message":{"contentType":"TEXT","text":"hi"}},
			"provider":"whatsapp","timestamp":"2026-03-21T17:41:58Z","messageId":%q,"providerTimestamp":"2026-03-21T17:41:58Z","providerMessageId":"w","route":null}`, id)
	}
	database.cut() // before any callback: the channel is known all the same
	if status, _ := o.call("POST", hooks["link"], mo("during")); status != 200 {
		t.Errorf("LINK callback without a database: %d; want 200 from the spool", status)
	}
	body := `{"object":"whatsapp_business_account","entry":[]}`
	if status, _ := o.call("POST", hooks["whatsapp"], body); status != 401 {
		t.Errorf("unsigned webhook without a database: %d; want 401", status)
	}
	if status, problem := o.call("POST", "/api/v1/messages", fmt.Sprintf(`{"channelId":%q,"to":"+16505550101","content":{"type":"text","text":"x"}}`, o.info.DemoChannel)); status < 500 {
		t.Errorf("send without a database: %d %v; want 503", status, problem)
	}
	database.mend()
	o.eventually(1, `SELECT count(*) FROM messages WHERE provider_message_id = 'during'`)
}

// Redis goes away: sends go on.
func TestRedisAway(t *testing.T) {
	o, _, redis := startOffice(t)
	o.eventually(1, `SELECT count(*) FROM conversations WHERE channel_id = $1`, o.info.DemoChannel) // Ada has written
	redis.cut()
	for range 3 {
		status, m := o.call("POST", "/api/v1/messages", fmt.Sprintf(`{"channelId":%q,"to":"+16505550101","content":{"type":"text","text":"still here"}}`, o.info.DemoChannel))
		if status != 202 {
			t.Fatalf("send without Redis: %d %v", status, m)
		}
		o.eventually(1, `SELECT count(*) FROM messages WHERE id = $1 AND status IN ('sent', 'delivered', 'read')`, m["id"])
	}
}
