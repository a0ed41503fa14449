package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/id"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/templates"
	"github.com/linktor/linktor/realtime"
)

// testdata/authz.csv says for every route what each kind of principal gets: 401,
// 403, 404 (another tenant's owner, or a key of another channel, who names a thing
// of ours), or ok: the caller may, whatever the answer is to a request that means
// nothing.

// town is a server with everything, two tenants, and one thing of each kind that
// belongs to the first.
type town struct {
	*Server
	accounts *account.Store
	things   map[string]string // path segment → id
}

func newTown(t *testing.T, d *db.DB) *town {
	t.Helper()
	reg := newRegistry(t, d) // also makes ten_a and ten_b
	seal := clearSeal{}
	convs := conversations.NewStore(d, conversations.Options{Now: time.Now, Node: "test", Seal: seal.Seal, Unseal: seal.Open})
	t.Cleanup(convs.Stop)
	blobs, err := media.OpenBlobs(media.Place{URL: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.NewStore(d, account.Options{Hashing: account.Hashing{KiB: 64, Passes: 1, Lanes: 1}})
	source := EventSource(events.NewLog(d))
	w := &town{accounts: accounts, things: map[string]string{}}
	w.Server = New(Deps{DB: d, Auth: accounts, Seal: seal, Log: quiet(), Metrics: http.NotFoundHandler(), Resources: Resources{
		Accounts: accounts, Registry: reg, Ingester: convs, Conversations: convs, Templates: templates.NewStore(d, time.Now),
		Media:    media.NewStore(media.Options{DB: d, Blobs: blobs, Registry: reg, Key: make([]byte, 32), PublicURL: "https://linktor.example.com"}),
		Realtime: Realtime{Hub: realtime.NewHub(source, realtime.Options{}), Events: source}, Simulator: SimulatorPage{Handler: http.NotFoundHandler()},
	}})
	w.populate(t, convs, newChannel(t, reg, "ten_a", "wire").ID)
	return w
}

func (w *town) populate(t *testing.T, convs *conversations.Store, channelID string) {
	t.Helper()
	now := time.Now()
	applied, err := convs.Ingest(t.Context(), conversations.Webhook{TenantID: "ten_a", ChannelID: channelID, ChannelType: "wire",
		Identity: "wire", Window: 24 * time.Hour, Body: []byte(hello), ReceivedAt: now,
		Events: []channels.Event{{Kind: channels.EventMessage, Message: &channels.Inbound{ProviderID: "p1", At: now,
			From:    channels.Party{Identities: []channels.Identity{{Kind: channels.IdentityPhone, Value: "+15550001"}}},
			Content: channels.Content{Type: "text", Text: "hello"}}}}})
	if err != nil || applied.Failed > 0 {
		t.Fatalf("%+v, %v", applied, err)
	}
	w.things["channels"], w.things["journal"] = channelID, applied.JournalID
	for table, segment := range map[string]string{"messages": "messages", "conversations": "conversations", "contacts": "contacts"} {
		var thing string
		if err := w.DB.Get(&thing, `SELECT id FROM `+table+` WHERE tenant_id = 'ten_a'`); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		w.things[segment] = thing
	}
	w.things["templates"], w.things["media"] = id.New(id.Template), id.New(id.Media)
	w.exec(t, `INSERT INTO templates (id, tenant_id, channel_id, name, language, created_at, updated_at, synced_at)
		VALUES ($1, 'ten_a', $2, 'welcome', 'en', 1, 1, 1)`, w.things["templates"], channelID)
	w.exec(t, `INSERT INTO media (id, tenant_id, state, mime_type, filename, size, sha256, storage_key, created_at, updated_at)
		VALUES ($1, 'ten_a', 'ready', 'text/plain', 'a.txt', 1, 'x', $1, 1, 1)`, w.things["media"])
	k, _, err := w.accounts.CreateKey(t.Context(), account.Operator("ten_a"), account.KeyDraft{Name: "x", Permissions: account.AllPermissions()})
	if err != nil {
		t.Fatal(err)
	}
	u, _, err := w.accounts.CreateUser(t.Context(), account.Operator("ten_a"), account.UserDraft{Email: "x@example.com", Name: "X", Role: account.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	w.things["keys"], w.things["users"] = k.ID, u.ID
}

func (w *town) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := w.DB.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// caller is a kind of principal: a column of the table.
type caller struct{ name, credential string }

func (w *town) callers(t *testing.T) []caller {
	t.Helper()
	key := func(permissions []account.Permission, spoil string) string {
		k, secret, err := w.accounts.CreateKey(t.Context(), account.Operator("ten_a"), account.KeyDraft{Name: "x", Permissions: permissions, Development: true})
		if err != nil {
			t.Fatal(err)
		}
		if spoil != "" {
			w.exec(t, spoil, k.ID)
		}
		return secret
	}
	member := func(tenant string, role account.Role) string {
		_, link, err := w.accounts.CreateUser(t.Context(), account.Operator(tenant), account.UserDraft{Email: string(role) + "@" + tenant + ".example.com", Name: "X", Role: role})
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := w.accounts.CompleteSetup(t.Context(), account.Setup{Token: link.Token, Password: testPassword})
		if err != nil {
			t.Fatal(err)
		}
		return tokens.Access
	}
	all := account.AllPermissions()
	_, scoped, err := w.accounts.CreateKey(t.Context(), account.Operator("ten_a"), account.KeyDraft{Name: "x", Permissions: all,
		ChannelIDs: []string{newChannel(t, w.Registry, "ten_a", "wire").ID}, Development: true})
	if err != nil {
		t.Fatal(err)
	}
	out := []caller{
		{"anonymous", ""},
		{"malformed key", "lk_live_nonsense"},
		{"malformed token", "a.b.c"},
		{"expired key", key(all, `UPDATE api_keys SET expires_at = 1 WHERE id = $1`)},
		{"inactive key", key(all, `UPDATE api_keys SET active = FALSE WHERE id = $1`)},
		{"deleted key", key(all, `DELETE FROM api_keys WHERE id = $1`)},
	}
	for _, p := range all {
		out = append(out, caller{string(p), key([]account.Permission{p}, "")})
	}
	roles := account.Roles()
	slices.Reverse(roles)
	for _, r := range roles {
		out = append(out, caller{string(r), member("ten_a", r)})
	}
	return append(out, caller{otherChannel, scoped}, caller{otherOwner, member("ten_b", account.Owner)})
}

// bodies are requests that mean something, for routes that check the body before
// they look whether the thing, or the caller, is one that they serve.
var bodies = map[string]string{
	"POST /api/v1/channels/{channelId}/messages":  `{"to":"+15550001","content":{"type":"text","text":"hello"}}`,
	"POST /api/v1/channels/{channelId}/templates": `{"name":"welcome","language":"en","category":"UTILITY","components":[]}`,
	"POST /api/v1/messages/{id}/settle":           `{"outcome":"failed"}`,
	"POST /api/v1/me/password":                    `{"currentPassword":"is wrong","newPassword":"another four words"}`,
}

// path fills in a route's parameters: with things of ours, or unknown ids.
func (w *town) path(r Route, ours bool) string {
	parts := strings.Split(r.Path, "/")
	for i, p := range parts {
		if !strings.HasPrefix(p, "{") {
			continue
		}
		thing, known := w.things[parts[i-1]]
		if !known || !ours {
			prefix, _, _ := strings.Cut(thing+"x_", "_")
			thing = prefix + "_01jd4xn3v8f2arx1t5g7k9m0qe"
		}
		parts[i] = thing
	}
	path := strings.Join(parts, "/")
	if strings.HasSuffix(path, "/stream") {
		path += "?unknown=1" // refused before it streams for ever
	}
	return path
}

// foreign reports whether the thing that r is about must not exist for c.
func foreign(r Route, c caller) bool {
	if !strings.Contains(r.Path, "{") || r.Access == "public" {
		return false
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/api/v1/"), "/")
	switch c.name {
	case otherOwner:
		return true
	case otherChannel: // keys, users, contacts and files belong to the tenant
		return slices.Contains([]string{"channels", "conversations", "journal", "messages"}, segment)
	}
	return false
}

const (
	otherOwner   = "other owner"
	otherChannel = "other channel"
)

// outcome asks as c. Things of ours are named where nothing can happen to them: to
// read them, and by another tenant's owner. What would change them names unknown
// ones: the table must not use up what it is about.
func (w *town) outcome(t *testing.T, r Route, c caller) string {
	t.Helper()
	foreign := foreign(r, c)
	body := bodies[r.Method+" "+r.Path]
	switch {
	case r.Method == http.MethodGet, body != "":
	case foreign:
		body = `{}`
	default:
		body = `{"member":"that no route knows"}`
	}
	a := w.ask(t, r, w.path(r, foreign || r.Method == http.MethodGet), body, c)
	if foreign {
		b := w.ask(t, r, w.path(r, false), body, c)
		if b.status != a.status || anonymous(b.body) != anonymous(a.body) {
			t.Errorf("%s %s: a foreign thing is told from an unknown one:\n%d %s\n%d %s", r.Method, r.Path, a.status, a.body, b.status, b.body)
		}
	}
	for segment, thing := range w.things {
		if c.name == otherOwner && !foreign && strings.Contains(a.body, thing) {
			t.Errorf("%s %s shows another tenant one of our %s: %s", r.Method, r.Path, segment, a.body)
		}
	}
	switch {
	case a.status == 401, a.status == 403, foreign && a.status == 404:
		return strconv.Itoa(a.status)
	case foreign && a.status < 300:
		t.Errorf("%s %s: a foreign thing is served: %s", r.Method, r.Path, a.body)
	case a.status >= 500:
		t.Errorf("%s %s as %s: %d %s", r.Method, r.Path, c.name, a.status, a.body)
	}
	return "ok"
}

func (w *town) ask(t *testing.T, r Route, path, body string, c caller) answer {
	t.Helper()
	header := []string{csrfHeader, "1"}
	if c.credential != "" {
		header = append(header, "Authorization", "Bearer "+c.credential)
	}
	return call(t, w.Server, r.Method, path, body, header...)
}

// anonymous removes from a problem what differs between any two requests.
func anonymous(body string) string {
	var m map[string]any
	if json.Unmarshal([]byte(body), &m) != nil {
		return body
	}
	delete(m, "requestId")
	delete(m, "instance")
	return fmt.Sprint(m)
}

func TestAuthorisationTable(t *testing.T) { dbtest.Run(t, authorisationTable) }

func authorisationTable(t *testing.T, d *db.DB) {
	w := newTown(t, d)
	callers := w.callers(t)
	f, err := os.Open("testdata/authz.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := []string{"method", "path"}
	for _, c := range callers {
		columns = append(columns, c.name)
	}
	if !slices.Equal(table[0], columns) {
		t.Fatalf("the columns of testdata/authz.csv should be:\n%s", strings.Join(columns, ","))
	}
	want := map[string][]string{}
	for _, row := range table[1:] {
		want[row[0]+" "+row[1]] = row[2:]
	}
	before := w.snapshot(t)
	for _, r := range w.Routes() {
		route := r.Method + " " + r.Path
		got := []string{}
		for _, c := range callers {
			got = append(got, w.outcome(t, r, c))
		}
		row, ok := want[route]
		delete(want, route)
		if !ok {
			t.Errorf("%s has no row in testdata/authz.csv. It answers as below; add that if it is right:\n%s,%s,%s", route, r.Method, r.Path, strings.Join(got, ","))
			continue
		}
		for i, c := range callers {
			if got[i] != row[i] {
				t.Errorf("%s as %s: %s; want %s", route, c.name, got[i], row[i])
			}
		}
	}
	for route := range want {
		t.Errorf("testdata/authz.csv has a row for %s, which is not a route", route)
	}
	if after := w.snapshot(t); after != before {
		t.Errorf("refused requests changed rows:\n%s\nto\n%s", before, after)
	}
}

// snapshot describes the rows that nobody in the table may change.
func (w *town) snapshot(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, query := range []string{
		`SELECT id || status || assignee_id || unread_count FROM conversations ORDER BY id`,
		`SELECT id || status || content FROM messages ORDER BY id`,
		`SELECT id || name || attributes FROM contacts ORDER BY id`,
		`SELECT id || name || enabled || version || coalesce(deleted_at, 0) FROM channels ORDER BY id`,
		`SELECT id || name || status FROM templates ORDER BY id`,
		`SELECT id || state FROM media ORDER BY id`,
		`SELECT id || name || active || permissions FROM api_keys ORDER BY id`,
		`SELECT id || name || role || active || password_hash FROM users ORDER BY id`,
		`SELECT id || state FROM journal ORDER BY id`,
	} {
		var rows []string
		if err := w.DB.Select(&rows, query); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, rows)
	}
	return out.String()
}

// Ensure that no route came into the application past route and raw, which demand
// a rule.
func TestEveryRouteHasARule(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	known := map[string]bool{}
	for _, r := range w.Routes() {
		if known[r.Method+" "+fiberPath(r.Path)] {
			t.Errorf("%s %s is registered twice", r.Method, r.Path)
		}
		known[r.Method+" "+fiberPath(r.Path)] = true
	}
	for _, r := range w.App().GetRoutes(true) {
		if !known[r.Method+" "+r.Path] {
			t.Errorf("%s %s is served without a rule", r.Method, r.Path)
		}
	}
}
