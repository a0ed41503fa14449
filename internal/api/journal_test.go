package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/link"
	"github.com/linktor/linktor/channels/whatsapp"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/registry"
	"golang.org/x/tools/txtar"
)

// provider is a channel of a real adapter with the bodies of its golden files.
type provider struct {
	*registry.Open
	bodies [][]byte
}

func realProviders(t *testing.T, l *lab, d *db.DB) []provider {
	t.Helper()
	l.Registry = registry.New(d, testBox(t), []channels.Adapter{whatsapp.Adapter{}, link.Adapter{}}, channels.Env{HTTP: http.DefaultClient}, time.Now, quiet())
	var found []provider
	for typ, settings := range map[string]string{
		"whatsapp": `{"phoneNumberId":"1234567890","businessAccountId":"987654321","accessToken":"t","appSecret":"s","displayPhoneNumber":"+1 555-000-1111"}`,
		"link":     `{"baseUrl":"https://link.example.com","username":"u","password":"p","platformId":"COMMON_API","platformPartnerId":"1","source":"+46700000001"}`,
	} {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(settings), &fields); err != nil {
			t.Fatal(err)
		}
		o, err := l.Registry.Create(t.Context(), "ten_a", registry.Draft{Type: typ, Name: typ, Settings: fields})
		if err != nil {
			t.Fatal(err)
		}
		p := provider{Open: o}
		paths, err := filepath.Glob("../../channels/" + typ + "/testdata/*.txtar")
		if err != nil || len(paths) == 0 {
			t.Fatalf("no golden files of %s: %v", typ, err)
		}
		for _, path := range paths {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "body.json" })
			p.bodies = append(p.bodies, bytes.TrimSpace(ar.Files[i].Data))
		}
		found = append(found, p)
	}
	return found
}

