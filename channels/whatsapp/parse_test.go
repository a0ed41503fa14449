package whatsapp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/channeltest"
)

// Ensure what is no object is refused, and broken JSON with its position.
func TestParseErrors(t *testing.T) {
	acct := open(t, "")
	for _, body := range []string{"", "{", `{"object":"whatsapp_business_account","entry":[}`, "\x00", `{"a":1}x`} {
		_, err := acct.Parse([]byte(body))
		if _, ok := errors.AsType[*channels.SyntaxError](err); !ok {
			t.Errorf("%q: got %v, want a SyntaxError", body, err)
		}
	}
	for _, body := range []string{"[]", `"x"`, "1", "null"} {
		if _, err := acct.Parse([]byte(body)); !errors.Is(err, errNotObject) {
			t.Errorf("%q: got %v", body, err)
		}
	}
	_, err := acct.Parse([]byte(`{"object": nope}`))
	if syn, ok := errors.AsType[*channels.SyntaxError](err); !ok || syn.Offset != 12 {
		t.Errorf("got %v, want byte 12", err)
	}
}

// Ensure a full batch is read whole: Meta sends up to 1,000 updates at once.
func TestParseBatch(t *testing.T) {
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprintf(`{"id":"wamid.B%d","status":"sent","timestamp":"1790000000","recipient_id":"351910000001"}`, i))
	}
	body := `{"object":"whatsapp_business_account","entry":[{"id":"` + testWABA + `","changes":[{"field":"messages","value":{"metadata":` +
		`{"phone_number_id":"` + testNumber + `"},"statuses":[` + strings.Join(items, ",") + `]}}]}]}`
	events, err := open(t, "").Parse([]byte(body))
	if err != nil || len(events) != 1000 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for i, e := range events {
		if want := fmt.Sprintf("wamid.B%d", i); e.Status == nil || e.Status.ProviderID != want {
			t.Fatalf("event %d is not %s", i, want)
		}
	}
}

// Ensure reasons of invalid items name fields and never values.
func TestReasonsHoldNoValues(t *testing.T) {
	body := `{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"messages":[` +
		`{"from":"351910000001","id":"wamid.X","type":"text","text":{"body":["my secret"]}}]}}]}]}`
	events, err := open(t, "").Parse([]byte(body))
	if err != nil || len(events) != 1 || events[0].Kind != channels.EventInvalid {
		t.Fatalf("%+v, %v", events, err)
	}
	if r := events[0].Reason; !strings.Contains(r, "text.body") || strings.Contains(r, "secret") {
		t.Errorf("reason %q", r)
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range channeltest.Bodies(f) {
		f.Add(body)
	}
	acct := open(f, "")
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := acct.Parse(body)
		if err != nil && len(events) > 0 {
			t.Error("events beside an error")
		}
		if err == nil && len(events) == 0 {
			t.Error("a body disappeared")
		}
		channeltest.Events(t, events)
	})
}
