package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testNumber = "309900000000001"
	testWABA   = "208800000000002"
	testToken  = "token-for-tests"
	testSecret = "secret-for-tests"
	linkSource = "+46700000001"
	ada        = "+16505550101"
)

// hook is a webhook as the server under test received it.
type hook struct {
	header http.Header
	body   []byte
}

// world is a simulator with both numbers and the server it reports to.
type world struct {
	*Simulator
	t        *testing.T
	url      string
	hooks    chan hook
	failures atomic.Int32 // how many webhooks the server will answer with 503
}

// fast keeps the order of events and loses the waiting.
func fast() Behaviour {
	b := DefaultBehaviour()
	b.SentMS, b.DeliveredMS, b.ReadMS, b.ReviewMS, b.ReplyMS, b.LateMS = 1, 2, 3, 1, 1, 5
	b.Replies = false
	return b
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, hooks: make(chan hook, 1000)}
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			if r.URL.Query().Get("hub.verify_token") == "verify-me" {
				_, _ = io.WriteString(rw, r.URL.Query().Get("hub.challenge"))
			}
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if w.failures.Add(-1) >= 0 {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		w.hooks <- hook{r.Header.Clone(), body}
	}))
	b := fast()
	mux := http.NewServeMux()
	front := httptest.NewServer(mux)
	o := Options{BaseURL: front.URL, Behaviour: &b, RetryFirst: time.Millisecond}
	if change != nil {
		change(&o)
	}
	w.Simulator, w.url = New(o), front.URL
	mux.Handle("/", w.Handler())
	mux.Handle("/simulator", w.Control())
	mux.Handle("/simulator/", w.Control())
	w.AddWhatsApp(WhatsAppNumber{
		PhoneNumberID: testNumber, WABAID: testWABA, DisplayPhone: "15550783999", Name: "Test shop", AppSecret: testSecret,
		VerifyToken: "verify-me", AccessToken: testToken, WebhookURL: receiver.URL + "/wa",
	})
	w.AddLink(LinkAccount{
		Source: linkSource, Username: "linkuser", Password: "linkpass", PlatformID: "PLATFORM", PlatformPartnerID: "4711",
		CallbackURL: receiver.URL + "/link", GateIDs: []string{"gate1"}, BasicUser: "gate", BasicPass: "keeper",
	})
	w.Start()
	t.Cleanup(func() {
		if err := w.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		front.CloseClientConnections()
		front.Close()
		receiver.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return w
}

// next is the next webhook's body, decoded.
func (w *world) next() map[string]any {
	w.t.Helper()
	v := map[string]any{}
	if err := json.Unmarshal(w.hook().body, &v); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) hook() hook {
	w.t.Helper()
	select {
	case h := <-w.hooks:
		return h
	case <-time.After(10 * time.Second):
		w.t.Fatal("no webhook came")
		return hook{}
	}
}

// value is entry[0].changes[0].value of the next webhook.
func (w *world) value() map[string]any {
	w.t.Helper()
	return at(w.t, w.next(), "entry", 0, "changes", 0, "value").(map[string]any)
}

func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch k := p.(type) {
		case string:
			v = v.(map[string]any)[k]
		case int:
			list, ok := v.([]any)
			if !ok || len(list) <= k {
				t.Fatalf("no element %v of %v", path, v)
			}
			v = list[k]
		}
	}
	return v
}

// call makes a request to the simulator and returns its status and JSON.
func (w *world) call(method, path, body string, opts ...func(*http.Request)) (int, map[string]any) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewBufferString(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	for _, o := range opts {
		o(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	v := map[string]any{}
	_ = json.Unmarshal(raw, &v) // some answers are not JSON on purpose
	return resp.StatusCode, v
}

// send posts a Cloud API message: rest is the type and its content.
func (w *world) send(to, rest string) (int, map[string]any) {
	w.t.Helper()
	return w.call("POST", "/graph/v24.0/"+testNumber+"/messages",
		`{"messaging_product":"whatsapp","to":"`+to+`","biz_opaque_callback_data":"ref-`+strconv.Quote(to)[1:3]+`",`+rest+`}`)
}

const hello = `"type":"text","text":{"body":"Hello"}`

func errorCode(t *testing.T, v map[string]any) int {
	t.Helper()
	e, ok := v["error"].(map[string]any)
	if !ok {
		t.Fatalf("no error in %v", v)
	}
	return int(e["code"].(float64))
}

// The statuses of a text: in order, signed over the raw bytes, with our
// reference, and priced.
func TestSendIsReportedAndSigned(t *testing.T) {
	w := newWorld(t, nil)
	status, v := w.send(ada, hello)
	if status != 200 || at(t, v, "contacts", 0, "wa_id") != "16505550101" {
		t.Fatalf("got %d %v", status, v)
	}
	id := at(t, v, "messages", 0, "id")
	for _, want := range []string{"sent", "delivered", "read"} {
		h := w.hook()
		if got := h.header.Get("X-Hub-Signature-256"); got != Sign(testSecret, h.body) {
			t.Errorf("signature %s does not fit", got)
		}
		var body map[string]any
		if err := json.Unmarshal(h.body, &body); err != nil {
			t.Fatal(err)
		}
		st := at(t, body, "entry", 0, "changes", 0, "value", "statuses", 0).(map[string]any)
		if st["status"] != want || st["id"] != id || st["biz_opaque_callback_data"] != "ref-+1" || st["recipient_id"] != "16505550101" {
			t.Errorf("want %s of %v, got %v", want, id, st)
		}
		if want == "sent" && at(t, st, "pricing", "category") != "service" {
			t.Errorf("no pricing in %v", st)
		}
	}
	if n := w.Accepted("ref-+1"); n != 1 {
		t.Errorf("the ledger counts %d", n)
	}
}

func TestWebhookIsRepeatedUntilAccepted(t *testing.T) {
	w := newWorld(t, nil)
	w.failures.Store(2)
	if _, err := w.Say(t.Context(), testNumber, "ada", Inbound{Text: "Hi"}); err != nil {
		t.Fatal(err)
	}
	first, second, third := w.hook(), w.hook(), w.hook()
	if !bytes.Equal(first.body, second.body) || !bytes.Equal(first.body, third.body) {
		t.Error("the repeats differ")
	}
	for w.State().Counters["webhooksDelivered"] == 0 && t.Context().Err() == nil {
		runtime.Gosched() // the answer is on its way
	}
	if c := w.State().Counters; c["webhooksDelivered"] != 1 || c["webhookErrors"] != 2 {
		t.Errorf("got %v", c)
	}
}

func TestLinkIsNotRepeated(t *testing.T) {
	w := newWorld(t, nil)
	w.failures.Store(1)
	if _, err := w.Say(t.Context(), linkSource, "bjorn", Inbound{Text: "Hej", Wait: true}); err != nil {
		t.Fatal(err)
	}
	w.hook()
	if c := w.State().Counters; c["webhooksGivenUp"] != 1 || c["waiting"] != 0 {
		t.Errorf("got %v", c)
	}
}

func TestStoppingTwiceAndBeforeStart(t *testing.T) {
	s := New(Options{})
	for range 2 {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	s.Start()
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHandshake(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.Handshake(t.Context(), testNumber); err != nil {
		t.Error(err)
	}
	n := w.line(testNumber).wa
	n.VerifyToken = "wrong"
	w.AddWhatsApp(n)
	if err := w.Handshake(t.Context(), testNumber); err == nil {
		t.Error("a wrong token passed")
	}
}
