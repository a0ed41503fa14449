package whatsapp

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/channeltest"
)

func graphBody(code, rest string) string {
	return `{"error":{"message":"(#` + code + `) No","type":"OAuthException","code":` + code + rest + `,"fbtrace_id":"A1"}}`
}

func TestSendErrors(t *testing.T) {
	usage := http.Header{"X-Business-Use-Case-Usage": {`{"800000000000001":[{"type":"whatsapp","call_count":100,"estimated_time_to_regain_access":7}]}`}}
	channeltest.SendErrors(t, suite(), []channeltest.SendCase{
		{Name: "window closed", Status: 400, Body: graphBody("131047", ""), Class: channels.ClassRejected, Code: "131047"},
		{Name: "pair limit", Status: 400, Body: graphBody("131056", ""), Class: channels.ClassThrottled, Scope: channels.ScopeLane},
		{Name: "throughput", Status: 400, Header: http.Header{"Retry-After": {"9"}}, Body: graphBody("130429", ""), Class: channels.ClassThrottled, Scope: channels.ScopeChannel, RetryAfter: 9 * time.Second},
		{Name: "usage header", Status: 429, Header: usage, Body: graphBody("80007", ""), Class: channels.ClassThrottled, Scope: channels.ScopeChannel, RetryAfter: 7 * time.Minute},
		{Name: "spam limit", Status: 400, Body: graphBody("131048", ""), Class: channels.ClassThrottled, Scope: channels.ScopeMarketing, RetryAfter: time.Hour},
		{Name: "not on WhatsApp", Status: 400, Body: graphBody("131026", ""), Class: channels.ClassRecipient},
		{Name: "no template", Status: 404, Body: graphBody("132001", ""), Class: channels.ClassTemplate},
		{Name: "token expired", Status: 401, Body: graphBody("190", `,"error_subcode":463`), Class: channels.ClassChannel},
		{Name: "permission range", Status: 403, Body: graphBody("230", ""), Class: channels.ClassChannel},
		{Name: "unknown object", Status: 400, Body: graphBody("100", `,"error_subcode":33`), Class: channels.ClassChannel},
		{Name: "bad parameter", Status: 400, Body: graphBody("100", ""), Class: channels.ClassRejected},
		{Name: "Graph overloaded", Status: 503, Body: graphBody("2", `,"is_transient":true`), Class: channels.ClassTransient},
		{Name: "unknown code", Status: 400, Body: graphBody("777777", ""), Class: channels.ClassRejected, Code: "777777"},
		{Name: "unknown but transient", Status: 400, Body: graphBody("777777", `,"is_transient":true`), Class: channels.ClassTransient},
		{Name: "unknown on 500", Status: 500, Body: graphBody("777777", ""), Class: channels.ClassTransient},
		{Name: "unknown on 429", Status: 429, Body: graphBody("777777", ""), Class: channels.ClassThrottled, Scope: channels.ScopeChannel},
		{Name: "code as text", Status: 400, Body: `{"error":{"code":"131047"}}`, Class: channels.ClassRejected, Code: "131047"},
		{Name: "gateway page", Status: 502, Body: "<html>Bad gateway", Class: channels.ClassUncertain, Code: "http_502"},
		{Name: "proxy limit", Status: 429, Header: http.Header{"Retry-After": {"3"}}, Body: "slow down", Class: channels.ClassThrottled, Scope: channels.ScopeChannel, RetryAfter: 3 * time.Second},
		{Name: "wrong address", Status: 404, Body: "<html>Not found", Class: channels.ClassChannel},
		{Name: "redirect", Status: 301, Body: "", Class: channels.ClassChannel},
		{Name: "good status, no JSON", Status: 200, Body: "OK", Class: channels.ClassUncertain},
		{Name: "good status, no id", Status: 200, Body: `{"messaging_product":"whatsapp","messages":[]}`, Class: channels.ClassUncertain},
		{Name: "endless answer", Status: 200, Body: `{"messages":"` + strings.Repeat("x", maxAnswer), Class: channels.ClassUncertain},
	})
}

// Ensure documented error bodies map to a class on purpose, not by default.
func TestErrorFixtures(t *testing.T) {
	for _, file := range fixtures(t, "outbound/error") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var doc struct {
				Error struct{ Code json.RawMessage }
			}
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			code := strings.Trim(string(doc.Error.Code), `"`)
			if strings.ContainsFunc(code, func(r rune) bool { return r < '0' || r > '9' }) {
				t.Skip("a payment gateway's error")
			}
			got := (&answer{status: 400, body: data}).refusal()
			known, ok := find(code, "")
			if !ok || got.Code != code || got.Title == "" || got.Action == "" {
				t.Errorf("code %s is not in the table: %+v", code, got)
			}
			if got.Class != known.Class && code != "100" { // 100 depends on the subcode
				t.Errorf("class %s, want %s", got.Class, known.Class)
			}
		})
	}
}

