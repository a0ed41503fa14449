package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

const testPassword = "four random words here"

// office is a server with accounts whose owner is logged in.
type office struct {
	*Server
	tenant, token, cookie string
	owner                 account.User
}

func newOffice(t *testing.T, d *db.DB) *office {
	t.Helper()
	accounts := account.NewStore(d, account.Options{Hashing: account.Hashing{KiB: 64, Passes: 1, Lanes: 1}})
	o := &office{Server: New(Deps{DB: d, Auth: accounts, Seal: clearSeal{}, Log: quiet(), PublicURL: "https://linktor.example.com",
		Resources: Resources{Accounts: accounts}})}
	_, tenant, link, err := accounts.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := accounts.CompleteSetup(t.Context(), account.Setup{Token: link, Email: "olga@example.com", Name: "Olga", Password: testPassword})
	if err != nil {
		t.Fatal(err)
	}
	o.tenant, o.token, o.cookie, o.owner = tenant, tokens.Access, tokens.Refresh, tokens.User
	return o
}

// reply is a response as the tests look at it.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// ask makes a request; headers are name, value pairs.
func (o *office) ask(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := o.App().Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := reply{status: res.StatusCode, header: res.Header, text: string(raw)}
	if len(raw) > 0 && strings.Contains(res.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
	return a
}

func (o *office) asOwner() []string { return []string{"Authorization", "Bearer " + o.token} }

func (a reply) want(t *testing.T, what string, status int, code string) {
	t.Helper()
	got, _ := a.body["code"].(string)
	if a.status != status || got != code {
		t.Errorf("%s: %d %s; want %d %s\n%s", what, a.status, got, status, code, a.text)
	}
}

// cookieOf returns the refresh cookie that a response sets.
func cookieOf(t *testing.T, a reply) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == refreshCookieName {
			return c
		}
	}
	t.Fatal("no cookie is set")
	return nil
}

func TestLoginRefreshLogout(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := newOffice(t, d)
		in := o.ask(t, "POST", "/api/v1/auth/login", `{"email":"olga@example.com","password":"`+testPassword+`"}`)
		in.want(t, "login", 200, "")
		c := cookieOf(t, in)
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/api/v1/auth" || !c.Secure || c.MaxAge < 29*86400 {
			t.Errorf("cookie %+v", c)
		}
		if strings.Contains(in.text, c.Value) || in.body["tokenType"] != "Bearer" || in.header.Get("Cache-Control") != "no-store" {
			t.Errorf("answer %s", in.text)
		}
		me := o.ask(t, "GET", "/api/v1/me", "", "Authorization", "Bearer "+in.body["accessToken"].(string))
		me.want(t, "me", 200, "")
		if me.body["type"] != "user" || me.body["role"] != "owner" || me.body["tenantId"] != o.tenant {
			t.Errorf("me %s", me.text)
		}
		next := o.ask(t, "POST", "/api/v1/auth/refresh", "", "X-Linktor-CSRF", "1", "Cookie", refreshCookieName+"="+c.Value)
		next.want(t, "refresh", 200, "")
		fresh := cookieOf(t, next)
		if fresh.Value == c.Value {
			t.Error("the refresh token is not rotated")
		}
		again := o.ask(t, "POST", "/api/v1/auth/refresh", "", "X-Linktor-CSRF", "1", "Cookie", refreshCookieName+"="+c.Value)
		again.want(t, "second tab", 409, "refresh_superseded")
		if again.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q; want 1", again.header.Get("Retry-After"))
		}
		out := o.ask(t, "POST", "/api/v1/auth/logout", "", "X-Linktor-CSRF", "1", "Cookie", refreshCookieName+"="+fresh.Value)
		out.want(t, "logout", 204, "")
		if gone := cookieOf(t, out); gone.Value != "" || gone.MaxAge >= 0 {
			t.Errorf("cookie %+v; want removed", gone)
		}
		o.ask(t, "GET", "/api/v1/me", "", "Authorization", "Bearer "+next.body["accessToken"].(string)).want(t, "after logout", 401, "credential_invalid")
		o.ask(t, "POST", "/api/v1/auth/refresh", "", "X-Linktor-CSRF", "1", "Cookie", refreshCookieName+"="+fresh.Value).want(t, "refresh after logout", 401, "session_ended")
		o.ask(t, "POST", "/api/v1/auth/refresh", "", "X-Linktor-CSRF", "1").want(t, "no cookie", 401, "session_ended")
	})
}

