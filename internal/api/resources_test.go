package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/templates"
)

// lab is a server on real stores, with a channel of each kind.
type lab struct {
	*Server
	t           *testing.T
	wire, loose *registry.Open
}

func newLab(t *testing.T, d *db.DB) *lab {
	t.Helper()
	r := newRegistry(t, d)
	blobs, err := media.OpenBlobs(media.Place{URL: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	files := media.NewStore(media.Options{DB: d, Blobs: blobs, Registry: r, Key: []byte("key"), PublicURL: "https://linktor.test", MaxBytes: 300_000})
	plain := func(b []byte, _ string) ([]byte, error) { return b, nil }
	store := conversations.NewStore(d, conversations.Options{Now: time.Now, Node: "node_test", Seal: plain, Unseal: plain,
		MediaURL: func(id string) string { return files.SignedURL(id, time.Hour) }})
	t.Cleanup(store.Stop)
	l := &lab{t: t, wire: newChannel(t, r, "ten_a", "wire"), loose: newChannel(t, r, "ten_a", "loose")}
	l.Server = New(Deps{DB: d, Auth: credentials{}, Seal: clearSeal{}, Log: quiet(), PublicURL: "https://linktor.test", Resources: Resources{
		Registry: r, Ingester: store, Conversations: store, Templates: templates.NewStore(d, time.Now), Media: files,
	}})
	return l
}

// do calls as a principal of ten_a with every permission, unless header says
// otherwise, and decodes the answer.
func (l *lab) do(want int, method, path, body string, header ...string) map[string]any {
	l.t.Helper()
	got := call(l.t, l.Server, method, path, body, append([]string{"X-API-Key", "ten_a/*"}, header...)...)
	if got.status != want {
		l.t.Fatalf("%s %s: %d %s; want %d", method, path, got.status, got.body, want)
	}
	var out map[string]any
	if got.body != "" {
		if err := json.Unmarshal([]byte(got.body), &out); err != nil {
			l.t.Fatalf("%s %s: %v in %s", method, path, err, got.body)
		}
	}
	return out
}

// at digs into decoded JSON: at(v, "data", 0, "id").
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// receive lets a customer write, so that the window is open.
func (l *lab) receive(id, text string) {
	l.t.Helper()
	body := fmt.Sprintf(`{"messages":[{"id":%q,"from":"+5511999999999","text":%q}]}`, id, text)
	got := call(l.t, l.Server, "POST", "/webhooks/wire/"+l.wire.ID, body, "X-Signature", "hush")
	if got.status != 200 {
		l.t.Fatalf("webhook: %v", got)
	}
}

func TestConversationRoundTrip(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		conv := l.do(200, "GET", "/api/v1/conversations?status=open&channelId="+l.wire.ID, "")
		id, _ := at(conv, "data", 0, "id").(string)
		if at(conv, "data", 0, "unreadCount") != 1.0 || at(conv, "data", 0, "contact", "profileName") != "Ada" ||
			at(conv, "data", 0, "lastMessage", "preview") != "hello" || at(conv, "data", 0, "channelType") != "wire" {
			t.Errorf("conversation %v", conv)
		}
		sent := l.do(202, "POST", "/api/v1/messages", `{"channelId":"`+l.wire.ID+`","to":"+55 (11) 99999-9999","content":{"type":"text","text":"hi Ada"},"reference":"r1"}`)
		if at(sent, "status") != "queued" || at(sent, "to") != "+5511999999999" || at(sent, "conversationId") != id || at(sent, "author", "type") != "api_key" {
			t.Errorf("sent %v", sent)
		}
		list := l.do(200, "GET", "/api/v1/conversations/"+id+"/messages?limit=1", "")
		next, _ := at(list, "page", "next").(string)
		if at(list, "data", 0, "id") != at(sent, "id") || at(list, "page", "hasMore") != true {
			t.Errorf("messages %v", list)
		}
		rest := l.do(200, "GET", "/api/v1/conversations/"+id+"/messages?limit=1&after="+next, "")
		if at(rest, "data", 0, "direction") != "inbound" || at(rest, "page", "hasMore") != false || at(rest, "page", "next") != nil {
			t.Errorf("second page %v", rest)
		}
		got := l.do(200, "GET", "/api/v1/messages/"+at(sent, "id").(string), "")
		if at(got, "timeline", "request", "requestId") == nil || at(got, "timeline", "attempts") == nil || at(got, "reference") != "r1" {
			t.Errorf("message %v", got)
		}
		in := at(rest, "data", 0, "id").(string)
		if one := l.do(200, "GET", "/api/v1/messages/"+in, ""); at(one, "timeline", "journal", 0) == nil || at(one, "metadata", "waMessageId") != "p1" {
			t.Errorf("inbound %v", one)
		}
		if found := l.do(200, "GET", "/api/v1/messages?status=queued,sent&direction=outbound", ""); len(at(found, "data").([]any)) != 1 {
			t.Errorf("filtered %v", found)
		}
		contact := "/api/v1/contacts/" + at(conv, "data", 0, "contact", "id").(string)
		for scope, want := range map[string]int{l.wire.ID: 1, l.loose.ID: 0} { // a key knows whom its channels know
			status := map[int]int{1: 200, 0: 404}[want]
			if found := l.do(200, "GET", "/api/v1/contacts?q=ada", "", "X-API-Key", "ten_a/*,in="+scope); len(at(found, "data").([]any)) != want {
				t.Errorf("a key limited to a channel sees %v; want %d", found, want)
			}
			l.do(status, "GET", contact, "", "X-API-Key", "ten_a/*,in="+scope)
			l.do(status, "PATCH", contact, `{"name":"Ada L."}`, "X-API-Key", "ten_a/*,in="+scope)
		}
		if read := l.do(200, "POST", "/api/v1/conversations/"+id+"/read", ""); at(read, "unreadCount") != 0.0 {
			t.Errorf("read %v", read)
		}
		l.do(422, "PATCH", "/api/v1/conversations/"+id, `{"assigneeId":"user_1"}`)
		if _, err := d.Exec(t.Context(), `INSERT INTO users (id, tenant_id, email, name, role, created_at, updated_at) VALUES ('user_1', 'ten_a', 'a@example.com', 'A', 'agent', 0, 0)`); err != nil {
			t.Fatal(err)
		}
		patched := l.do(200, "PATCH", "/api/v1/conversations/"+id, `{"labels":["vip","new"],"assigneeId":"user_1","status":"pending"}`)
		if at(patched, "assigneeId") != "user_1" || at(patched, "labels", 0) != "new" || at(patched, "status") != "pending" {
			t.Errorf("patched %v", patched)
		}
		if freed := l.do(200, "PATCH", "/api/v1/conversations/"+id, `{"assigneeId":null}`); at(freed, "assigneeId") != nil || at(freed, "labels", 1) != "vip" {
			t.Errorf("freed %v", freed)
		}
	})
}

