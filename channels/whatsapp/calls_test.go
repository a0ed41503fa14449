package whatsapp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/channels"
)

// Ensure the list follows cursors and reads every state.
func TestListTemplates(t *testing.T) {
	srv, calls := provider(t,
		`{"data":[{"id":"1","name":"a","language":"en","status":"APPROVED","category":"UTILITY","quality_score":{"score":"GREEN","date":1},"rejected_reason":"NONE","parameter_format":"NAMED","components":[{"type":"BODY","text":"Hi"}]}],"paging":{"cursors":{"after":"c2"},"next":"https://x.example"}}`,
		`{"data":[{"id":"2","name":"b","language":"pt_BR","status":"REJECTED","category":"MARKETING","rejected_reason":"INVALID_FORMAT","message_send_ttl_seconds":600}],"paging":{"cursors":{"after":"c3"}}}`)
	got, err := open(t, srv.URL).ListTemplates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []channels.Template{
		{ProviderID: "1", Name: "a", Language: "en", Status: "APPROVED", Category: "UTILITY", Quality: "GREEN", ParameterFormat: "NAMED", Components: json.RawMessage(`[{"type":"BODY","text":"Hi"}]`)},
		{ProviderID: "2", Name: "b", Language: "pt_BR", Status: "REJECTED", Category: "MARKETING", RejectedReason: "INVALID_FORMAT", TTLSeconds: 600, Components: json.RawMessage(`[]`)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(*calls) != 2 || !strings.Contains((*calls)[1].path, "after=c2") {
		t.Errorf("calls %+v", *calls)
	}
}

func TestTemplateCalls(t *testing.T) {
	srv, calls := provider(t, `{"id":"77","status":"PENDING","category":"MARKETING"}`, `{"success":true}`)
	acct := open(t, srv.URL)
	tpl := channels.Template{Name: "a", Language: "en", Category: "utility", ParameterFormat: "POSITIONAL", Components: json.RawMessage(`[{"type":"BODY","text":"Hi"}]`)}
	got, err := acct.CreateTemplate(t.Context(), tpl)
	if err != nil || got.ProviderID != "77" || got.Status != "PENDING" || got.Category != "MARKETING" {
		t.Errorf("created %+v, %v", got, err)
	}
	err = errors.Join(
		acct.EditTemplate(t.Context(), channels.Template{ProviderID: "77", Components: tpl.Components}),
		acct.DeleteTemplate(t.Context(), channels.Template{ProviderID: "77", Name: "a"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []recorded{
		{"POST", "/v25.0/" + testWABA + "/message_templates", "Bearer EAAtesttoken", `{"name":"a","language":"en","category":"UTILITY","parameter_format":"positional","components":[{"type":"BODY","text":"Hi"}]}`},
		{"POST", "/v25.0/77", "Bearer EAAtesttoken", `{"components":[{"type":"BODY","text":"Hi"}]}`},
		{"DELETE", "/v25.0/" + testWABA + "/message_templates?hsm_id=77&name=a", "Bearer EAAtesttoken", ""},
	}
	if diff := cmp.Diff(want, *calls, cmp.AllowUnexported(recorded{})); diff != "" {
		t.Error(diff)
	}
	none := open(t, srv.URL, func(s map[string]any) { delete(s, "businessAccountId") })
	if _, err := none.ListTemplates(t.Context()); err == nil || !strings.Contains(err.Error(), "businessAccountId") {
		t.Errorf("without a business account: %v", err)
	}
}

func TestGetTemplate(t *testing.T) {
	srv, calls := provider(t, `{"id":"77","name":"a","language":"en","status":"PAUSED","category":"MARKETING"}`, graphBody("100", `,"error_subcode":33`))
	acct := open(t, srv.URL)
	got, err := acct.GetTemplate(t.Context(), "77")
	if err != nil || got.Status != "PAUSED" || !strings.HasPrefix((*calls)[0].path, "/v25.0/77?fields=") {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = acct.GetTemplate(t.Context(), "78")
	if e, ok := errors.AsType[*channels.SendError](err); !ok || e.Code != "100" || e.Action == "" {
		t.Errorf("got %v", err)
	}
}

// mediaServer serves one file; its first gone addresses answer 404.
func mediaServer(t *testing.T, file []byte, gone int) *httptest.Server {
	t.Helper()
	var srv *httptest.Server
	downloads := 0
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer EAAtesttoken" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/file" {
			if downloads++; downloads <= gone {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = w.Write(file) // a client that hung up is the test's affair
			return
		}
		sum := sha256.Sum256(file)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"url": srv.URL + "/file", "mime_type": "image/png", "sha256": hex.EncodeToString(sum[:]), "file_size": "5", "id": "9",
		})
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestFetchMedia(t *testing.T) {
	file := []byte("bytes")
	sum := sha256.Sum256(file)
	right, wrong := base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(make([]byte, 32))
	tests := []struct {
		name   string
		gone   int
		digest string
		fails  bool
	}{
		{"at once", 0, right, false},
		{"expired address", 1, right, false},
		{"gone for good", 9, right, true},
		{"digest of the lookup", 0, "", false},
		{"another file", 0, wrong, true},
		{"placeholder digest", 0, "a1b2...", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			acct := open(t, mediaServer(t, file, tt.gone).URL)
			r, info, err := acct.FetchMedia(t.Context(), channels.Media{ProviderID: "9", SHA256: tt.digest, Filename: "a.png"})
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
				r.Close()
			}
			if (err != nil) != tt.fails {
				t.Fatalf("got %v", err)
			}
			if err == nil && (!bytes.Equal(got, file) || info.MimeType != "image/png" || info.Size != 5 || info.Filename != "a.png") {
				t.Errorf("got %q, %+v", got, info)
			}
		})
	}
}

// Ensure the token goes to Meta's hosts and the configured one only.
func TestMediaHosts(t *testing.T) {
	acct := open(t, "http://127.0.0.1:9")
	for address, want := range map[string]bool{
		"https://lookaside.fbsbx.com/x": true, "https://scontent.whatsapp.net/x": true, "http://127.0.0.1:9/x": true,
		"http://lookaside.fbsbx.com/x": false, "https://evilfbsbx.com/x": false, "https://fbsbx.com.evil.example/x": false,
		"https://a@fbsbx.com/x": false, "http://127.0.0.1:8/x": false, "file:///etc/passwd": false, "": false,
	} {
		if got := acct.mediaHost(address); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
}

func TestUploadMedia(t *testing.T) {
	for _, size := range []int64{3, -1} {
		srv, calls := provider(t, `{"id":"600000000000009"}`)
		info := channels.MediaInfo{MimeType: "application/pdf", Filename: "a\"b\r\n.pdf", Size: size}
		id, expires, err := open(t, srv.URL).UploadMedia(t.Context(), info, strings.NewReader("pdf"))
		if err != nil || id != "600000000000009" || expires.IsZero() {
			t.Fatalf("got %q, %v, %v", id, expires, err)
		}
		checkUpload(t, (*calls)[0])
	}
	info := channels.MediaInfo{MimeType: "application/pdf", Size: maxUpload + 1}
	_, _, err := open(t, "http://127.0.0.1:1").UploadMedia(t.Context(), info, strings.NewReader("pdf"))
	if _, ok := errors.AsType[*channels.Invalid](err); !ok {
		t.Errorf("a file that is too large: %v", err)
	}
}

func checkUpload(t *testing.T, call recorded) {
	t.Helper()
	for _, want := range []string{`name="messaging_product"`, `filename="a_b__.pdf"`, "Content-Type: application/pdf", "\r\n\r\npdf\r\n"} {
		if !strings.Contains(call.body, want) {
			t.Errorf("the form lacks %q:\n%s", want, call.body)
		}
	}
	if call.path != "/v25.0/"+testNumber+"/media" {
		t.Errorf("path %s", call.path)
	}
}

func TestProbe(t *testing.T) {
	const number = `{"id":"1","display_phone_number":"+1 555-000-1111","verified_name":"Shop","quality_rating":"GREEN","status":"CONNECTED","throughput":{"level":"STANDARD"},"whatsapp_business_manager_messaging_limit":"TIER_2K"}`
	const apps = `{"data":[{"whatsapp_business_api_data":{"id":"42","name":"App"}}]}`
	tests := []struct {
		name     string
		answers  []string
		change   func(map[string]any)
		problems []string // the beginning of each
	}{
		{"fine", []string{number, apps}, func(s map[string]any) { s["appId"] = "42" }, nil},
		{"token expired", []string{graphBody("190", ""), graphBody("190", "")}, nil, []string{"The phone number cannot be read (190", "The business account cannot be read (190"}},
		{"other app", []string{number, apps}, func(s map[string]any) { s["appId"] = "43" }, []string{"The app is not subscribed"}},
		{"nobody subscribed", []string{number, `{"data":[]}`}, nil, []string{"The app is not subscribed"}},
		{"no app secret", []string{number, apps}, func(s map[string]any) { s["appSecret"] = "" }, []string{"Set the app secret"}},
		{"banned, red", []string{`{"status":"BANNED","quality_rating":"RED"}`, apps}, nil, []string{"Meta has blocked", "Customers rate"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv, _ := provider(t, tt.answers...)
			change := tt.change
			if change == nil {
				change = func(map[string]any) {}
			}
			h, err := open(t, srv.URL, change).Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if h.OK != (len(tt.problems) == 0) || len(h.Problems) != len(tt.problems) {
				t.Fatalf("got %+v", h)
			}
			for i, p := range tt.problems {
				if !strings.HasPrefix(h.Problems[i], p) {
					t.Errorf("problem %q, want %q...", h.Problems[i], p)
				}
			}
			if tt.name == "fine" && h.Details["tier"] != "TIER_2K" {
				t.Errorf("details %v", h.Details)
			}
		})
	}
	if _, err := open(t, "http://127.0.0.1:1").Probe(t.Context()); err == nil {
		t.Error("an unreachable provider is no verdict")
	}
}

// Ensure settings are checked before anything is called.
func TestSettings(t *testing.T) {
	tests := map[string]struct {
		change  map[string]any
		pointer string
	}{
		"number with plus":   {map[string]any{"phoneNumberId": "+15550001111"}, "/settings/phoneNumberId"},
		"token with newline": {map[string]any{"accessToken": "EAA\nX"}, "/settings/accessToken"},
		"plain http":         {map[string]any{"graphBaseUrl": "http://graph.example"}, "/settings/graphBaseUrl"},
		"user in address":    {map[string]any{"graphBaseUrl": "https://a:b@graph.example"}, "/settings/graphBaseUrl"},
		"version":            {map[string]any{"graphVersion": "25"}, "/settings/graphVersion"},
		"proof, no secret":   {map[string]any{"useAppSecretProof": true, "appSecret": ""}, "/settings/appSecret"},
		"wrong type":         {map[string]any{"useAppSecretProof": "yes"}, "/settings/useAppSecretProof"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			set := testSettings("")
			for k, v := range tt.change {
				set[k] = v
			}
			raw, err := json.Marshal(set)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Adapter{}.Open(raw, channels.Env{})
			if err == nil || !strings.Contains(err.Error(), tt.pointer+":") {
				t.Errorf("got %v", err)
			}
		})
	}
	var _ channels.Handshaker = open(t, "")
	if u := open(t, "").graph.url(request{path: "/1", query: url.Values{"a": {"b"}}}); u != "https://graph.facebook.com/v25.0/1?a=b" {
		t.Errorf("default address %s", u)
	}
}
