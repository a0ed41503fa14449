package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/registry"
)

// intake is an Ingester and a Spooler that can be away.
type intake struct {
	mu       sync.Mutex
	away     bool
	taken    []conversations.Webhook
	spooled  []conversations.Webhook
	spoolErr error
}

func (i *intake) Ingest(_ context.Context, w conversations.Webhook) (conversations.Applied, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.away {
		return conversations.Applied{}, errors.New("connection refused")
	}
	i.taken = append(i.taken, w)
	return conversations.Applied{Events: len(w.Events)}, nil
}

func (i *intake) Spool(w conversations.Webhook) error {
	i.spooled = append(i.spooled, w)
	return i.spoolErr
}

type door struct {
	*Server
	in          *intake
	wire, loose *registry.Open
	results     []string
}

func newDoor(t *testing.T, d *db.DB) *door {
	t.Helper()
	r := newRegistry(t, d)
	x := &door{in: &intake{}, wire: newChannel(t, r, "ten_a", "wire"), loose: newChannel(t, r, "ten_a", "loose")}
	x.Server = New(Deps{DB: d, Auth: credentials{}, Log: quiet(), Resources: Resources{
		Registry: r, Ingester: x.in, Spooler: x.in,
		OnWebhook: func(result string, _ time.Duration) { x.results = append(x.results, result) },
	}})
	return x
}

const hello = `{"messages":[{"id":"p1","from":"+15550001","text":"hello"}]}`

func TestWebhookRefusals(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		x := newDoor(t, d)
		wire, loose := "/webhooks/wire/"+x.wire.ID, "/webhooks/loose/"+x.loose.ID+"/"+x.loose.WebhookToken
		sig := []string{"X-Signature", "hush"}
		tests := []struct {
			name, path, body string
			header           []string
			status           int
			code             string
		}{
			{"no signature", wire, hello, nil, 401, "bad_signature"},
			{"wrong signature", wire, hello, []string{"X-Signature", "hash"}, 401, "bad_signature"},
			{"unknown channel", "/webhooks/wire/ch_01jd4xn3v8f2arx1t5g7k9m0qe", hello, sig, 404, "not_found"},
			{"another type", "/webhooks/loose/" + x.wire.ID, hello, sig, 404, "not_found"},
			{"a token too many", wire + "/x", hello, sig, 404, "not_found"},
			{"no token", "/webhooks/loose/" + x.loose.ID, hello, nil, 404, "not_found"},
			{"wrong token", "/webhooks/loose/" + x.loose.ID + "/" + strings.Repeat("x", 43), hello, nil, 404, "not_found"},
			{"malformed", wire, `{"messages":[}`, sig, 400, "malformed_json"},
			{"malformed and unsigned", loose, `{`, nil, 400, "malformed_json"},
			{"oversized", wire, strings.Repeat("x", 200<<10+1), sig, 413, "too_large"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := call(t, x.Server, "POST", tt.path, tt.body, tt.header...)
				if got.status != tt.status || !strings.Contains(got.body, `"code":"`+tt.code+`"`) {
					t.Errorf("got %d %s; want %d %s", got.status, got.body, tt.status, tt.code)
				}
				if strings.Contains(got.body, x.loose.WebhookToken) {
					t.Error("the answer holds the token")
				}
			})
		}
		if got := call(t, x.Server, "POST", wire, `{"messages":[}`, sig...); !strings.Contains(got.body, "see byte 14") {
			t.Errorf("no position: %s", got.body)
		}
		unknown := call(t, x.Server, "POST", "/webhooks/loose/ch_x/t", hello, "X-Request-Id", "same-request")
		guess := call(t, x.Server, "POST", "/webhooks/loose/"+x.loose.ID+"/t", hello, "X-Request-Id", "same-request")
		if unknown.body != guess.body {
			t.Errorf("a wrong token is told from an unknown channel: %s and %s", unknown.body, guess.body)
		}
		if len(x.in.taken)+len(x.in.spooled) != 0 {
			t.Errorf("%d refused webhooks were stored", len(x.in.taken))
		}
	})
}

func TestWebhookTaken(t *testing.T) {
	d := dbtest.SQLite(t)
	x := newDoor(t, d)
	no := false
	if _, err := x.Registry.Update(t.Context(), "ten_a", x.wire.ID, registry.Patch{Enabled: &no}); err != nil {
		t.Fatal(err)
	}
	path := "/webhooks/wire/" + x.wire.ID
	for _, body := range []string{hello, `{"messages":"not a list"}`, `{"messages":[{"text":"explode"}]}`} {
		got := call(t, x.Server, "POST", path, body, "X-Signature", "hush", "X-Linktor-Channel", "forged", "Authorization", "Basic c2VjcmV0")
		if got.status != 200 || got.body != "" {
			t.Errorf("%s: %v", body, got)
		}
	}
	if len(x.in.taken) != 3 {
		t.Fatalf("%d webhooks taken; want 3", len(x.in.taken))
	}
	w := x.in.taken[0]
	if w.TenantID != "ten_a" || w.ChannelID != x.wire.ID || w.Identity != "wire" || w.Window != 24*time.Hour || len(w.Events) != 1 || string(w.Body) != hello {
		t.Errorf("webhook %+v", w)
	}
	if w.Headers["Authorization"] != removed || w.Headers["X-Signature"] != removed || w.Headers["Content-Type"] != "application/json" {
		t.Errorf("headers %v", w.Headers)
	}
	for _, w := range x.in.taken[1:] {
		if w.ParseErr == "" || w.Events != nil {
			t.Errorf("a body that cannot be parsed is not marked: %+v", w)
		}
	}
}

