package api

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/badjson"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/realtime"
)

// FuzzBody sends any body to the routes that take one: through the real handlers,
// into a real database.
func FuzzBody(f *testing.F) {
	m := newMill(f, dbtest.SQLite(f))
	for i, r := range m.requests {
		f.Add(uint8(i), []byte(r.body))
		for _, c := range badjson.Spliced([]byte(r.body), hardValues()[:3]) {
			f.Add(uint8(i), c.JSON)
		}
	}
	for _, c := range badjson.SmallValues() {
		f.Add(uint8(len(m.requests)-1), c.JSON)
	}
	f.Fuzz(func(t *testing.T, route uint8, body []byte) {
		r := m.requests[int(route)%len(m.requests)]
		a := m.call(t, r.method, r.path, string(body))
		if canaryName.Match(body) {
			return // names may be repeated: they are how a mistake is pointed at
		}
		a.sound(t, r.method+" "+r.path)
	})
}

// canaryName finds a body that has the canary in a name.
var canaryName = regexp.MustCompile(badjson.Canary + `[^"]*"\s*:`)

// FuzzWebhook delivers any body as the provider would, signed. A body that is JSON
// is taken and kept, whatever is in it.
func FuzzWebhook(f *testing.F) {
	m := newMill(f, dbtest.SQLite(f))
	f.Add(true, whatsappBody(`{"from":"351910000001","id":"wamid.O","timestamp":"1790000000","type":"text","text":{"body":"hello"}}`))
	f.Add(false, []byte(`{"messageId":"mo1","source":"+46700000002","content":{"message":{"contentType":"TEXT","text":"good"}}}`))
	f.Add(false, []byte(`{"messageId":"dlr1","refId":"msg_1","resultCode":112403,"resultDescription":"(#131047) x","messageIndex":-1}`))
	for _, c := range badjson.SmallValues() {
		f.Add(true, c.JSON)
		f.Add(false, c.JSON)
	}
	f.Fuzz(func(t *testing.T, whatsapp bool, body []byte) {
		typ := map[bool]string{true: "whatsapp", false: "link"}[whatsapp]
		a := m.webhook(t, typ, body)
		a.sound(t, typ)
		if json.Valid(body) && a.status != 200 {
			t.Errorf("%s refuses JSON: %v", typ, a)
		}
	})
}

// FuzzQuery asks lists with any value of any of their parameters.
func FuzzQuery(f *testing.F) {
	m := newMill(f, dbtest.SQLite(f))
	lists := []string{"messages", "conversations", "contacts", "channels", "events", "journal", "keys", "users",
		"channels/" + m.whatsapp.ID + "/templates"}
	names := []string{"after", "limit", "q", "status", "channelId", "contactId", "types", "label", "from", "to", "direction", "state"}
	for _, text := range oddTexts {
		value, err := url.PathUnescape(text)
		if err != nil {
			f.Fatal(err)
		}
		for i := range names {
			f.Add(uint8(i), uint8(i), value)
		}
	}
	f.Add(uint8(0), uint8(0), encodeCursor([]string{"1790000000000000", "msg_01k00000000000000000000001"}))
	f.Fuzz(func(t *testing.T, list, name uint8, value string) {
		path := "/api/v1/" + lists[int(list)%len(lists)] + "?" + names[int(name)%len(names)] + "=" + url.QueryEscape(value)
		m.call(t, "GET", path, "").sound(t, path)
	})
}

// FuzzHeaders sends any value of the headers that the server reads.
func FuzzHeaders(f *testing.F) {
	m := newMill(f, dbtest.SQLite(f))
	names := []string{"Idempotency-Key", "X-Request-Id", "Content-Type", "Content-Encoding", "Accept", "Authorization", "X-Forwarded-For",
		"Origin", "Cookie", "Accept-Encoding", "Last-Event-ID", "If-None-Match", "Expect", "Connection", "Transfer-Encoding"}
	for i := range names {
		for _, value := range []string{"", "a", "\xff", "é", strings.Repeat("k", 300), "application/json; charset=utf-16", "gzip", "Bearer x", "127.0.0.1, ::1", badjson.Canary} {
			f.Add(uint8(i), value)
		}
	}
	f.Fuzz(func(t *testing.T, name uint8, value string) {
		if len(value) > 2000 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Skip("the server closes on these before they are headers")
		}
		r := m.requests[1]
		header := names[int(name)%len(names)]
		if header == "Expect" || header == "Connection" || header == "Transfer-Encoding" {
			value = strings.ToValidUTF8(value, "")
		}
		a := m.call(t, r.method, r.path, r.body, header, value)
		if rid := a.header.Get("X-Request-Id"); a.status < 500 && !ownRequestID(rid) {
			t.Errorf("request id %q", rid)
		}
		a.sound(t, header)
	})
}