// Ensure every row of the table is complete.
func TestErrorTable(t *testing.T) {
	var rows []knownError
	if err := json.Unmarshal(errorsJSON, &rows); err != nil {
		t.Fatal(err)
	}
	classes := map[channels.Class]bool{
		channels.ClassTransient: true, channels.ClassThrottled: true, channels.ClassRejected: true,
		channels.ClassRecipient: true, channels.ClassTemplate: true, channels.ClassChannel: true,
	}
	seen := map[string]bool{}
	for _, r := range rows {
		key := r.Code + "/" + r.Subcode
		if (r.Code == "") == (r.From == 0) || r.From > r.To || (r.Code != "" && seen[key]) {
			t.Errorf("row %+v: code or range", r)
		}
		seen[key] = true
		if !classes[r.Class] || r.Title == "" || !strings.HasSuffix(r.Action, ".") {
			t.Errorf("row %+v is incomplete", r)
		}
		if (r.Class == channels.ClassThrottled) != (r.Scope != "") && r.Scope.Beyond() == "" {
			t.Errorf("row %+v: a throttle has a scope, and so has what is about other messages; nothing else", r)
		}
	}
}

// recorded is a request as the provider saw it.
type recorded struct {
	method, path, auth string
	body               string
}

// provider answers every call with status and body, and records the calls.
func provider(t *testing.T, answers ...string) (*httptest.Server, *[]recorded) {
	t.Helper()
	var calls []recorded
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		calls = append(calls, recorded{r.Method, r.URL.String(), r.Header.Get("Authorization"), string(body)})
		answer := answers[min(len(calls), len(answers))-1]
		if strings.Contains(answer, `"error"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, answer) // a client that hung up is the test's affair
	}))
	t.Cleanup(srv.Close)
	return srv, &calls
}

func TestSend(t *testing.T) {
	const answer = `{"messaging_product":"whatsapp","contacts":[{"input":"+5511900000001","wa_id":"551190000001"}],"messages":[{"id":"wamid.S1"}]}`
	srv, calls := provider(t, answer)
	msg := out(apiContent(sampleContents[0]))
	msg.ReplyTo, msg.Options.IdentityKeyHash = "wamid.T1", "aGFzaA=="
	got, err := open(t, srv.URL).Send(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	want := channels.Sent{ProviderID: "wamid.S1", Recipient: []channels.Identity{
		{Kind: channels.IdentityPhone, Value: "+551190000001", Raw: "551190000001"},
	}}
	if x := got.Exchange; x == nil || x.Status != 200 || x.Response != answer || !strings.Contains(x.Request, "The parcel left") {
		t.Errorf("exchange %+v", x)
	}
	got.Exchange = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantCall := []recorded{{"POST", "/v25.0/" + testNumber + "/messages", "Bearer EAAtesttoken",
		`{"messaging_product":"whatsapp","recipient_type":"individual","to":"+351910000001","type":"text",` +
			`"context":{"message_id":"wamid.T1"},"biz_opaque_callback_data":"msg_01k00000000000000000000001",` +
			`"recipient_identity_key_hash":"aGFzaA==","text":{"preview_url":true,"body":"The parcel left at noon: https://shop.example/t/1"}}`}}
	if diff := cmp.Diff(wantCall, *calls, cmp.AllowUnexported(recorded{})); diff != "" {
		t.Error(diff)
	}
}

// Ensure a template held back counts as pending, and a user id as recipient.
func TestSendHeld(t *testing.T) {
	srv, calls := provider(t, `{"contacts":[{"input":"PT.9","user_id":"PT.9"}],"messages":[{"id":"wamid.S2","message_status":"held_for_quality_assessment"}]}`)
	msg := out(apiContent(sampleContents[len(sampleContents)-1]))
	msg.To = channels.Recipient{UserID: "PT.9"}
	got, err := open(t, srv.URL).Send(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	want := channels.Sent{
		ProviderID: "wamid.S2", Pending: true, Held: true, Metadata: map[string]string{"messageStatus": "held_for_quality_assessment"},
		Recipient: []channels.Identity{{Kind: channels.IdentityUserID, Value: "PT.9"}},
	}
	got.Exchange = nil // TestSend checks one
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if body := (*calls)[0].body; !strings.Contains(body, `"recipient":"PT.9"`) || strings.Contains(body, `"to":`) {
		t.Errorf("body %s", body)
	}
}

func TestMarkRead(t *testing.T) {
	srv, calls := provider(t, `{"success":true}`)
	if err := open(t, srv.URL).MarkRead(t.Context(), "wamid.T1", true); err != nil {
		t.Fatal(err)
	}
	const want = `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.T1","typing_indicator":{"type":"text"}}`
	if got := (*calls)[0].body; got != want {
		t.Errorf("got %s", got)
	}
}

// Ensure the app secret proof travels and stays out of errors.
func TestAppSecretProof(t *testing.T) {
	srv, calls := provider(t, `{"success":true}`)
	acct := open(t, srv.URL, func(s map[string]any) { s["useAppSecretProof"] = true })
	if err := acct.MarkRead(t.Context(), "wamid.T1", false); err != nil {
		t.Fatal(err)
	}
	proof := appSecretProof(testSecret, "EAAtesttoken")
	if !strings.HasSuffix((*calls)[0].path, "?appsecret_proof="+proof) {
		t.Errorf("path %s", (*calls)[0].path)
	}
	srv.Close()
	if err := acct.MarkRead(t.Context(), "wamid.T1", false); err == nil || strings.Contains(err.Error(), proof) {
		t.Errorf("got %v", err)
	}
}
