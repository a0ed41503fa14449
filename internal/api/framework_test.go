package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/telemetry"
)

// credentials is an Authenticator: a credential is a tenant and permissions,
// "tenant:permission,permission".
type credentials struct{}

func (credentials) Authenticate(_ context.Context, cred string) (*account.Principal, error) {
	tenant, words, ok := strings.Cut(cred, "/")
	if !ok {
		return nil, fault.New(fault.Unauthorized, "credential_invalid", "This credential is not valid.")
	}
	p := &account.Principal{TenantID: tenant, KeyID: "key_test", Name: "test"}
	for w := range strings.SplitSeq(words, ",") {
		if w == "*" {
			p.Permissions = account.AllPermissions()
		} else if scope, isScope := strings.CutPrefix(w, "in="); isScope {
			p.ChannelIDs = append(p.ChannelIDs, scope)
		} else {
			p.Permissions = append(p.Permissions, account.Permission(w))
		}
	}
	return p, nil
}

// clear "seals" by marking, so that tests see that a text went through it.
type clearSeal struct{}

func (clearSeal) Seal(plain []byte, aad string) ([]byte, error) {
	return append([]byte("sealed:"+aad+":"), plain...), nil
}

func (clearSeal) Open(sealed []byte, aad string) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte("sealed:"+aad+":"))
	if !ok {
		return nil, errors.New("wrong aad")
	}
	return plain, nil
}

type thingInput struct {
	Body struct {
		Name  string `json:"name" maxLength:"5"`
		Count int    `json:"count,omitempty" minimum:"1"`
		Parts []struct {
			Size int `json:"size"`
		} `json:"parts,omitempty"`
	}
}

type thingOutput struct {
	Body struct {
		Name string `json:"name"`
		Run  int    `json:"run"`
	}
}

// withThings adds routes that exercise the framework.
func withThings(s *Server) *Server {
	runs := 0
	create := func(_ context.Context, in *thingInput) (*thingOutput, error) {
		runs++
		switch in.Body.Name {
		case "boom":
			return nil, errors.New("secret detail")
		case "panic":
			panic("secret detail")
		case "gone":
			return nil, fault.Missing("thing")
		case "full": // as a store would wrap it
			return nil, &fault.Error{Kind: fault.Unavailable, Code: "storage_unavailable", Message: "Away.", Err: fmt.Errorf("spool: %w", syscall.ENOSPC)}
		case "wait":
			return nil, &fault.Error{Kind: fault.Unavailable, Code: "away", Message: "Away.", RetryAfter: 1500 * time.Millisecond}
		case "far":
			return nil, &channels.SendError{Class: channels.ClassNotSent, Code: "not_sent", Title: "The provider could not be reached",
				Err: &net.OpError{Op: "dial", Err: errors.New("secret detail")}}
		case "no":
			return nil, &channels.SendError{Class: channels.ClassRejected, Title: "Invalid parameter", Detail: "A body cannot end with a variable.", Action: "Correct it."}
		case "bad":
			inv := &channels.Invalid{}
			inv.AddLimit("/content/text", "too_long", 10, "Text is longer than 10 characters.")
			return nil, inv
		}
		out := &thingOutput{}
		out.Body.Name, out.Body.Run = in.Body.Name, runs
		return out, nil
	}
	route(s, huma.Operation{OperationID: "create-thing", Method: http.MethodPost, Path: "/api/v1/things"}, need(account.ManageContacts), create)
	loose := huma.Operation{OperationID: "create-loose", Method: http.MethodPost, Path: "/api/v1/loose", SkipValidateBody: true}
	route(s, loose, need(account.ManageContacts), create)
	return s
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

type answer struct {
	status int
	header http.Header
	body   string
}

func call(t *testing.T, s *Server, method, path, body string, header ...string) answer {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.App().Test(req, 10000)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// Every line of the log that a request causes carries its id, once.
func TestRequestIDInTheLog(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "info", "json")
	if err != nil {
		t.Fatal(err)
	}
	s := withThings(New(Deps{Auth: credentials{}, Log: log}))
	for _, body := range []string{`{"name":"a"}`, `{"name":"boom"}`, `{"name":"panic"}`} {
		call(t, s, "POST", "/api/v1/things", body, "X-API-Key", "ten_a/contacts:manage", "X-Request-Id", "caller-id-1")
	}
	lines := strings.Count(out.String(), "\n")
	if n := strings.Count(out.String(), `"requestId":"caller-id-1"`); lines < 3 || n != lines {
		t.Errorf("%d lines hold the id %d times:\n%s", lines, n, out.String())
	}
}

func TestDefaultDeny(t *testing.T) {
	s := New(Deps{Auth: credentials{}, Log: quiet()})
	defer func() {
		if recover() == nil {
			t.Error("a route without an access rule was registered")
		}
	}()
	route(s, huma.Operation{OperationID: "x", Method: "GET", Path: "/x"}, access{}, func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
}

func TestIdempotency(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		now := time.Now()
		s := withThings(New(Deps{DB: d, Auth: credentials{}, Seal: clearSeal{}, Log: quiet(), Now: func() time.Time { return now }}))
		post := func(tenant, key, body string) answer {
			return call(t, s, "POST", "/api/v1/things", body, "X-API-Key", tenant+"/contacts:manage", "Idempotency-Key", key)
		}
		first := post("ten_a", "k1", `{"name":"a"}`)
		again := post("ten_a", "k1", `{"name":"a"}`)
		if first.status != 200 || again.status != 200 || again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("replay: %v, then %v", first, again)
		}
		if diff := cmp.Diff(first.header.Get("Content-Type"), again.header.Get("Content-Type")); diff != "" {
			t.Error(diff)
		}
		if got := post("ten_a", "k1", `{"name":"b"}`); got.status != 422 || !strings.Contains(got.body, "idempotency_mismatch") {
			t.Errorf("another request: %v", got)
		}
		if got := post("ten_b", "k1", `{"name":"b"}`); got.status != 200 || got.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("another tenant: %v", got)
		}
		for _, body := range []string{`{"name":"gone"}`, `{"name":"boom"}`, `{"name":"panic"}`, `{"nmae":1}`} {
			post("ten_a", "k2", body)
			if got := post("ten_a", "k2", body); got.header.Get("Idempotent-Replayed") != "" {
				t.Errorf("%s was stored: %v", body, got)
			}
		}
		if got := post("ten_a", "k2", `{"name":"a"}`); got.status != 200 {
			t.Errorf("corrected under the same key: %v", got)
		}
		if _, err := d.Exec(t.Context(), `UPDATE idempotency_keys SET state = 'running', expires_at = $1 WHERE key = 'k2'`, db.Micros(now.Add(takeover))); err != nil {
			t.Fatal(err)
		}
		if got := post("ten_a", "k2", `{"name":"a"}`); got.status != 409 || !strings.Contains(got.body, "idempotency_in_progress") {
			t.Errorf("while running: %v", got)
		}
		now = now.Add(takeover + time.Second)
		if got := post("ten_a", "k2", `{"name":"a"}`); got.status != 200 {
			t.Errorf("after a crash: %v", got)
		}
		now = now.Add(idempotencyTTL + time.Second)
		if got := post("ten_a", "k1", `{"name":"b"}`); got.status != 200 {
			t.Errorf("after a day: %v", got)
		}
		if got := post("ten_a", strings.Repeat("k", 256), `{"name":"b"}`); got.status != 400 {
			t.Errorf("long key: %v", got)
		}
	})
}