// FuzzCursor checks that what is read of a list's cursor is written back the same,
// and that everything else is a mistake of the caller.
func FuzzCursor(f *testing.F) {
	for _, key := range [][]string{{"a"}, {"", "ü\"", "3"}, {"1790000000000000", "msg_1"}} {
		f.Add(encodeCursor(key), len(key))
	}
	for _, bad := range []string{"", "x", "v1.", "v1.!!", "v1.e30", "v1.WyJcdTAwMDAiXQ", "v2.WyJhIl0", "v1.WyJcdWQ4MDAiXQ", "v1.W251bGxd"} {
		f.Add(bad, 1)
	}
	f.Fuzz(func(t *testing.T, s string, parts int) {
		key, err := decodeCursor(s, parts)
		if err != nil {
			if fault.KindOf(err) != fault.Malformed || s != "" && strings.Contains(err.Error(), s) && len(s) > 8 {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if s == "" {
			return
		}
		again, err := decodeCursor(encodeCursor(key), parts)
		if err != nil || len(again) != parts || strings.Join(again, "\x00") != strings.Join(key, "\x00") {
			t.Errorf("%q is %q and then %q, %v", s, key, again, err)
		}
		for _, part := range key {
			if !storable(part) {
				t.Errorf("%q holds what no database can look for", key)
			}
		}
	})
}

var e164Form = regexp.MustCompile(`^\+[1-9][0-9]{4,16}$`)

// FuzzRecipient checks that a recipient is a number or a user id in its one form,
// however it was written, and that a mistake is not repeated.
func FuzzRecipient(f *testing.F) {
	for _, s := range []string{"+5511999999999", "0055 11 99999-9999", "+1 (650) 555-1234", "US.13491208655302741918", "US.ENT.11815799", "us.1",
		"+1800FLOWERS", "12", "", "+", "00", "+٣٥١٩١٠٠٠٠٠٠١", "\u00a0351910000001", "+44 20 7946 0958;ext=1", "tel:+351910000001", badjson.Canary, "\x00351910000001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		to, err := parseRecipient(s)
		if err != nil {
			if strings.Contains(err.Error(), badjson.Canary) || to.Phone+to.UserID != "" {
				t.Errorf("%q: %v beside %v", s, to, err)
			}
			return
		}
		if (to.Phone == "") == (to.UserID == "") || to.Phone != "" && !e164Form.MatchString(to.Phone) {
			t.Fatalf("%q is %+v", s, to)
		}
		again, err := parseRecipient(to.Phone + to.UserID)
		if err != nil || again != to {
			t.Errorf("%q is %+v and then %+v, %v", s, to, again, err)
		}
	})
}

// FuzzStream reads any parameters and Last-Event-ID of the event stream.
func FuzzStream(f *testing.F) {
	for _, id := range []string{"", "v1.eA.7", "v1.eA.-1", "7", "v1..", "v1.eA.99999999999999999999", "\xff", badjson.Canary} {
		f.Add("after="+url.QueryEscape(id), id)
	}
	f.Add("types=message.*,channel.paused&channelId=ch_1&conversationId=conv_1", "v1.e0.0")
	f.Add("types=%00&types=a", "")
	f.Add("nope=1", "")
	app := New(Deps{Auth: credentials{}, Log: quiet()}).App()
	p := &account.Principal{TenantID: "ten_a", Permissions: account.AllPermissions()}
	f.Fuzz(func(t *testing.T, query, lastEventID string) {
		var req fasthttp.RequestCtx
		req.Request.URI().SetQueryString(query)
		req.Request.Header.Set("Last-Event-ID", lastEventID)
		c := app.AcquireCtx(&req)
		defer app.ReleaseCtx(c)
		hello, err := streamHello(c, p)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Malformed && k != fault.NotFound && k != fault.Invalid || strings.Contains(err.Error(), badjson.Canary) {
				t.Errorf("%q, %q: %v", query, lastEventID, err)
			}
			return
		}
		if len(hello.Subscribe) != 1 {
			t.Fatalf("%+v", hello)
		}
		if hello.Resume != "" {
			cursor, err := realtime.ParseCursor(hello.Resume)
			if err != nil || cursor.String() != hello.Resume {
				t.Errorf("resumes from %q", hello.Resume)
			}
		}
	})
}
