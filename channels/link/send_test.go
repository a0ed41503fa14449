package link

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
)

const secretText = "the customer's own words"

func textMessage() channels.Outbound {
	return channels.Outbound{
		MessageID: "msg_01h455vb4pex5vsknk084sn02q",
		To:        channels.Recipient{Phone: "+46700000002"},
		Content:   channels.Content{Type: channels.TypeText, Text: secretText},
	}
}

// provider answers every call with one answer.
func provider(t *testing.T, status int, header map[string]string, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func sendError(t *testing.T, err error) *channels.SendError {
	t.Helper()
	e, ok := errors.AsType[*channels.SendError](err)
	if !ok {
		t.Fatalf("error is %T (%v), want *channels.SendError", err, err)
	}
	for _, secret := range []string{"wörd", "linkuser", secretText, "46700000002"} {
		if strings.Contains(err.Error(), secret) || e.Err != nil && strings.Contains(e.Err.Error(), secret) {
			t.Errorf("the error tells %q: %v", secret, err)
		}
	}
	return e
}

// Ensure a message is written with Basic auth, our reference, and one recipient.
func TestSend(t *testing.T) {
	var got *http.Request
	var body map[string]any
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"resultCode":112001,"description":"queued","messageIds":[" 1aQueued "]}`)
	}))
	defer srv.Close()
	acct := openAccount(t, map[string]any{
		"baseUrl": srv.URL + "/whatsapp-message/", "extraHeaders": map[string]string{"X-Site": "north"}, "apiKey": "key-1",
		"logMessageContent": true,
	})
	out := textMessage()
	out.ValidUntil = time.Now().Add(time.Hour)
	out.Options = channels.Options{Priority: "HIGH", Gates: []string{"g9"}, CustomParameters: map[string]string{"order": "7"}}

	sent, err := acct.Send(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	if sent.ProviderID != "1aQueued" || !sent.Pending {
		t.Errorf("sent %+v, want the id, pending", sent)
	}
	if got.Method != http.MethodPost || got.URL.Path != "/whatsapp-message/messages" {
		t.Errorf("called %s %s", got.Method, got.URL.Path)
	}
	// The same user, password and header as in RFC 7617's UTF-8 form.
	for name, want := range map[string]string{
		"Authorization": "Basic bGlua3VzZXI6cEBzczp3w7ZyZA==", "X-Site": "north", "X-Api-Key": "key-1",
		"Content-Type": "application/json; charset=utf-8",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("header %s: got %q, want %q", name, got.Header.Get(name), want)
		}
	}
	for key, want := range map[string]string{
		"refId": out.MessageID, "priority": "HIGH", "source": "+46700000001", "platformId": "PLATFORM",
		"absoluteValidityTime": out.ValidUntil.UTC().Format(time.RFC3339),
	} {
		if str(body, key) != want {
			t.Errorf("%s: got %q, want %q", key, str(body, key), want)
		}
	}
	parameters, _ := body["customParameters"].(map[string]any)
	if parameters["order"] != "7" || parameters[paramLogContent] != "true" {
		t.Errorf("customParameters %v", parameters)
	}
	if len(out.Options.CustomParameters) != 1 {
		t.Error("Send changed the caller's parameters")
	}
}

// Ensure no more of an answer is read than its limit.
func TestSendHugeAnswer(t *testing.T) {
	body := strings.Repeat(" ", maxAnswer) + `{"resultCode":112001,"messageIds":["x"]}`
	_, err := openAccount(t, map[string]any{"baseUrl": provider(t, 200, nil, body)}).Send(t.Context(), textMessage())
	if e := sendError(t, err); e.Class != channels.ClassUncertain {
		t.Errorf("class %s, want uncertain", e.Class)
	}
}

// TestResponseFixtures reads the document's answers.
func TestResponseFixtures(t *testing.T) {
	want := map[string]channels.Class{
		"error-400.json": channels.ClassRejected, "error-401.json": channels.ClassChannel,
		"error-403.json": channels.ClassChannel, "error-500.json": channels.ClassTransient,
	}
	statuses := map[string]int{"error-400.json": 400, "error-401.json": 401, "error-403.json": 403, "error-500.json": 500}
	for _, file := range fixtures(t, "response") {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			body := readFile(t, file)
			status, failed := statuses[name]
			if !failed {
				status = 200
			}
			sent, err := readAcceptance(answer{status: status, body: body})
			if failed {
				if e := sendError(t, err); e.Class != want[name] {
					t.Errorf("class %s, want %s", e.Class, want[name])
				}
				return
			}
			var m struct{ MessageIDs []string }
			if err := json.Unmarshal(body, &m); err != nil {
				t.Fatal(err)
			}
			if err != nil || sent.ProviderID != m.MessageIDs[0] {
				t.Errorf("sent %+v, %v; want id %s", sent, err, m.MessageIDs[0])
			}
		})
	}
}

// Ensure a failure before the request left is told apart from one after it.
func TestTransport(t *testing.T) {
	t.Run("refused connection", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, err = openAccount(t, map[string]any{"baseUrl": "http://" + l.Addr().String()}).Send(t.Context(), textMessage())
		if e := sendError(t, err); e.Class != channels.ClassNotSent {
			t.Errorf("class %s, want not_sent", e.Class)
		}
	})
	t.Run("cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := openAccount(t, map[string]any{"baseUrl": provider(t, 200, nil, "")}).Send(ctx, textMessage())
		if e := sendError(t, err); e.Class != channels.ClassNotSent || !errors.Is(err, context.Canceled) {
			t.Errorf("class %s (%v), want not_sent for the cancelled context", e.Class, e.Err)
		}
	})
	t.Run("connection closed without an answer", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		defer srv.Close()
		_, err := openAccount(t, map[string]any{"baseUrl": srv.URL}).Send(t.Context(), textMessage())
		if e := sendError(t, err); e.Class != channels.ClassUncertain {
			t.Errorf("class %s, want uncertain", e.Class)
		}
	})
	t.Run("deadline while waiting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			cancel() // the request has arrived
			<-r.Context().Done()
		}))
		defer srv.Close()
		_, err := openAccount(t, map[string]any{"baseUrl": srv.URL}).Send(ctx, textMessage())
		if e := sendError(t, err); e.Class != channels.ClassUncertain {
			t.Errorf("class %s, want uncertain", e.Class)
		}
	})
	t.Run("no client", func(t *testing.T) {
		acct, err := Adapter{}.Open(settingsJSON(t, nil), channels.Env{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = acct.Send(t.Context(), textMessage())
		if e := sendError(t, err); e.Class != channels.ClassNotSent {
			t.Errorf("class %s, want not_sent", e.Class)
		}
	})
}

// Ensure nothing is sent after its validity, without an address, or unchecked.
func TestSendRefusals(t *testing.T) {
	acct := openAccount(t, map[string]any{"baseUrl": "http://127.0.0.1:1"})
	late := textMessage()
	late.ValidUntil = time.Now().Add(-time.Second)
	stored := textMessage()
	stored.Content = channels.Content{Type: channels.TypeImage, Image: &channels.Media{MediaID: "med_1"}}
	empty := textMessage()
	empty.Content.Text = ""
	for code, out := range map[string]channels.Outbound{"expired": late, "media_unresolved": stored, "invalid": empty} {
		want := channels.ClassRejected
		if code == "expired" {
			want = channels.ClassNotSent // whether it has is the engine's to say
		}
		_, err := acct.Send(t.Context(), out)
		if e := sendError(t, err); e.Code != code || e.Class != want {
			t.Errorf("got %s %s, want %s %s", e.Class, e.Code, want, code)
		}
	}
}

func TestRelativeValidity(t *testing.T) {
	acct := baseAccount(openAccount(t, map[string]any{"validityStyle": "relative"}))
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	out := textMessage()
	out.ValidUntil = now.Add(90 * time.Second)
	req := acct.request(out, now)
	if req.RelativeValidityTime != 90_000 || req.AbsoluteValidityTime != "" {
		t.Errorf("validity %d ms, %q; want 90000 ms only", req.RelativeValidityTime, req.AbsoluteValidityTime)
	}
}