func TestLimits(t *testing.T) {
	left := int64(2)
	s := withThings(New(Deps{Auth: credentials{}, Log: quiet(), Limit: func(context.Context, *account.Principal) (Decision, error) {
		left--
		return Decision{Allowed: left >= 0, RetryAfter: 12 * time.Second, Quotas: []Quota{
			{"key", 60, left, time.Minute, 12 * time.Second}, {"day", 10000, 500, 24 * time.Hour, time.Hour},
		}}, nil
	}}))
	got := call(t, s, "POST", "/api/v1/things", `{"name":"a"}`, "Authorization", "Bearer ten_a/contacts:manage")
	want := map[string]string{
		"RateLimit-Policy": `"key";q=60;w=60, "day";q=10000;w=86400`, "RateLimit": `"key";r=1;t=12, "day";r=500;t=3600`,
		"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "12",
	}
	for name, value := range want {
		if got.header.Get(name) != value {
			t.Errorf("%s = %q; want %q", name, got.header.Get(name), value)
		}
	}
	call(t, s, "POST", "/api/v1/things", `{"name":"a"}`, "X-API-Key", "ten_a/contacts:manage")
	got = call(t, s, "POST", "/api/v1/things", `{"name":"a"}`, "X-API-Key", "ten_a/contacts:manage")
	if got.status != 429 || got.header.Get("Retry-After") != "12" || !strings.Contains(got.body, `"retryable":true`) {
		t.Errorf("over the limit: %v", got)
	}
}

func TestOps(t *testing.T) {
	down := error(nil)
	s := New(Deps{Auth: credentials{}, Log: quiet(), Version: "1.2.3", Checks: []Check{
		{"database", func(context.Context) error { return down }, false},
		{"redis", func(context.Context) error { return errors.New("10.0.0.8 is away") }, true},
	}})
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/openapi.yaml", "/docs", "/docs/docs.js", "/docs/docs.css"} {
		if got := call(t, s, "GET", path, ""); got.status != 200 || got.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", path, got)
		}
		if got := call(t, s, "HEAD", path, ""); got.status != 200 || got.body != "" || got.header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %v", path, got)
		}
	}
	if got := call(t, s, "GET", "/readyz", ""); got.body != `{"checks":{"database":"ok","redis":"degraded"},"ready":true}` {
		t.Errorf("without what it can do without: %v", got)
	}
	down = errors.New("10.0.0.7 is away")
	if got := call(t, s, "GET", "/readyz", ""); got.status != 503 || strings.Contains(got.body, "10.0.0.7") {
		t.Errorf("not ready: %v", got)
	}
	down = nil
	s.Leave()
	if got := call(t, s, "GET", "/readyz", ""); got.status != 503 || !strings.Contains(got.body, `"stopping":"failed"`) {
		t.Errorf("about to stop: %v", got)
	}
	res, err := s.App().Test(httptest.NewRequest(http.MethodGet, "/healthz", nil), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || !res.Close {
		t.Errorf("about to stop: %d, the connection closes: %v", res.StatusCode, res.Close)
	}
}

func TestCursor(t *testing.T) {
	for _, key := range [][]string{{"a"}, {"", "ü\"", "3"}} {
		got, err := decodeCursor(encodeCursor(key), len(key))
		if diff := cmp.Diff(key, got); err != nil || diff != "" {
			t.Errorf("%v: %v %s", key, err, diff)
		}
	}
	for _, bad := range []string{"x", "v1.", "v1.!!", "v1.e30", encodeCursor([]string{"a", "b"}), "v2." + encodeCursor([]string{"a"})[3:]} {
		if _, err := decodeCursor(bad, 1); fault.KindOf(err) != fault.Malformed {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
