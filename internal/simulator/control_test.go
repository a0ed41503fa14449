package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestControlInboundAndStatus(t *testing.T) {
	w := newWorld(t, nil)
	status, v := w.call("POST", "/simulator/api/inbound", `{"channel":"whatsapp","persona":"Ada","type":"text","text":"Hi there"}`)
	if status != 200 || v["channel"] != testNumber {
		t.Fatalf("got %d %v", status, v)
	}
	if got := at(t, w.value(), "messages", 0, "id"); got != v["id"] {
		t.Errorf("got %v; want %v", got, v["id"])
	}
	w.call("POST", "/simulator/api/behaviour", `{"automatic":false}`)
	_, sent := w.send(ada, hello)
	id := at(t, sent, "messages", 0, "id").(string)
	if status, v := w.call("POST", "/simulator/api/status", `{"messageId":"`+id+`","status":"failed","errorCode":131053}`); status != 200 {
		t.Fatalf("got %d %v", status, v)
	}
	if got := at(t, w.value(), "statuses", 0, "errors", 0, "code"); got != 131053.0 {
		t.Errorf("got %v", got)
	}
	_, chat := w.call("GET", "/simulator/api/chat?channel="+testNumber+"&persona=ada", "")
	if got := at(t, chat, "data", 0, "messages", 1).(map[string]any); got["status"] != "failed" || got["errorCode"] != 131053.0 {
		t.Errorf("got %v", got)
	}
}

func TestControlRefusals(t *testing.T) {
	w := newWorld(t, nil)
	for path, body := range map[string]string{
		"inbound":   `{"persona":"nobody at all"}`,
		"status":    `{"messageId":"x","status":"read"}`,
		"behaviour": `{"statuses":"odd"}`,
		"webhook":   `{"channel":"link","field":"x","value":{}}`,
		"load":      `{"ratePerSecond":1000000,"seconds":1}`,
		"template":  `{"name":"none","language":"en"}`,
		"persona":   `{"id":"x"}`,
		"open":      `{"channel":"none"}`,
	} {
		if status, v := w.call("POST", "/simulator/api/"+path, body); status != 422 || v["error"] == "" {
			t.Errorf("%s: got %d %v", path, status, v)
		}
	}
	evil := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if status, _ := w.call("POST", "/simulator/api/inbound", `{}`, evil); status != 403 {
		t.Errorf("another site got %d", status)
	}
}

// The state never shows a secret, nor a callback URL, which holds one.
func TestStateHidesSecrets(t *testing.T) {
	w := newWorld(t, nil)
	_, raw := w.get(w.url + "/simulator/api/state")
	for _, secret := range []string{testToken, testSecret, "verify-me", "linkpass", "keeper", "/link", "/wa"} {
		if strings.Contains(string(raw), `"`+secret) || strings.Contains(string(raw), secret+`"`) {
			t.Errorf("the state shows %s", secret)
		}
	}
	var st State
	if err := json.Unmarshal(raw, &st); err != nil || len(st.Channels) != 2 || len(st.Personas) != 6 || len(st.Magic) == 0 {
		t.Errorf("got %v %+v", err, st)
	}
}

