package link

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
)

// TestFixtures parses real callbacks and compares the events with what a plain
// reading of the file says must come out.
func TestFixtures(t *testing.T) {
	acct := openAccount(t, nil)
	for _, folder := range []string{"mo", "dlr"} {
		t.Run(folder, func(t *testing.T) {
			for _, name := range fixtures(t, folder) {
				t.Run(filepath.Base(name), func(t *testing.T) {
					body := readFile(t, name)
					events, err := acct.Parse(body)
					if err != nil {
						t.Fatal(err)
					}
					items := itemsOf(t, body)
					if len(events) != len(items) {
						t.Fatalf("%d events for %d items", len(events), len(items))
					}
					for i, item := range items {
						compareItem(t, item, events[i])
					}
				})
			}
		})
	}
}

// itemsOf reads a body without the adapter: one object, or an array of them.
func itemsOf(t *testing.T, body []byte) []map[string]any {
	t.Helper()
	var items []map[string]any
	if json.Unmarshal(body, &items) == nil {
		return items
	}
	var item map[string]any
	if err := json.Unmarshal(body, &item); err != nil {
		t.Fatal(err)
	}
	return []map[string]any{item}
}

func compareItem(t *testing.T, item map[string]any, e channels.Event) {
	t.Helper()
	if _, isMessage := item["content"]; isMessage {
		compareMessage(t, item, e)
		return
	}
	if _, isStatus := item["resultCode"]; isStatus {
		compareStatus(t, item, e)
		return
	}
	if e.Kind != channels.EventChange || len(e.Raw) == 0 {
		t.Errorf("kind %q, raw %d bytes; want a change with raw", e.Kind, len(e.Raw))
	}
}

func compareMessage(t *testing.T, item map[string]any, e channels.Event) {
	t.Helper()
	if e.Kind != channels.EventMessage {
		t.Fatalf("kind %q (%s), want message", e.Kind, e.Reason)
	}
	m := e.Message
	if m.ProviderID != str(item, "messageId") || m.Metadata["waMessageId"] != str(item, "providerMessageId") {
		t.Errorf("ids %q and %q differ from the file", m.ProviderID, m.Metadata["waMessageId"])
	}
	if len(m.From.Identities) == 0 || m.At.IsZero() {
		t.Error("no identity or no time")
	}
	if source := str(item, "source"); source != "" && m.From.Identities[0].Value != "+"+strings.TrimPrefix(source, "+") {
		t.Errorf("identity %q, want the number %q", m.From.Identities[0].Value, source)
	}
	message, _ := item["content"].(map[string]any)["message"].(map[string]any)
	if want := expectedType(message); m.Content.Type != want {
		t.Errorf("content type %q, want %q", m.Content.Type, want)
	}
	if m.Content.Type == channels.TypeUnsupported && (len(e.Raw) == 0 || len(m.Content.Unsupported.Raw) == 0) {
		t.Error("unsupported content lost its raw part")
	}
	quoted, _ := message["context"].(map[string]any)
	want := str(quoted, "id") + str(quoted, "messageId")
	if r := m.Content.Reaction; r != nil {
		if r.MessageID != want || r.Emoji != str(message, "emoji") {
			t.Errorf("reaction %+v, want %q on %q", r, message["emoji"], want)
		}
	} else if want != "" && (m.Context == nil || m.Context.MessageID != want) {
		t.Errorf("context %+v, want %q", m.Context, want)
	}
}

// expectedType reads contentType and its member as the document describes them.
func expectedType(message map[string]any) string {
	media, _ := message["media"].(map[string]any)
	interactive, _ := message["interactive"].(map[string]any)
	switch str(message, "contentType") {
	case "TEXT":
		return "text"
	case "BUTTON":
		return "button_reply"
	case "ORDER":
		return "order"
	case "REACTION":
		return "reaction"
	case "LOCATION":
		return "location"
	case "MEDIA":
		kind := strings.SplitN(str(media, "type"), "/", 2)[0]
		switch {
		case str(media, "type") == "image/webp":
			return "sticker"
		case kind == "image" || kind == "audio" || kind == "video":
			return kind
		}
		return "document"
	case "INTERACTIVE":
		switch strings.ToLower(strings.ReplaceAll(str(interactive, "type"), "_", "")) {
		case "buttonreply":
			return "button_reply"
		case "listreply":
			return "list_reply"
		case "nfmreply":
			return "flow_reply"
		}
	}
	return "unsupported"
}

// expectedStatus is the result code table, written down a second time.
var expectedStatus = map[string]channels.Status{
	"112001": channels.StatusNoted, "112004": channels.StatusNoted, "112005": channels.StatusNoted,
	"112002": channels.StatusSent, "112006": channels.StatusSent, "112003": channels.StatusDelivered,
	"112007": channels.StatusRead, "112008": channels.StatusDeleted,
	"12409": channels.StatusTrackingLost, "112409": channels.StatusTrackingLost,
	"112000": channels.StatusFailed, "112400": channels.StatusFailed, "112401": channels.StatusFailed,
	"112402": channels.StatusFailed, "112403": channels.StatusFailed, "112404": channels.StatusFailed,
	"112405": channels.StatusFailed, "112406": channels.StatusFailed, "112408": channels.StatusFailed,
	"112500": channels.StatusFailed,
}

func compareStatus(t *testing.T, item map[string]any, e channels.Event) {
	t.Helper()
	if e.Kind != channels.EventStatus {
		t.Fatalf("kind %q (%s), want status", e.Kind, e.Reason)
	}
	code := str(item, "resultCode")
	want, known := expectedStatus[code]
	if !known {
		want = channels.StatusUnknown
	}
	s := e.Status
	if s.Status != want || s.Provider != code {
		t.Errorf("status %q of %q, want %q of %q", s.Status, s.Provider, want, code)
	}
	if s.ProviderID != strings.TrimSpace(str(item, "messageId")) || s.MessageID != str(item, "refId") {
		t.Errorf("ids %q and %q differ from the file", s.ProviderID, s.MessageID)
	}
	parameters, _ := item["customParameters"].(map[string]any)
	if s.AltID != str(parameters, "waMessageId") {
		t.Errorf("alternative id %q, want %q", s.AltID, parameters["waMessageId"])
	}
	if s.At.IsZero() {
		t.Error("no time")
	}
	if failed := want == channels.StatusFailed; failed != (s.Error != nil) {
		t.Errorf("error %+v with status %q", s.Error, want)
	}
}

// str reads a text or a number.
func str(m map[string]any, key string) string {
	switch v := m[key].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