// Ensure a page of another site cannot use the cookie, nor log a victim in.
func TestSessionRoutesRefuseOtherSites(t *testing.T) {
	o := newOffice(t, dbtest.SQLite(t))
	cookie := refreshCookieName + "=" + o.cookie
	for name, c := range map[string]struct {
		headers []string
		code    string
	}{
		"no header":          {nil, "csrf_header_missing"},
		"form":               {[]string{"Content-Type", "application/x-www-form-urlencoded"}, "csrf_header_missing"},
		"plain text":         {[]string{"Content-Type", "text/plain"}, "csrf_header_missing"},
		"other origin":       {[]string{csrfHeader, "1", "Origin", "https://evil.example.net"}, "cross_site"},
		"sibling":            {[]string{csrfHeader, "1", "Origin", "https://blog.example.com"}, "cross_site"},
		"prefix":             {[]string{csrfHeader, "1", "Origin", "https://linktor.example.com.evil.example.net"}, "cross_site"},
		"other port":         {[]string{csrfHeader, "1", "Origin", "https://linktor.example.com:8443"}, "cross_site"},
		"public but http":    {[]string{csrfHeader, "1", "Origin", "http://linktor.example.com"}, "cross_site"},
		"null":               {[]string{csrfHeader, "1", "Origin", "null"}, "cross_site"},
		"extension":          {[]string{csrfHeader, "1", "Origin", "chrome-extension://abc"}, "cross_site"},
		"fetch metadata":     {[]string{csrfHeader, "1", "Sec-Fetch-Site", "cross-site"}, "cross_site"},
		"fetch from sibling": {[]string{csrfHeader, "1", "Sec-Fetch-Site", "same-site"}, "cross_site"},
		"forwarded host":     {[]string{csrfHeader, "1", "Origin", "https://evil.example.net", "X-Forwarded-Host", "evil.example.net"}, "cross_site"},
	} {
		for _, path := range []string{"refresh", "logout", "login", "setup"} {
			o.ask(t, "POST", "/api/v1/auth/"+path, "", append([]string{"Cookie", cookie}, c.headers...)...).want(t, name+": "+path, 403, c.code)
		}
	}
	o.ask(t, "GET", "/api/v1/me", "", o.asOwner()...).want(t, "the session", 200, "")
	for name, headers := range map[string][]string{
		"public URL": {csrfHeader, "1", "Origin", "https://linktor.example.com", "Sec-Fetch-Site", "same-origin"},
		"own host":   {"Content-Type", "application/json; charset=utf-8", "Origin", "http://example.com"}, // httptest's Host
	} {
		a := o.ask(t, "POST", "/api/v1/auth/refresh", "", append([]string{"Cookie", cookie}, headers...)...)
		a.want(t, name, 200, "")
		cookie = refreshCookieName + "=" + cookieOf(t, a).Value
	}
}

