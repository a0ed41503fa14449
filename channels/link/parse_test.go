package link

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
)

// parseOne parses a body that must hold one item.
func parseOne(t *testing.T, body string) channels.Event {
	t.Helper()
	events, err := openAccount(t, nil).Parse([]byte(body))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if len(events) != 1 {
		t.Fatalf("%d events, want 1", len(events))
	}
	return events[0]
}

// Ensure a report with the document's own slips is understood.
func TestParseSlips(t *testing.T) {
	e := parseOne(t, `{" messageId":" id1 ","ref_id":"r1","resultCode":" 112403 ","messageIndex":"-1",
		"customParameters":{" metaErrorDetails":" more than 24 hours"},
		"resultDescription":" (#131047)Re-engagement message ",
		"customParameters":{"waMessageId ":" wamid.Z9 ","attempt":2,"nested":{"a":1}},
		"customParameters":null,"timestamp":"2027-01-02T03:04:05+0100"}`)
	s := e.Status
	if s == nil {
		t.Fatalf("event %+v, want a status", e)
	}
	if s.ProviderID != "id1" || s.MessageID != "r1" || s.AltID != "wamid.Z9" || s.Provider != "112403" {
		t.Errorf("ids %+v", s)
	}
	if s.Error == nil || s.Error.Code != "131047" || s.Error.Class != channels.ClassRejected ||
		s.Error.Detail != "(#131047)Re-engagement message: more than 24 hours" {
		t.Errorf("error %+v", s.Error)
	}
	if want := time.Date(2027, 1, 2, 2, 4, 5, 0, time.UTC); !s.At.Equal(want) {
		t.Errorf("time %s, want %s", s.At, want)
	}
	if s.Metadata["messageIndex"] != "-1" || s.Metadata["custom.attempt"] != "2" || s.Metadata["custom.nested"] != `{"a":1}` {
		t.Errorf("metadata %v", s.Metadata)
	}
}

// Ensure the error of a failed report is Meta's wherever it stands.
func TestParseMetaCodes(t *testing.T) {
	for _, tt := range []struct {
		code, description, details string
		want                       string
		class                      channels.Class
	}{
		{"112403", "(#131026) Message undeliverable", "", "131026", channels.ClassRecipient},
		{"112403", "Message failed", "131049: held back", "131049", channels.ClassRecipient},
		{"112406", "(#132001) no template", "", "132001", channels.ClassTemplate},
		{"112406", "(#131056) pair", "", "131056", channels.ClassThrottled},
		{"112406", "(#190) token", "", "190", channels.ClassChannel},
		{"112406", "(#213) permission", "", "213", channels.ClassChannel},
		{"112406", "(#999999) new", "", "999999", channels.ClassRejected},
		{"112403", "not delivered", "", "112403", channels.ClassRejected},
		{"112404", "Invalid contact", "", "112404", channels.ClassRecipient},
		{"112405", "Failed authentication", "", "112405", channels.ClassChannel},
		{"112408", "System error", "", "112408", channels.ClassTransient},
		{"112403", strings.Repeat("å", 1200), "", "112403", channels.ClassRejected},
	} {
		e := parseOne(t, `{"messageId":"id1","resultCode":`+tt.code+`,"resultDescription":"`+tt.description+
			`","customParameters":{"metaErrorDetails":"`+tt.details+`"}}`)
		got := e.Status.Error
		if got == nil || got.Code != tt.want || got.Class != tt.class {
			t.Errorf("%s %.30s: error %+v, want %s %s", tt.code, tt.description, got, tt.want, tt.class)
		} else if n := len([]rune(got.Detail)); n > maxDetail {
			t.Errorf("detail has %d characters", n)
		}
	}
}

// Ensure a bad item of a batch is isolated.
func TestParseBatch(t *testing.T) {
	body := `[{"messageId":"a","resultCode":112003},7,{"messageId":{"x":1},"resultCode":112003},{"resultCode":112003},
		{"messageId":"m","source":"46700000002","content":[]},{"messageId":"m","source":"46700000002","content":{"message":"x"}},
		{"source":"46700000002","content":{"message":{}}},{"messageId":"m","content":{"message":{}}},
		{"messageId":"b","resultCode":[1]},{"hello":"world"},{"messageId":"c","resultCode":112007}]`
	events, err := openAccount(t, nil).Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		kind   channels.EventKind
		reason string
	}{
		{channels.EventStatus, ""}, {channels.EventInvalid, "item: want an object, got number"},
		{channels.EventInvalid, "messageId: unexpected object"}, {channels.EventInvalid, "messageId: missing, and refId too"},
		{channels.EventInvalid, "content: want an object with message"}, {channels.EventInvalid, "content.message: want an object"},
		{channels.EventInvalid, "messageId: missing"}, {channels.EventInvalid, "source: missing, and no user id either"},
		{channels.EventInvalid, "resultCode: want a number"}, {channels.EventChange, ""}, {channels.EventStatus, ""},
	}
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d", len(events), len(want))
	}
	for i, w := range want {
		if events[i].Kind != w.kind || events[i].Reason != w.reason {
			t.Errorf("item %d: %s %q, want %s %q", i, events[i].Kind, events[i].Reason, w.kind, w.reason)
		}
		if (w.kind == channels.EventInvalid || w.kind == channels.EventChange) && len(events[i].Raw) == 0 {
			t.Errorf("item %d lost its raw part", i)
		}
	}
}