func TestWebhookWithoutDatabase(t *testing.T) {
	x := newDoor(t, dbtest.SQLite(t))
	x.in.away = true
	got := call(t, x.Server, "POST", "/webhooks/wire/"+x.wire.ID, hello, "X-Signature", "hush")
	if got.status != 503 || got.header.Get("Retry-After") == "" || len(x.in.spooled) != 0 {
		t.Errorf("a provider that repeats: %v", got)
	}
	loose := "/webhooks/loose/" + x.loose.ID + "/" + x.loose.WebhookToken
	if got := call(t, x.Server, "POST", loose, hello); got.status != 200 || len(x.in.spooled) != 1 {
		t.Errorf("a provider that does not repeat: %v, %d spooled", got, len(x.in.spooled))
	}
	x.in.spoolErr = errors.New("disk full")
	if got := call(t, x.Server, "POST", loose, hello); got.status != 503 {
		t.Errorf("neither database nor disk: %v", got)
	}
	if want := []string{webhookRefused, webhookSpooled, webhookRefused}; strings.Join(x.results, " ") != strings.Join(want, " ") {
		t.Errorf("results %v; want %v", x.results, want)
	}
}

// A channel that cannot be opened asks for its webhooks again, and tells nobody why.
func TestWebhookOfABrokenChannel(t *testing.T) {
	d := dbtest.SQLite(t)
	x := newDoor(t, d)
	if _, err := d.Exec(t.Context(), `UPDATE channels SET settings = '{"number":"wrong"}'`); err != nil {
		t.Fatal(err)
	}
	types := []channels.Adapter{wire{"wire"}, wire{"loose"}}
	for range 2 {
		var log bytes.Buffer
		x.Registry = registry.New(d, testBox(t), types, channels.Env{}, time.Now, quiet())
		x.Log = slog.New(slog.NewTextHandler(&log, nil))
		for _, path := range []string{"/webhooks/wire/" + x.wire.ID, "/webhooks/loose/" + x.loose.ID + "/guess"} {
			got := call(t, x.Server, "POST", path, hello)
			if got.status != 503 || got.header.Get("Retry-After") == "" || strings.Contains(got.body, "settings") || strings.Contains(got.body, "number") {
				t.Errorf("%s: %v", path, got)
			}
		}
		if !strings.Contains(log.String(), x.loose.ID) {
			t.Errorf("the log does not say why: %s", log.String())
		}
		types = nil
	}
}

func TestHandshake(t *testing.T) {
	x := newDoor(t, dbtest.SQLite(t))
	path := "/webhooks/wire/" + x.wire.ID
	got := call(t, x.Server, "GET", path+"?challenge=42&token="+x.wire.Generated["verifyToken"], "")
	if got.status != 200 || got.body != "42" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Errorf("handshake: %v", got)
	}
	if got := call(t, x.Server, "GET", path+"?challenge=42&token=wrong", ""); got.status != 403 || strings.Contains(got.body, "42") {
		t.Errorf("wrong verify token: %v", got)
	}
	if got := call(t, x.Server, "GET", "/webhooks/loose/"+x.loose.ID+"/"+x.loose.WebhookToken, ""); got.status != 405 {
		t.Errorf("no handshake: %v", got)
	}
}

// Only a trusted proxy may name the caller, and only the hop next to it counts.
func TestRemoteBehindProxy(t *testing.T) {
	tests := []struct{ name, trusted, forwarded, want string }{
		{"no proxy", "10.0.0.0/8", "203.0.113.9", "0.0.0.0"},
		{"a proxy", "0.0.0.0/32", "203.0.113.9", "203.0.113.9"},
		{"a forged entry before it", "0.0.0.0/32", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"two proxies", "0.0.0.0/0", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
		{"nonsense", "0.0.0.0/32", "unknown", "0.0.0.0"},
	}
	for _, tt := range tests {
		s := New(Deps{Auth: credentials{}, Log: quiet(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix(tt.trusted)}})
		s.App().Get("/remote", func(c *fiber.Ctx) error { return c.SendString(s.remote(c).String()) })
		if got := call(t, s, "GET", "/remote", "", "X-Forwarded-For", tt.forwarded); got.body != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got.body, tt.want)
		}
	}
}