func TestSetupRoute(t *testing.T) {
	o := newOffice(t, dbtest.SQLite(t))
	invited := o.ask(t, "POST", "/api/v1/users", `{"email":"Ann@example.com","name":"Ann","role":"agent"}`, o.asOwner()...)
	invited.want(t, "invite", 201, "")
	link := invited.body["setupLink"].(map[string]any)
	token := link["token"].(string)
	if link["url"] != "https://linktor.example.com/setup#t="+token || invited.header.Get("Location") != "/api/v1/users/"+invited.body["id"].(string) {
		t.Errorf("invitation %s", invited.text)
	}
	o.ask(t, "POST", "/api/v1/auth/setup", `{"token":"`+token+`","password":"short"}`).want(t, "short", 422, "validation_error")
	o.ask(t, "POST", "/api/v1/auth/setup", `{"token":"ls_other","password":"`+testPassword+`"}`).want(t, "wrong link", 401, "setup_link_invalid")
	in := o.ask(t, "POST", "/api/v1/auth/setup", `{"token":"`+token+`","password":"`+testPassword+`"}`)
	in.want(t, "setup", 200, "")
	cookieOf(t, in)
	o.ask(t, "POST", "/api/v1/auth/setup", `{"token":"`+token+`","password":"`+testPassword+`"}`).want(t, "twice", 401, "setup_link_invalid")

	ann := []string{"Authorization", "Bearer " + in.body["accessToken"].(string)}
	o.ask(t, "GET", "/api/v1/users", "", ann...).want(t, "an agent lists", 200, "")
	o.ask(t, "POST", "/api/v1/users", `{"email":"b@example.com","name":"B","role":"agent"}`, ann...).want(t, "an agent invites", 403, "permission_missing")
	o.ask(t, "POST", "/api/v1/me/password", `{"currentPassword":"wrong","newPassword":"another four words"}`, ann...).want(t, "wrong", 422, "validation_error")
	o.ask(t, "POST", "/api/v1/me/password", `{"currentPassword":"`+testPassword+`","newPassword":"another four words"}`, ann...).want(t, "change", 204, "")
	id := invited.body["id"].(string)
	o.ask(t, "PATCH", "/api/v1/users/"+id, `{"active":false}`, o.asOwner()...).want(t, "disable", 200, "")
	o.ask(t, "GET", "/api/v1/me", "", ann...).want(t, "disabled", 401, "credential_invalid")
	o.ask(t, "POST", "/api/v1/users/"+id+"/setup-link", "", o.asOwner()...).want(t, "link of a disabled user", 409, "user_inactive")
	o.ask(t, "DELETE", "/api/v1/users/"+id, "", o.asOwner()...).want(t, "delete", 204, "")
	o.ask(t, "GET", "/api/v1/users/"+id, "", o.asOwner()...).want(t, "deleted", 404, "not_found")
	o.ask(t, "DELETE", "/api/v1/users/"+o.owner.ID, "", o.asOwner()...).want(t, "last owner", 409, "last_owner")
}

func TestSetupPage(t *testing.T) {
	o := newOffice(t, dbtest.SQLite(t))
	for path, kind := range map[string]string{"/setup": "text/html", "/setup/setup.js": "text/javascript", "/setup/setup.css": "text/css"} {
		a := o.ask(t, "GET", path, "")
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), kind) || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: %d %s", path, a.status, a.header)
		}
	}
}