func TestParseNotJSON(t *testing.T) {
	acct := openAccount(t, nil)
	for body, offset := range map[string]int64{``: 0, `{"messageId":}`: 14, `{"a":1} x`: 9, `<xml>`: 1} {
		events, err := acct.Parse([]byte(body))
		bad, ok := errors.AsType[*channels.SyntaxError](err)
		if !ok || bad.Offset != offset || len(events) != 0 {
			t.Errorf("%q: %v (%T), %d events; want a syntax error at %d", body, err, err, len(events), offset)
		}
	}
	for _, body := range []string{`7`, `null`, `"text"`, `true`} {
		if events, err := acct.Parse([]byte(body)); err == nil || len(events) != 0 {
			t.Errorf("%s was accepted", body)
		}
	}
	if events, err := acct.Parse([]byte(`[]`)); err != nil || len(events) != 0 {
		t.Errorf("empty list: %d events, %v", len(events), err)
	}
}

// message wraps content.message into an MO.
func message(m string) string {
	return `{"messageId":"m1","source":"+46700000002","content":{"type":"WHATSAPP","message":` + m + `}}`
}

// Ensure content that is malformed or new is kept, not dropped.
func TestParseUnsupported(t *testing.T) {
	for m, kind := range map[string]string{
		`{"contentType":"TEXT"}`:                                                              "TEXT",
		`{"contentType":"TEXT","text":{"body":"x"}}`:                                          "TEXT",
		`{"contentType":"MEDIA","media":{"type":"image/png"}}`:                                "MEDIA",
		`{"contentType":"MEDIA"}`:                                                             "MEDIA",
		`{"contentType":"REACTION","emoji":"👍"}`:                                              "REACTION",
		`{"contentType":"LOCATION","location":{"latitude":1}}`:                                "LOCATION",
		`{"contentType":"INTERACTIVE","interactive":{"type":"cta_url"}}`:                      "INTERACTIVE.cta_url",
		`{"contentType":"INTERACTIVE","interactive":{"type":"list_reply","list_reply":null}}`: "INTERACTIVE.list_reply",
		`{"contentType":"POLL","poll_options":["a"]}`:                                         "POLL",
		`{"text":"no type"}`:                                                                  "unknown",
		`{"contentType":[]}`:                                                                  "unknown",
		`{"contentType":"ORDER","order":{"product_items":"x"}}`:                               "ORDER",
	} {
		e := parseOne(t, message(m))
		if e.Kind != channels.EventMessage || e.Message.Content.Type != channels.TypeUnsupported {
			t.Errorf("%s: %+v, want unsupported", m, e)
			continue
		}
		if u := e.Message.Content.Unsupported; u.Kind != kind || string(u.Raw) != m || len(e.Raw) == 0 {
			t.Errorf("%s: kind %q raw %s", m, u.Kind, u.Raw)
		}
	}
}

// Ensure a taken-back reaction, a removed emoji, is a reaction with none.
func TestParseReactionRemoved(t *testing.T) {
	e := parseOne(t, message(`{"contentType":"REACTION","context":{"id":"wamid.Q"}}`))
	if r := e.Message.Content.Reaction; r == nil || r.Emoji != "" || r.MessageID != "wamid.Q" || e.Message.Context != nil {
		t.Errorf("message %+v", e.Message)
	}
}

func TestParseIdentities(t *testing.T) {
	for _, tt := range []struct{ item, kind, value string }{
		{`"source":"46 70-000 00 02"`, "phone", "+46700000002"},
		{`"source":"0046700000002"`, "phone", "+46700000002"},
		{`"source":46700000002`, "phone", "+46700000002"},
		{`"source":"SE.77001122","customParameters":{"whatsappUserId":"SE.77001122"}`, "user_id", "SE.77001122"},
		{`"source":null,"customParameters":{"whatsappUserId":"SE.77001122"}`, "user_id", "SE.77001122"},
	} {
		e := parseOne(t, `{`+tt.item+`,"messageId":"m1","content":{"message":{"contentType":"TEXT","text":""}}}`)
		if e.Message == nil || len(e.Message.From.Identities) != 1 {
			t.Fatalf("%s: %+v", tt.item, e)
		}
		if id := e.Message.From.Identities[0]; string(id.Kind) != tt.kind || id.Value != tt.value {
			t.Errorf("%s: %+v", tt.item, id)
		}
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, s := range []text{
		"2027-03-04T05:06:07Z", "2027-03-04T06:06:07+01:00", "2027-03-04T06:06:07+0100", "2027-03-04T05:06:07",
		"2027-03-04 05:06:07", "1804136767", "1804136767000",
	} {
		if got := parseTime(s); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
	for _, s := range []text{"", "soon", "-5", "99999999999999999"} {
		if got := parseTime(s); !got.IsZero() {
			t.Errorf("%s: %s, want no time", s, got)
		}
	}
}

// Ensure broken UTF-8 becomes storable text.
func TestParseBadUTF8(t *testing.T) {
	e := parseOne(t, message("{\"contentType\":\"TEXT\",\"text\":\"a\xffb\"}"))
	if e.Message.Content.Text != "a\uFFFDb" {
		t.Errorf("text %q", e.Message.Content.Text)
	}
}

func TestFoldKeys(t *testing.T) {
	for in, want := range map[string]string{
		`{" list_reply ":{"a_b":"c_d","e":["f_g",{"h_i":1}]}}`: `{"listreply":{"ab":"c_d","e":["f_g",{"hi":1}]}}`,
		`{"a_\"b" : "x\\" , "c":"\"y_\":"}`:                    `{"a\"b" : "x\\" , "c":"\"y_\":"}`,
	} {
		if got := string(foldKeys([]byte(in), everyDepth)); got != want {
			t.Errorf("fold %s\n got %s\nwant %s", in, got, want)
		}
	}
	if got := string(foldKeys([]byte(`{"a_b":{"c_d":1}}`), 1)); got != `{"ab":{"c_d":1}}` {
		t.Errorf("fold one level: %s", got)
	}
}
