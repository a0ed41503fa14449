package link

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
)

// seen is one call that the fake provider got.
type seen struct{ method, uri, auth, body string }

// recorder answers every call with body and keeps what it was asked.
func recorder(t *testing.T, status int, body string) (string, *[]seen) {
	t.Helper()
	calls := &[]seen{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*calls = append(*calls, seen{r.Method, r.RequestURI, r.Header.Get("Authorization"), string(data)})
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, calls
}

// Ensure the plus sign of the sender travels as %2B and ids stay one step.
func TestTemplates(t *testing.T) {
	const base = "/platformId/PLATFORM/platformPartnerId/4711/source/%2B46700000001/templates/"
	url, calls := recorder(t, 200, `{"id":90071992547409911,"name":"hello","language":"sv","status":"APPROVED","category":"UTILITY",
		"quality_score":{"score":"GREEN"},"rejected_reason":"NONE","parameter_format":"named","components":[{"type":"BODY","text":"Hej"}]}`)
	templater := openAccount(t, map[string]any{"baseUrl": url}).(channels.Templater)
	draft := channels.Template{
		ProviderID: "1/2", Name: "hello", Language: "sv", Category: "UTILITY", Status: "APPROVED", Components: []byte(`[{"type":"BODY","text":"<Hej>"}]`),
	}

	created, err := templater.CreateTemplate(t.Context(), draft)
	if err != nil || created.ProviderID != "90071992547409911" || created.Status != "APPROVED" {
		t.Errorf("created %+v, %v", created, err)
	}
	got, err := templater.GetTemplate(t.Context(), "17")
	if err != nil || got.Quality != "GREEN" || got.RejectedReason != "" || got.ParameterFormat != "NAMED" || len(got.Components) == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := templater.EditTemplate(t.Context(), draft); err != nil {
		t.Error(err)
	}
	if err := templater.DeleteTemplate(t.Context(), draft); err != nil {
		t.Error(err)
	}
	if _, err := templater.ListTemplates(t.Context()); !errors.Is(err, channels.ErrUnsupported) {
		t.Errorf("list: %v, want ErrUnsupported", err)
	}
	want := []seen{
		{"PUT", base, "", `{"name":"hello","language":"sv","category":"UTILITY","components":[{"type":"BODY","text":"<Hej>"}]}`},
		{"GET", base + "17", "", ""},
		{"POST", base + "1%2F2", "", `{"components":[{"type":"BODY","text":"<Hej>"}]}`},
		{"DELETE", base + "1%2F2/hello", "", ""},
	}
	for i, w := range want {
		c := (*calls)[i]
		if c.method != w.method || c.uri != w.uri || c.body != w.body || !strings.HasPrefix(c.auth, "Basic ") {
			t.Errorf("call %d: got %+v, want %+v", i, c, w)
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		class  channels.Class
	}{
		"refused":    {400, `{"resultCode":112402,"description":"Bad request"}`, channels.ClassRejected},
		"login":      {401, ``, channels.ClassChannel},
		"unreadable": {200, `OK`, channels.ClassUncertain},
		"no id":      {200, `{}`, channels.ClassUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			templater := openAccount(t, map[string]any{"baseUrl": provider(t, tt.status, nil, tt.body)}).(channels.Templater)
			_, err := templater.CreateTemplate(t.Context(), channels.Template{Name: "hello"})
			if e := sendError(t, err); e.Class != tt.class {
				t.Errorf("class %s, want %s", e.Class, tt.class)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	tests := []struct {
		name    string
		status  int
		body    string
		ok      bool
		mention string // a word of the first problem
	}{
		{"unknown template", 404, `{"resultCode":112402}`, true, ""},
		{"bad request", 400, `{"resultCode":112402}`, true, ""},
		{"a template after all", 200, `{"id":"0"}`, true, ""},
		{"wrong login", 401, `{"resultCode":112400}`, false, "password"},
		{"wrong login by code", 400, `{"resultCode":112400}`, false, "password"},
		{"no access", 403, ``, false, "partner id"},
		{"not LINK", 404, `<html>`, false, "base URL"},
		{"redirect", 301, ``, false, "redirects"},
		{"down", 502, ``, false, "internal error"},
		{"busy", 429, ``, false, "too many"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, calls := recorder(t, tt.status, tt.body)
			h, err := openAccount(t, map[string]any{"baseUrl": url}).(channels.Prober).Probe(t.Context())
			if err != nil || h.OK != tt.ok {
				t.Fatalf("health %+v, %v; want ok=%v", h, err, tt.ok)
			}
			if !tt.ok && !strings.Contains(strings.Join(h.Problems, " "), tt.mention) {
				t.Errorf("problems %q do not mention %q", h.Problems, tt.mention)
			}
			if (*calls)[0].method != http.MethodGet {
				t.Errorf("probe used %s", (*calls)[0].method)
			}
		})
	}
	t.Run("unreachable, without gates", func(t *testing.T) {
		acct := openAccount(t, map[string]any{"baseUrl": "http://127.0.0.1:1", "gateIds": []string{}})
		h, err := acct.(channels.Prober).Probe(t.Context())
		if err != nil || h.OK || !strings.Contains(h.Problems[0], "could not be reached") {
			t.Errorf("health %+v, %v", h, err)
		}
	})
	t.Run("without gates", func(t *testing.T) {
		acct := openAccount(t, map[string]any{"baseUrl": provider(t, 404, nil, `{}`), "gateIds": []string{}})
		h, err := acct.(channels.Prober).Probe(t.Context())
		if err != nil || !h.OK || len(h.Problems) != 1 {
			t.Errorf("health %+v, %v; want working, with a warning", h, err)
		}
	})
}

func TestMarkRead(t *testing.T) {
	url, calls := recorder(t, 200, `{}`)
	acct := openAccount(t, map[string]any{"baseUrl": url, "enableReadReceipts": true})
	if err := acct.(channels.Reader).MarkRead(t.Context(), "wamid.X1", true); err != nil {
		t.Fatal(err)
	}
	want := `{"platformId":"PLATFORM","platformPartnerId":"4711","source":"+46700000001","status":"read","message_id":"wamid.X1","typing_indicator":{"type":"text"}}`
	if c := (*calls)[0]; c.method != http.MethodPost || c.uri != "/mo/status" || c.body != want {
		t.Errorf("call %+v", c)
	}
	if err := acct.(channels.Reader).MarkRead(t.Context(), "8aLinkId", false); len(problems(t, err)) == 0 {
		t.Error("LINK's own id was accepted")
	}
}

func TestUploadMedia(t *testing.T) {
	url, calls := recorder(t, 200, `{"id":"media-7"}`)
	acct := openAccount(t, map[string]any{"baseUrl": url, "enableMediaUpload": true})
	info := channels.MediaInfo{MimeType: "image/png", Filename: "a\"\r\nb.png", Size: 5}
	id, _, err := acct.(channels.MediaUploader).UploadMedia(t.Context(), info, strings.NewReader("bytes"))
	if err != nil || id != "media-7" {
		t.Fatalf("id %q, %v", id, err)
	}
	body := (*calls)[0].body
	for _, part := range []string{
		`name="source"`, "+46700000001", `name="mediaContentType"`, `name="media"; filename="a___b.png"`, "bytes",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("form lacks %q", part)
		}
	}
	acct = openAccount(t, map[string]any{"baseUrl": provider(t, 200, nil, ""), "enableMediaUpload": true})
	broken := io.MultiReader(strings.NewReader("by"), errReader{})
	if _, _, err := acct.(channels.MediaUploader).UploadMedia(t.Context(), info, broken); err == nil {
		t.Error("a broken file was uploaded")
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("disk") }

func TestFetchMedia(t *testing.T) {
	var auth string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Get("Authorization")
		switch r.URL.Path {
		case "/file":
			w.Header().Set("Content-Type", "image/jpg")
			w.Header().Set("Content-Disposition", `attachment; filename="cat.jpg"`)
			io.WriteString(w, "bytes")
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusForbidden) // an expired signature
		}
	}))
	defer srv.Close()
	fetcher := openAccount(t, nil).(channels.MediaFetcher)
	file, info, err := fetcher.FetchMedia(t.Context(), channels.Media{URL: srv.URL + "/file?sig=1"})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil || string(data) != "bytes" || auth != "" {
		t.Errorf("read %q, %v, credentials %q", data, err, auth)
	}
	if info.MimeType != "image/jpeg" || info.Filename != "cat.jpg" || info.Size != 5 {
		t.Errorf("info %+v", info)
	}
	for path, class := range map[string]channels.Class{
		srv.URL + "/gone": channels.ClassRejected, srv.URL + "/busy": channels.ClassTransient,
		"http://127.0.0.1:1/?sig=p@ss:wörd": channels.ClassTransient, "": channels.ClassRejected,
	} {
		_, _, err := fetcher.FetchMedia(t.Context(), channels.Media{URL: path})
		if e := sendError(t, err); e.Class != class {
			t.Errorf("class %s, want %s", e.Class, class)
		}
	}
}