func TestUpdatesWakeTheWatcher(t *testing.T) {
	w := newWorld(t, nil)
	type result struct {
		items []Update
		next  int64
	}
	got := make(chan result, 1)
	start := w.updates.cursor()
	go func() {
		items, next, _ := w.updates.wait(t.Context(), start)
		got <- result{items, next}
	}()
	if _, err := w.Say(t.Context(), testNumber, "ada", Inbound{Text: "Hi"}); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-got:
		if len(r.items) != 1 || r.next != start+1 || r.items[0].Message.Persona != "ada" {
			t.Errorf("got %+v", r)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the watcher was not woken")
	}
	if _, _, reset := w.updates.wait(t.Context(), 999); !reset {
		t.Error("a cursor of another run was accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if items, next, reset := w.updates.wait(ctx, start+1); items != nil || next != start+1 || reset {
		t.Error("a watcher that left got something")
	}
}

func TestUpdatesAreBounded(t *testing.T) {
	u := newUpdateLog(10)
	for range 100 {
		u.add(Message{})
	}
	if len(u.items) > 20 || cap(u.items) > 64 {
		t.Errorf("%d items, room for %d", len(u.items), cap(u.items))
	}
	if _, _, reset := u.wait(t.Context(), 0); !reset {
		t.Error("the beginning is gone, but nobody said so")
	}
	if items, next, reset := u.wait(t.Context(), 95); reset || len(items) != 5 || next != 100 || items[0].Seq != 96 {
		t.Errorf("got %v %d %v", items, next, reset)
	}
}

func TestLedger(t *testing.T) {
	l := newLedger(3)
	for _, ref := range []string{"a", "b", "b", "", "c", "d"} {
		l.add(ref, "id-"+ref)
	}
	s := &Simulator{ledger: l}
	got := s.Ledger(10, true)
	if got.Accepted != 6 || got.References != 3 || got.Duplicates != 1 || got.WithoutReference != 1 || len(got.Entries) != 1 || got.Entries[0].Count != 2 {
		t.Errorf("got %+v", got)
	}
	if s.Accepted("a") != 0 || s.Accepted("d") != 1 {
		t.Error("not the oldest went")
	}
	s.ResetLedger()
	if got := s.Ledger(10, false); got.Accepted != 0 || len(got.Entries) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestLoadRun(t *testing.T) {
	w := newWorld(t, nil)
	if status, v := w.call("POST", "/simulator/api/load", `{"channel":"whatsapp","ratePerSecond":50,"seconds":1}`); status != 200 || v["wanted"] != 50.0 {
		t.Fatalf("got %d %v", status, v)
	}
	if status, _ := w.call("POST", "/simulator/api/load", `{"ratePerSecond":1,"seconds":1}`); status != 422 {
		t.Errorf("a second run got %d", status)
	}
	seen := map[string]bool{}
	for range 50 {
		seen[at(t, w.value(), "messages", 0, "text", "body").(string)] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d different messages", len(seen))
	}
}

func TestThrottling(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Behaviour.PairLimit, o.Behaviour.Statuses = true, StatusesNone })
	for i := range pairBurst {
		if status, v := w.send(ada, hello); status != 200 {
			t.Fatalf("send %d: %v", i, v)
		}
	}
	if _, v := w.send(ada, hello); errorCode(t, v) != 131056 {
		t.Errorf("got %v", v)
	}
	if got := w.State().Counters["pairLimitExceeded"]; got != 1 {
		t.Errorf("counted %d", got)
	}
	var b bucket
	now := time.Unix(0, 0)
	allowed := 0
	for range 200 {
		if b.take(now, time.Second/perSecond, perSecond) {
			allowed++
		}
	}
	if allowed != perSecond || !b.take(now.Add(time.Second/perSecond), time.Second/perSecond, perSecond) {
		t.Errorf("allowed %d at once", allowed)
	}
}

func TestPageAndItsFiles(t *testing.T) {
	w := newWorld(t, nil)
	for path, want := range map[string]string{"/simulator": "<!doctype html>", "/simulator/simulator.js": "'use strict'", "/simulator/simulator.css": ":root"} {
		if status, body := w.get(w.url + path); status != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: got %d", path, status)
		}
	}
}

func TestWebhooksByHand(t *testing.T) {
	w := newWorld(t, nil)
	w.call("POST", "/simulator/api/webhook", `{"channel":"whatsapp","field":"account_review_update","value":{"decision":"APPROVED"}}`)
	v := w.next()
	if at(t, v, "entry", 0, "changes", 0, "field") != "account_review_update" || at(t, v, "entry", 0, "time") == nil {
		t.Errorf("got %v", v)
	}
	w.SetBehaviour(Behaviour{BadSignature: true, Copies: 2})
	w.Post(testNumber, []byte(`{"object":"x"}`))
	for range 2 {
		if h := w.hook(); h.header.Get("X-Hub-Signature-256") == Sign(testSecret, h.body) || string(h.body) != `{"object":"x"}` {
			t.Errorf("got %s", h.body)
		}
	}
}
