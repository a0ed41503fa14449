package simulator

import (
	"encoding/json"
	"testing"
)

// Every kind of inbound message, on both providers: the type on the wire.
func TestInboundKinds(t *testing.T) {
	tests := []struct {
		in       Inbound
		wa, link string
	}{
		{Inbound{Text: "Hi"}, "text", "TEXT"},
		{Inbound{Type: "image"}, "image", "MEDIA"},
		{Inbound{Type: "voice"}, "audio", "MEDIA"},
		{Inbound{Type: "document"}, "document", "MEDIA"},
		{Inbound{Type: "location"}, "location", "LOCATION"},
		{Inbound{Type: "contacts"}, "contacts", "CONTACTS"},
		{Inbound{Type: "button", Title: "Yes"}, "button", "BUTTON"},
		{Inbound{Type: "button_reply"}, "interactive", "INTERACTIVE"},
		{Inbound{Type: "list_reply", Description: "d"}, "interactive", "INTERACTIVE"},
		{Inbound{Type: "flow_reply", Response: json.RawMessage(`{"a":1}`)}, "interactive", "INTERACTIVE"},
		{Inbound{Type: "order"}, "order", "ORDER"},
		{Inbound{Type: "reaction", MessageID: "wamid.A", Emoji: "👍"}, "reaction", "REACTION"},
		{Inbound{Type: "reaction", MessageID: "wamid.A"}, "reaction", "REACTION"},
		{Inbound{Type: "system"}, "system", "SYSTEM"},
		{Inbound{Type: "unsupported"}, "unsupported", "UNSUPPORTED"},
		{Inbound{Type: "edit", MessageID: "wamid.A", Text: "new"}, "edit", "EDIT"},
		{Inbound{Type: "revoke", MessageID: "wamid.A"}, "revoke", "REVOKE"},
		{Inbound{Type: "hologram", Raw: json.RawMessage(`{"depth":3}`)}, "hologram", "HOLOGRAM"},
		{Inbound{Text: "ad", Referral: json.RawMessage(`true`)}, "text", "TEXT"},
	}
	w := newWorld(t, nil)
	for _, tt := range tests {
		id, err := w.Say(t.Context(), testNumber, "Ada", tt.in)
		if err != nil {
			t.Fatal(err)
		}
		v := w.value()
		m := at(t, v, "messages", 0).(map[string]any)
		if m["type"] != tt.wa || m["id"] != id || m["from"] != "16505550101" {
			t.Errorf("%s: got %v", tt.in.Type, m)
		}
		if tt.wa != "request_welcome" && m[tt.wa] == nil {
			t.Errorf("%s: no content in %v", tt.in.Type, m)
		}
		id, err = w.Say(t.Context(), linkSource, "bjorn", tt.in)
		if err != nil {
			t.Fatal(err)
		}
		mo := w.next()
		if at(t, mo, "content", "message", "contentType") != tt.link || mo["providerMessageId"] != id || mo["source"] != "+46701740605" {
			t.Errorf("%s: got %v", tt.in.Type, mo)
		}
	}
}

func TestInboundFromUserIDOnly(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.Say(t.Context(), testNumber, "eve", Inbound{Text: "Hi"}); err != nil {
		t.Fatal(err)
	}
	v := w.value()
	m, c := at(t, v, "messages", 0).(map[string]any), at(t, v, "contacts", 0).(map[string]any)
	if m["from"] != nil || m["from_user_id"] != "US.7720463118952004417" || c["wa_id"] != nil || at(t, c, "profile", "username") != "eve.holt" {
		t.Errorf("got %v %v", m, c)
	}
	if _, err := w.Say(t.Context(), linkSource, "eve", Inbound{Text: "Hi"}); err != nil {
		t.Fatal(err)
	}
	if mo := w.next(); mo["source"] != nil || at(t, mo, "customParameters", "whatsappUserId") != "US.7720463118952004417" {
		t.Errorf("got %v", mo)
	}
}

// Ada and Björn write first; when the business answers, they answer, tap what
// can be tapped, and stop after a few lines.
func TestTheLivingConversation(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Behaviour.Replies, o.Behaviour.Statuses = true, StatusesNone })
	w.Greet(t.Context())
	for range 2 {
		v := w.next()
		if v["object"] != nil {
			if got := at(t, v, "entry", 0, "changes", 0, "value", "contacts", 0, "profile", "name"); got != "Ada" {
				t.Errorf("got %v", got)
			}
		} else if got := at(t, v, "content", "message", "text"); got != greetings["bjorn"] {
			t.Errorf("got %v", got)
		}
	}
	w.send(ada, hello)
	if got := at(t, w.value(), "messages", 0, "text", "body"); got != lines[0] {
		t.Errorf("got %v", got)
	}
	w.send(ada, `"type":"interactive","interactive":{"type":"button","body":{"text":"?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}}]}}`)
	if got := at(t, w.value(), "messages", 0, "interactive", "button_reply", "id"); got != "y" {
		t.Errorf("got %v", got)
	}
	w.send(ada, `"type":"template","template":{"name":"delivery_update","language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"Ada"},{"type":"text","parameter_name":"order_id","text":"7"}]},{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"ok-7"}]},{"type":"button","sub_type":"url","index":2,"parameters":[{"type":"text","text":"7"}]}]}`)
	if got := at(t, w.value(), "messages", 0, "button", "payload"); got != "ok-7" {
		t.Errorf("got %v", got)
	}
	w.send(ada, hello)
	if got := at(t, w.value(), "messages", 0, "text", "body"); got != lines[3] {
		t.Errorf("got %v", got)
	}
	w.send(ada, hello)
	for _, want := range lines[4:] {
		if got := at(t, w.value(), "messages", 0, "text", "body"); got != want {
			t.Errorf("got %v; want %s", got, want)
		}
	}
	w.send(ada, hello)
	if n := w.State().Counters["waiting"]; n != 0 || len(w.hooks) != 0 {
		t.Errorf("she goes on: %d waiting, %d webhooks", n, len(w.hooks))
	}
}