// sent makes messages of ours that the statuses of a body are about.
func (p provider) sent(t *testing.T, l *lab, events []channels.Event) {
	t.Helper()
	for i, e := range events {
		if e.Kind != channels.EventStatus || e.Status.ProviderID == "" || i%3 == 2 { // the rest is parked
			continue
		}
		m, _, err := l.Conversations.Queue(t.Context(), conversations.Draft{TenantID: "ten_a", ChannelID: p.ID, ChannelType: p.Type, Identity: "whatsapp",
			To: channels.Recipient{Phone: "+16505550999"}, Content: channels.Content{Type: "text", Text: "hi"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.DB.Exec(t.Context(), `UPDATE messages SET provider_message_id = $1 WHERE id = $2 AND NOT EXISTS
			(SELECT 1 FROM messages WHERE channel_id = $3 AND provider_message_id = $1)`, e.Status.ProviderID, m.ID, p.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func (p provider) webhook(t *testing.T, body []byte) conversations.Webhook {
	t.Helper()
	w := conversations.Webhook{TenantID: "ten_a", ChannelID: p.ID, ChannelType: p.Type, Identity: p.Description.Identity,
		Window: p.Description.Window.Duration(), Body: body, ReceivedAt: time.Now()}
	var err error
	if w.Events, err = p.Account.Parse(body); err != nil {
		w.ParseErr = err.Error()
	}
	return w
}

// state is everything that a replay must not change.
func (l *lab) state() string {
	l.t.Helper()
	var out strings.Builder
	for _, query := range []string{
		`SELECT id || status || content || COALESCE(provider_message_id, '') || COALESCE(deleted_at, 0) FROM messages ORDER BY id`,
		`SELECT message_id || provider || at || participant || status || received_at FROM message_statuses ORDER BY message_id, provider, at, participant`,
		`SELECT channel_id || provider_id || provider || at || participant FROM parked_statuses ORDER BY channel_id, provider_id, provider, at, participant`,
		`SELECT id || status || unread_count || last_message_id || last_message_at || COALESCE(window_expires_at, 0) FROM conversations ORDER BY id`,
		`SELECT id || name || profile_name FROM contacts ORDER BY id`,
		`SELECT contact_id || kind || value FROM identities ORDER BY contact_id, kind, value`,
		`SELECT contact_id || category || at FROM optouts ORDER BY contact_id, category`,
		`SELECT id || status || quality || category FROM templates ORDER BY id`,
		`SELECT id || throughput FROM channels ORDER BY id`,
		`SELECT id || state FROM media ORDER BY id`,
		`SELECT id || state || deliveries || events || problems FROM journal ORDER BY id`,
		`SELECT tenant_id || seq || id || type FROM events ORDER BY tenant_id, seq`,
	} {
		var rows []string
		if err := l.DB.Select(&rows, query); err != nil {
			l.t.Fatalf("%s: %v", query, err)
		}
		fmt.Fprintln(&out, strings.Join(rows, "\n"))
	}
	return out.String()
}

// replayAll replays what the filter selects, step by step, and returns the sums.
func (l *lab) replayAll(filter string, limit int) (steps, replayed, changed, failed int) {
	l.t.Helper()
	for after := ""; ; steps++ {
		r := l.do(200, "POST", "/api/v1/journal/replay", fmt.Sprintf(`{%s"limit":%d,"after":%q}`, filter, limit, after))
		replayed += int(at(r, "replayed").(float64))
		changed += int(at(r, "changed").(float64))
		failed += int(at(r, "failed").(float64))
		if at(r, "hasMore") == false {
			return steps + 1, replayed, changed, failed
		}
		after = at(r, "next").(string)
	}
}

// Whatever providers send, to apply it again changes nothing: not a row, not an
// event.
func TestReplayOfEverythingTwice(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		total := 0
		for _, p := range realProviders(t, l, d) {
			for _, body := range p.bodies {
				w := p.webhook(t, body)
				p.sent(t, l, w.Events)
				if _, err := l.Ingester.Ingest(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				total++
			}
		}
		if _, err := l.Conversations.UnparkStatuses(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := l.state()
		for range 2 {
			steps, replayed, changed, _ := l.replayAll("", 10)
			if replayed != total || changed != 0 || steps < total/10 {
				t.Errorf("replayed %d in %d steps, %d of which changed something; want all %d and none", replayed, steps, changed, total)
			}
			if diff := cmp.Diff(before, l.state()); diff != "" {
				t.Fatalf("a replay changed (-before +after):\n%s", diff)
			}
		}
	})
}

// mended is the wire adapter without the bug in its parser.
type mended struct{ wire }

type mendedAccount struct{ channels.Account }

func (m mended) Open(settings json.RawMessage, env channels.Env) (channels.Account, error) {
	a, err := m.wire.Open(settings, env)
	return mendedAccount{a}, err
}

func (a mendedAccount) Parse(body []byte) ([]channels.Event, error) {
	return a.Account.Parse(bytes.ReplaceAll(body, []byte("explode"), []byte("there")))
}

func TestReplayOfWhatFailed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		post := func(body string) {
			if got := call(t, l.Server, "POST", "/webhooks/wire/"+l.wire.ID, body, "X-Signature", "hush", "Authorization", "Basic c2VjcmV0", "User-Agent", "wire/1"); got.status != 200 {
				t.Fatal(got)
			}
		}
		post(`{"messages":"not a list"}`)
		post(`{"messages":[{"id":"p2","from":"+5511999999999","text":"explode"}]}`)
		failed := l.do(200, "GET", "/api/v1/journal?state=failed,partial", "")
		if n := len(at(failed, "data").([]any)); n != 2 || at(failed, "data", 0, "produced", "events") != 0.0 {
			t.Fatalf("%d failed: %v", n, failed)
		}
		if h, _ := at(failed, "data", 0, "headers").(map[string]any); h["Authorization"] != "[removed]" || h["X-Signature"] != "[removed]" || h["User-Agent"] != "wire/1" {
			t.Errorf("headers %v", h)
		}
		if _, replayed, changed, bad := l.replayAll(`"state":"failed",`, 1); replayed != 2 || changed != 0 || bad != 2 {
			t.Errorf("replayed %d, changed %d, failed %d", replayed, changed, bad)
		}
		l.Registry = registry.New(d, testBox(t), []channels.Adapter{mended{wire{"wire"}}}, channels.Env{}, time.Now, quiet())
		if _, replayed, changed, bad := l.replayAll(`"state":"failed",`, 1); replayed != 2 || changed != 1 || bad != 1 {
			t.Errorf("after the parser was mended: replayed %d, changed %d, failed %d", replayed, changed, bad)
		}
		if one := l.do(200, "POST", "/api/v1/journal/"+at(failed, "data", 0, "id").(string)+"/replay", ""); at(one, "changed") != false ||
			at(one, "state") != "applied" || at(one, "produced", "events") != 1.0 {
			t.Errorf("replayed once more: %v", one)
		}
		got := l.do(200, "GET", "/api/v1/journal?state=applied", "")
		first := at(got, "data", len(at(got, "data").([]any))-1)
		if at(first, "produced", "events") != 2.0 || at(first, "produced", "lastSeq") != at(first, "produced", "firstSeq").(float64)+1 || at(first, "tookMs") == nil {
			t.Errorf("the first body: %v", first)
		}
		byMessage := l.do(200, "GET", "/api/v1/journal?messageId=p1", "")
		if n := len(at(byMessage, "data").([]any)); n != 1 || at(byMessage, "data", 0, "id") != at(first, "id") {
			t.Errorf("by message: %v", byMessage)
		}
		bySum := l.do(200, "GET", "/api/v1/journal?sha256="+at(first, "sha256").(string), "")
		if n := len(at(bySum, "data").([]any)); n != 1 {
			t.Errorf("by hash: %v", bySum)
		}
		if none := l.do(200, "GET", "/api/v1/journal?to=2020-01-01T00:00:00Z", ""); len(at(none, "data").([]any)) != 0 {
			t.Errorf("before everything: %v", none)
		}
		l.do(422, "GET", "/api/v1/journal?state=lost", "")
		l.do(422, "POST", "/api/v1/journal/replay", `{"state":"lost"}`)
		l.do(404, "POST", "/api/v1/journal/replay", `{"channelId":"`+l.wire.ID+`"}`, "X-API-Key", "ten_a/journal:manage,in="+l.loose.ID)
	})
}

// A channel that cannot be opened does not keep a replay from the others.
func TestReplayBesideABrokenChannel(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	if got := call(t, l.Server, "POST", "/webhooks/loose/"+l.loose.ID+"/"+l.loose.WebhookToken, `{"messages":[{"id":"l1","from":"+5511999999999","text":"x"}]}`); got.status != 200 {
		t.Fatal(got)
	}
	l.receive("p1", "hello")
	if _, err := l.DB.Exec(t.Context(), `UPDATE channels SET settings = '{"number":"wrong"}' WHERE id = $1`, l.loose.ID); err != nil {
		t.Fatal(err)
	}
	l.Registry = registry.New(l.DB, testBox(t), []channels.Adapter{wire{"wire"}, wire{"loose"}}, channels.Env{}, time.Now, quiet())
	r := l.do(200, "POST", "/api/v1/journal/replay", `{}`)
	if at(r, "replayed") != 1.0 || at(r, "failed") != 1.0 || at(r, "problems", 0, "reason") != "Its channel cannot be opened." {
		t.Errorf("replay %v", r)
	}
	l.Registry = registry.New(l.DB, testBox(t), []channels.Adapter{wire{"wire"}}, channels.Env{}, time.Now, quiet())
	if r = l.do(200, "POST", "/api/v1/journal/replay", `{}`); at(r, "replayed") != 1.0 || at(r, "failed") != 1.0 {
		t.Errorf("without the adapter: %v", r)
	}
}