func TestSendRefusals(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	text := `{"type":"text","text":"hi"}`
	send := func(to, content, more string) string {
		return fmt.Sprintf(`{"channelId":%q,"to":%q,"content":%s%s}`, l.wire.ID, to, content, more)
	}
	tests := []struct {
		name, body, key string
		status          int
		want            string
	}{
		{"no channel", `{"to":"+5511999999999","content":` + text + `}`, "", 422, "/channelId"},
		{"unknown channel", `{"channelId":"ch_x","to":"+5511999999999","content":` + text + `}`, "", 404, "not_found"},
		{"another tenant", send("+5511999999999", text, ""), "ten_b/*", 404, "not_found"},
		{"outside the key's scope", send("+5511999999999", text, ""), "ten_a/*,in=ch_other", 404, "not_found"},
		{"may not send text", send("+5511999999999", text, ""), "ten_a/messages:send_media", 403, "messages:send_text"},
		{"may not send templates", send("+5511999999999", `{"type":"template"}`, ""), "ten_a/messages:send_text", 403, "messages:send_template"},
		{"may not send files", send("+5511999999999", `{"type":"image"}`, ""), "ten_a/messages:send_text", 403, "messages:send_media"},
		{"may not send at all", send("+5511999999999", text, ""), "ten_a/messages:view", 403, "permission_missing"},
		{"no recipient", send("", text, ""), "", 422, "/to"},
		{"not a number", send("call me", text, ""), "", 422, "/to"},
		{"too short a number", send("+5512", text, ""), "", 422, "/to"},
		{"no content type", send("+5511999999999", `{}`, ""), "", 422, "/content/type"},
		{"unknown member", send("+5511999999999", `{"type":"text","txt":"hi"}`, ""), "", 422, "/content/txt"},
		{"too long", send("+5511999999999", `{"type":"text","text":"123456789012345678901"}`, ""), "", 422, `"limit":20`},
		{"unsupported", send("+5511999999999", `{"type":"sticker","sticker":{"url":"https://x.example/s.webp"}}`, ""), "", 422, "/content/type"},
		{"policy", send("+5511999999999", text, `,"onUncertain":"hope"`), "", 422, "/onUncertain"},
		{"validity", send("+5511999999999", text, `,"validForSeconds":-1`), "", 422, "/validForSeconds"},
		{"reference", send("+5511999999999", text, `,"reference":"`+strings.Repeat("r", 256)+`"`), "", 422, "/reference"},
		{"unknown reply", send("+5511999999999", text, `,"replyTo":"msg_x"`), "", 422, "/replyTo"},
		{"unknown media", send("+5511999999999", `{"type":"image","image":{"mediaId":"med_x"}}`, ""), "", 422, "/content/image/mediaId"},
		{"template without name", send("+5511999999999", `{"type":"template","template":{"language":{"code":"en"}}}`, ""), "", 422, "/content/template/name"},
		{"window", send("+5511999999999", text, ""), "", 422, "window_closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key == "" {
				tt.key = "ten_a/*"
			}
			got := call(t, l.Server, "POST", "/api/v1/messages", tt.body, "X-API-Key", tt.key)
			if got.status != tt.status || !strings.Contains(got.body, tt.want) {
				t.Errorf("got %d %s; want %d %s", got.status, got.body, tt.status, tt.want)
			}
			if strings.Contains(got.body, "5511999999999") && !strings.Contains(got.body, "such as +5511999999999") {
				t.Errorf("echoes the recipient: %s", got.body)
			}
		})
	}
	if n := at(l.do(200, "GET", "/api/v1/messages", ""), "data"); len(n.([]any)) != 0 {
		t.Errorf("refused messages were stored: %v", n)
	}
}