func TestKeyRoutes(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := newOffice(t, d)
		made := o.ask(t, "POST", "/api/v1/keys", `{"name":"shop","permissions":["messages:send_text","keys:manage"],"perMinute":5,"expiresAt":"2099-01-01T00:00:00Z"}`, o.asOwner()...)
		made.want(t, "create", 201, "")
		key, id := made.body["key"].(string), made.body["id"].(string)
		if made.body["perMinute"] != 5.0 || made.body["perDay"] != 10000.0 || made.body["expiresAt"] != "2099-01-01T00:00:00.000Z" || made.body["active"] != true {
			t.Errorf("created %s", made.text)
		}
		got := o.ask(t, "GET", "/api/v1/keys/"+id, "", o.asOwner()...)
		delete(made.body, "key")
		delete(made.body, "$schema")
		delete(got.body, "$schema")
		if diff := cmp.Diff(made.body, got.body); diff != "" {
			t.Errorf("get differs from create:\n%s", diff)
		}
		list := o.ask(t, "GET", "/api/v1/keys", "", o.asOwner()...)
		if strings.Contains(list.text+got.text, key[16:]) {
			t.Error("the secret is shown again")
		}
		if data := list.body["data"].([]any); len(data) != 1 || list.body["page"].(map[string]any)["hasMore"] != false {
			t.Errorf("list %s", list.text)
		}
		for _, headers := range [][]string{{"X-API-Key", key}, {"Authorization", "Bearer " + key}, {"Authorization", "bearer " + key}} {
			me := o.ask(t, "GET", "/api/v1/me", "", headers...)
			me.want(t, headers[0], 200, "")
			if me.body["type"] != "api_key" || me.body["key"].(map[string]any)["id"] != id {
				t.Errorf("me %s", me.text)
			}
		}
		o.ask(t, "POST", "/api/v1/keys", `{"name":"x","permissions":["tenant:manage"]}`, "X-API-Key", key).want(t, "escalation", 403, "permission_missing")
		o.ask(t, "POST", "/api/v1/keys", `{"name":"x","permissions":["nonsense"]}`, o.asOwner()...).want(t, "unknown permission", 422, "validation_error")
		o.ask(t, "POST", "/api/v1/keys", `{"name":"x","permissions":[]}`, o.asOwner()...).want(t, "no permission", 422, "validation_error")
		o.ask(t, "PATCH", "/api/v1/keys/"+id, `{"expiresAt":"tomorrow"}`, o.asOwner()...).want(t, "bad time", 422, "validation_error")
		cleared := o.ask(t, "PATCH", "/api/v1/keys/"+id, `{"expiresAt":"","perDay":0}`, o.asOwner()...)
		cleared.want(t, "no expiry", 200, "")
		if _, has := cleared.body["expiresAt"]; has || cleared.body["perDay"] != 0.0 {
			t.Errorf("patched %s", cleared.text)
		}
		o.ask(t, "PATCH", "/api/v1/keys/"+id, `{"active":false}`, o.asOwner()...).want(t, "switch off", 200, "")
		o.ask(t, "GET", "/api/v1/me", "", "X-API-Key", key).want(t, "inactive", 401, "key_inactive")
		o.ask(t, "DELETE", "/api/v1/keys/"+id, "", o.asOwner()...).want(t, "delete", 204, "")
		o.ask(t, "DELETE", "/api/v1/keys/"+id, "", o.asOwner()...).want(t, "again", 404, "not_found")
		o.ask(t, "GET", "/api/v1/keys/a%00b", "", o.asOwner()...).want(t, "zero byte", 404, "not_found")
	})
}

// Ensure no credential and no address reaches the log, even at its most talkative.
func TestSessionRoutesLogNoSecrets(t *testing.T) {
	var log bytes.Buffer
	o := newOffice(t, dbtest.SQLite(t))
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	secrets := []string{testPassword, "olga@example.com", "hunter2hunter2"}
	in := o.ask(t, "POST", "/api/v1/auth/login", `{"email":"olga@example.com","password":"`+testPassword+`"}`)
	secrets = append(secrets, in.body["accessToken"].(string), cookieOf(t, in).Value)
	made := o.ask(t, "POST", "/api/v1/keys", `{"name":"shop","permissions":["messages:view"]}`, o.asOwner()...)
	secrets = append(secrets, made.body["key"].(string), o.token)
	invited := o.ask(t, "POST", "/api/v1/users", `{"email":"ann@example.com","name":"Ann Canary","role":"agent"}`, o.asOwner()...)
	secrets = append(secrets, invited.body["setupLink"].(map[string]any)["token"].(string), "ann@example.com", "Ann Canary")
	cookie := []string{csrfHeader, "1", "Cookie", refreshCookieName + "=" + cookieOf(t, in).Value}
	o.ask(t, "POST", "/api/v1/auth/refresh", "", cookie...)
	o.ask(t, "POST", "/api/v1/auth/logout", "", cookie...)
	o.ask(t, "POST", "/api/v1/auth/login", `{"email":"olga@example.com","password":"hunter2hunter2"}`)
	o.ask(t, "POST", "/api/v1/auth/login", `{"email":"olga@example.com","password":hunter2hunter2}`)
	o.ask(t, "GET", "/api/v1/me", "", "X-API-Key", made.body["key"].(string)+"x")
	o.ask(t, "GET", "/api/v1/users?hunter2hunter2=1", "", o.asOwner()...)
	if !strings.Contains(log.String(), "/api/v1/auth/login") {
		t.Fatal("nothing is logged")
	}
	for _, s := range secrets {
		if strings.Contains(log.String(), s) {
			t.Errorf("the log holds %q", s)
		}
	}
}
