package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linktor/linktor/internal/badjson"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func hmacHex(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Ensure no value in any place of any body is a failure of ours, and that what is
// refused is not repeated.
func TestOddBodies(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		m := newMill(t, d)
		for _, r := range m.requests {
			if a := m.call(t, r.method, r.path, r.body); a.status > 299 && a.status != 401 && a.status != 422 {
				t.Errorf("%s %s is no good seed: %v", r.method, r.path, a)
			}
			cases := badjson.Spliced([]byte(r.body), hardValues())
			if r.path == "/api/v1/keys" {
				cases = append(cases, badjson.Bodies()...)
			}
			for _, c := range cases {
				a := m.call(t, r.method, r.path, string(c.JSON))
				a.sound(t, fmt.Sprintf("%s %s, %s", r.method, r.path, c.Name))
				if !c.Valid && a.status < 400 {
					t.Errorf("%s %s takes %s: %v", r.method, r.path, c.Name, a)
				}
			}
		}
	})
}

// hardValues are those of the corpus that pass the decoder and can fail later, and
// a few that must not pass it.
func hardValues() []badjson.Case {
	var out []badjson.Case
	for _, c := range badjson.Values() {
		switch c.Name {
		case "null", "minus zero", "empty string", "empty object", "empty array", "string", "array", "beyond int64", "beyond float64", "near zero",
			"escaped NUL", "only NUL", "lone high surrogate", "control characters", "repeated name", "NUL in a name", "nested 100",
			"NaN", "bad UTF-8", "raw NUL", "10 kB string":
			out = append(out, c)
		}
	}
	return out
}

// Ensure bodies of routes that nobody thought of here are judged too: every
// operation with a body gets each body of the corpus that is short.
func TestOddBodiesEverywhere(t *testing.T) {
	m := newMill(t, dbtest.SQLite(t))
	m.eachOperation(func(path, method string, op *huma.Operation) {
		if op.RequestBody == nil {
			return
		}
		for _, c := range badjson.SmallValues() {
			m.call(t, method, path, string(c.JSON)).sound(t, fmt.Sprintf("%s %s, %s", method, path, c.Name))
		}
	})
}

// oddTexts are values of parameters, escaped for a URL.
var oddTexts = []string{
	"%00", "a%00b", "%FF", "%ED%A0%80", "%C0%AF", "%E2%80%AE", "%0D%0AX-Injected:%201", "..%2F..%2Fetc%2Fpasswd", "%27%20OR%201=1--", "%25", "%2500", "*",
	"99999999999999999999", "-1", "0", "1e999", "NaN", "true", "v1.", "v1.e0.0", "v1.W10", "v1.WyJcdTAwMDAiXQ", "v1.WyJcdTAwMDAiLCJcdTAwMDAiXQ",
	"v1.WyItOTIyMzM3MjAzNjg1NDc3NTgwOCIsIngiXQ", "v1.WyI5MjIzMzcyMDM2ODU0Nzc1ODA3IiwieCJd", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
	"2026-02-30T00:00:00Z", "292277026596-12-04T15:30:07Z", strings.Repeat("a", 5000), badjson.Canary,
}

// Ensure no value of any parameter of any route is a failure of ours.
func TestOddParameters(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		m := newMill(t, d)
		m.eachOperation(func(path, method string, op *huma.Operation) {
			for _, p := range op.Parameters {
				for _, text := range oddTexts {
					at, header := path, []string(nil)
					switch p.In {
					case "query":
						at += "?" + p.Name + "=" + text
					case "path":
						at = strings.Replace(op.Path, "{"+p.Name+"}", text, 1)
						at = m.path(at)
					case "header":
						value, _ := url.PathUnescape(text)
						header = []string{p.Name, strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(value)}
					}
					a := m.call(t, method, at, `{}`, header...)
					a.sound(t, fmt.Sprintf("%s %s, %s=%.40s", method, op.Path, p.Name, text))
					if a.header.Get("X-Injected") != "" {
						t.Errorf("%s %s: a header was injected", method, op.Path)
					}
				}
			}
		})
	})
}

// Ensure nothing in any place of a signed webhook is a failure of ours: a 5xx
// would make the provider repeat it for days.
func TestOddWebhooks(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		m := newMill(t, d)
		message := `{"from":"351910000001","id":"wamid.O","timestamp":"1790000000","type":"text","text":{"body":"hello"},"context":{"id":"wamid.F","from":"1"},"referral":{"source_url":"u","headline":"h"}}`
		status := `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"700000000000001"},` +
			`"statuses":[{"id":"wamid.S","status":"failed","timestamp":"1790000000","recipient_id":"351910000001","biz_opaque_callback_data":"msg_1","errors":[{"code":131047,"title":"t"}]}]}}]}]}`
		deliver := func(typ string, c badjson.Case) {
			a := m.webhook(t, typ, c.JSON)
			a.sound(t, typ+", "+c.Name)
			if c.Valid && a.status != 200 && !strings.Contains(c.Name, "deep") {
				t.Errorf("%s, %s: %v", typ, c.Name, a)
			}
		}
		for _, c := range badjson.Bodies() {
			if len(c.JSON) < 1<<20 {
				deliver("whatsapp", c)
				deliver("link", c)
			}
		}
		values := hardValues()
		for _, c := range append(badjson.Spliced(whatsappBody(message), values), badjson.Spliced([]byte(status), values)...) {
			deliver("whatsapp", c)
		}
		for _, body := range []string{
			`{"messageId":"mo1","source":"+46700000002","destination":"+46700000001","customParameters":{"a":"b"},"content":{"message":{"contentType":"TEXT","text":"good"}}}`,
			`{"messageId":"dlr1","refId":"msg_1","resultCode":112403,"resultDescription":"(#131047) x","messageIndex":-1,"timestamp":"2027-01-02T03:04:05Z"}`,
		} {
			for _, c := range badjson.Spliced([]byte(body), values) {
				deliver("link", c)
			}
		}
	})
}

// eachOperation calls fn for every operation of the OpenAPI document, with a path
// that names things that exist.
func (m *mill) eachOperation(fn func(path, method string, op *huma.Operation)) {
	for path, item := range m.huma.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op != nil && !deletes(method, path) {
				fn(m.path(path), method, op)
			}
		}
	}
}

// deletes reports whether a route would take away what the others need.
func deletes(method, path string) bool {
	return method == "DELETE" && path == "/api/v1/channels/{channelId}"
}

// path fills in the parameters of a path.
func (m *mill) path(path string) string {
	path = strings.ReplaceAll(path, "{channelId}", m.whatsapp.ID)
	for strings.Contains(path, "{") {
		start, end := strings.Index(path, "{"), strings.Index(path, "}")
		path = path[:start] + "msg_01k00000000000000000000001" + path[end+1:]
	}
	return path
}