func TestSendIdempotent(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		body := `{"to":"+5511999999999","content":{"type":"text","text":"hi"}}`
		path := "/api/v1/channels/" + l.wire.ID + "/messages"
		first := call(t, l.Server, "POST", path, body, "X-API-Key", "ten_a/*", "Idempotency-Key", "k1")
		again := call(t, l.Server, "POST", path, body, "X-API-Key", "ten_a/*", "Idempotency-Key", "k1")
		if first.status != 202 || again.status != 202 || first.body != again.body || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("first %v\nagain %v", first, again)
		}
		other := call(t, l.Server, "POST", path, strings.Replace(body, "hi", "ho", 1), "X-API-Key", "ten_a/*", "Idempotency-Key", "k1")
		if other.status != 422 || !strings.Contains(other.body, "idempotency_mismatch") {
			t.Errorf("another body: %v", other)
		}
	})
}

func TestRecipient(t *testing.T) {
	for in, want := range map[string]string{
		"+5511999999999": "+5511999999999", "5511999999999": "+5511999999999", "0055 11 99999-9999": "+5511999999999",
		"+1 (650) 555-1234": "+16505551234", "US.13491208655302741918": "US.13491208655302741918", "US.ENT.11815799": "US.ENT.11815799",
		"+1800FLOWERS": "", "12": "", "us.1": "", "": "", "+999999999999": "",
	} {
		to, err := parseRecipient(in)
		if got := to.Phone + to.UserID; got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}
