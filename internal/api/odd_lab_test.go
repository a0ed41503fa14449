package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/all"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/badjson"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/seal"
	"github.com/linktor/linktor/internal/templates"
	"github.com/linktor/linktor/realtime"
)

// mill is a server with the real adapters, whose providers accept everything, and
// one thing of each kind. Whatever is put into it, it must not break.
type mill struct {
	*Server
	t        testing.TB
	whatsapp *registry.Open
	link     *registry.Open
	requests []millRequest
}

// millRequest is a request that is in order, to start from.
type millRequest struct{ method, path, body string }

const millSecret = "5ec4e7000000000000000000deadbeef"

// accepting is a provider that says yes to all.
type accepting struct{}

func (accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body) // the answer is the point
		r.Body.Close()
	}
	body := `{"id":"700","status":"APPROVED","success":true,"data":[],"messages":[{"id":"wamid.1"}],"messageIds":["id1"],"resultCode":112001}`
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func newMill(t testing.TB, d *db.DB) *mill {
	t.Helper()
	box, err := seal.New(strings.Repeat("6b", 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec(t.Context(), `INSERT INTO tenants (id, name, created_at) VALUES ('ten_a', 'A', 0)`); err != nil {
		t.Fatal(err)
	}
	reg := registry.New(d, box, all.Adapters(), channels.Env{HTTP: &http.Client{Transport: accepting{}}}, time.Now, quiet())
	blobs, err := media.OpenBlobs(media.Place{URL: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	files := media.NewStore(media.Options{DB: d, Blobs: blobs, Registry: reg, Key: make([]byte, 32), PublicURL: "https://linktor.test", MaxBytes: 300_000})
	plain := clearSeal{}
	convs := conversations.NewStore(d, conversations.Options{Now: time.Now, Node: "node_test", Seal: plain.Seal, Unseal: plain.Open})
	t.Cleanup(convs.Stop)
	source := EventSource(events.NewLog(d))
	m := &mill{t: t}
	m.Server = New(Deps{DB: d, Auth: credentials{}, Seal: plain, Log: quiet(), PublicURL: "https://linktor.test", Resources: Resources{
		Accounts: account.NewStore(d, account.Options{Hashing: account.Hashing{KiB: 64, Passes: 1, Lanes: 1}}),
		Registry: reg, Ingester: convs, Conversations: convs, Templates: templates.NewStore(d, time.Now), Media: files,
		Realtime: Realtime{Hub: realtime.NewHub(source, realtime.Options{}), Events: source},
	}})
	m.whatsapp = m.open(reg, "whatsapp", `{"phoneNumberId":"700000000000001","accessToken":"EAAtest","appSecret":"`+millSecret+`","businessAccountId":"800000000000001"}`)
	m.link = m.open(reg, "link", `{"baseUrl":"https://link.example/whatsapp-message","username":"u","password":"p","platformId":"P","platformPartnerId":"1","source":"+46700000001"}`)
	m.fill()
	return m
}

func (m *mill) open(reg *registry.Registry, typ, settings string) *registry.Open {
	m.t.Helper()
	draft := registry.Draft{Type: typ, Name: typ}
	if err := json.Unmarshal([]byte(settings), &draft.Settings); err != nil {
		m.t.Fatal(err)
	}
	o, err := reg.Create(m.t.Context(), "ten_a", draft)
	if err != nil {
		m.t.Fatal(err)
	}
	return o
}

// fill makes one thing of each kind, and with it the requests.
func (m *mill) fill() {
	m.t.Helper()
	if a := m.webhook(m.t, "whatsapp", whatsappBody(`{"from":"351910000001","id":"wamid.F","timestamp":"1790000000","type":"text","text":{"body":"hello"}}`)); a.status != 200 {
		m.t.Fatalf("%v", a)
	}
	var convID, contactID string
	if err := m.DB.QueryRow(`SELECT id, contact_id FROM conversations`).Scan(&convID, &contactID); err != nil {
		m.t.Fatal(err)
	}
	wa := "/api/v1/channels/" + m.whatsapp.ID
	made := m.do("POST", wa+"/templates", `{"name":"order_update","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"Hello"}]}`)
	templateID, _ := at(made, "id").(string)
	keyID, _ := at(m.do("POST", "/api/v1/keys", `{"name":"k","permissions":["messages:view"]}`), "id").(string)
	m.requests = []millRequest{
		{"PATCH", "/api/v1/conversations/" + convID, `{"status":"snoozed","snoozedUntil":"2099-01-01T00:00:00Z","assigneeId":null,"labels":["a","b"]}`},
		{"POST", "/api/v1/contacts", `{"name":"Ada","attributes":{"a":1},"identities":[{"channelType":"whatsapp","kind":"phone","value":"+351910000009"}]}`},
		{"PATCH", "/api/v1/contacts/" + contactID, `{"name":"Ada","attributes":{"a":{"b":[1]}}}`},
		{"PATCH", wa, `{"name":"Shop","settings":{"phoneNumberId":"700000000000001","accessToken":"EAAtest"},"onUncertain":"never","throughputPerSecond":20}`},
		{"POST", wa + "/templates", `{"name":"order_next","language":"en","category":"UTILITY","ttlSeconds":600,"components":[{"type":"BODY","text":"Hello {{1}}","example":{"body_text":[["Ada"]]}}]}`},
		{"PATCH", wa + "/templates/" + templateID, `{"category":"UTILITY","components":[{"type":"BODY","text":"Hello"}]}`},
		{"POST", "/api/v1/keys", `{"name":"k","description":"d","permissions":["messages:view"],"channelIds":["` + m.whatsapp.ID + `"],"perMinute":1,"perDay":2,"expiresAt":"2099-01-01T00:00:00Z"}`},
		{"PATCH", "/api/v1/keys/" + keyID, `{"name":"k2","active":false,"perMinute":3}`},
		{"POST", "/api/v1/users", `{"email":"ada@example.com","name":"Ada","role":"viewer"}`},
		{"POST", "/api/v1/auth/login", `{"email":"ada@example.com","password":"correct horse battery"}`},
	}
	for _, content := range []string{
		`{"type":"text","text":"hi","previewUrl":true}`,
		`{"type":"image","image":{"url":"https://files.example/a.png","caption":"A"}}`,
		`{"type":"reaction","reaction":{"messageId":"wamid.F","emoji":"x"}}`,
		`{"type":"location","location":{"latitude":1.5,"longitude":2,"name":"n"}}`,
		`{"type":"contacts","contacts":[{"name":{"formattedName":"A"},"phones":[{"phone":"+351910000002"}]}]}`,
		`{"type":"interactive","interactive":{"type":"list","body":{"text":"b"},"action":{"button":"o","sections":[{"title":"t","rows":[{"id":"a","title":"A"}]}]}}}`,
		`{"type":"template","template":{"name":"order_update","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"7"}]}]}}`,
	} {
		m.requests = append(m.requests, millRequest{"POST", "/api/v1/messages", fmt.Sprintf(
			`{"channelId":%q,"to":"+351910000001","content":%s,"reference":"r","validForSeconds":60,"onUncertain":"auto","options":{}}`, m.whatsapp.ID, content)})
	}
}

// do makes a request that must succeed.
func (m *mill) do(method, path, body string) map[string]any {
	m.t.Helper()
	a := m.call(m.t, method, path, body)
	var out map[string]any
	if a.status > 299 || json.Unmarshal([]byte(a.body), &out) != nil {
		m.t.Fatalf("%s %s %s: %v", method, path, body, a)
	}
	return out
}

// call makes any request, as a principal with every permission.
func (m *mill) call(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	req := &http.Request{Method: method, URL: &url.URL{Path: path}, Host: "linktor.test", Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if p, q, ok := strings.Cut(path, "?"); ok {
		req.URL = &url.URL{Path: p, RawQuery: q}
	}
	if strings.Contains(req.URL.Path, "%") { // written as it is to be sent
		req.URL.RawPath = req.URL.Path
		req.URL.Path, _ = url.PathUnescape(req.URL.Path) // what cannot be is not sent as such
	}
	if method != http.MethodGet && method != http.MethodDelete {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-API-Key", "ten_a/*")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := m.App().Test(req, 20000)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// webhook delivers a body as the provider would.
func (m *mill) webhook(t testing.TB, typ string, body []byte) answer {
	t.Helper()
	path := "/webhooks/whatsapp/" + m.whatsapp.ID
	if typ == "link" {
		path = "/webhooks/link/" + m.link.ID + "/" + m.link.WebhookToken
	}
	req := httptest.NewRequest("POST", path, bytes.NewReader(body))
	req.Header.Set("X-Hub-Signature-256", "sha256="+hmacHex(millSecret, body))
	resp, err := m.App().Test(req, 20000)
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

func whatsappBody(message string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"800000000000001","changes":[{"field":"messages","value":`+
		`{"metadata":{"phone_number_id":"700000000000001"},"contacts":[{"wa_id":"351910000001","profile":{"name":"Ada"}}],"messages":[%s]}}]}]}`, message)
}

// sound checks what every answer owes its reader: it is no failure of ours, a
// refusal says why by a code, and it does not repeat what was refused.
func (a answer) sound(t testing.TB, what string) {
	t.Helper()
	if a.status >= 500 {
		t.Errorf("%s: %d %s", what, a.status, a.body)
	}
	if a.status < 400 {
		return
	}
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Code == "" || p.Detail == "" || p.RequestID == "" || p.Status != a.status {
		t.Errorf("%s: %d %s", what, a.status, a.body)
	}
	p.Instance, p.RequestID = "", "" // the path that was called, and the caller's own id
	if strings.Contains(fmt.Sprintf("%+v", p), badjson.Canary) {
		t.Errorf("%s: the answer repeats a rejected value: %+v", what, p)
	}
}
