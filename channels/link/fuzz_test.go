package link

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/linktor/linktor/channels"
	"golang.org/x/tools/txtar"
)

// FuzzParse checks that no body makes Parse panic, that events never come beside
// an error, that each is complete, and that they are storable as JSON.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range txtar.Parse(data).Files {
			if part.Name == "body.json" {
				f.Add(part.Data)
			}
		}
	}
	for _, body := range []string{
		`[]`, `[[]]`, `{"":""}`, `{"content":{"message":{}}}`, `{"resultCode":"\ud800"}`, `{"\\":"\"","content":null}`,
		"{\"content\":{\"message\":{\"contentType\":\"TEXT\",\"text\":\"\xff\"}},\"messageId\":1,\"source\":1}",
	} {
		f.Add([]byte(body))
	}
	acct := openAccount(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := acct.Parse(body)
		if err != nil && len(events) != 0 {
			t.Fatal("events beside an error")
		}
		for _, e := range events {
			checkEvent(t, e)
		}
		if _, err := json.Marshal(events); err != nil {
			t.Fatalf("events are not storable: %v", err)
		}
	})
}

func checkEvent(t *testing.T, e channels.Event) {
	switch e.Kind {
	case channels.EventMessage:
		if e.Message.ProviderID == "" || len(e.Message.From.Identities) == 0 || e.Message.Content.Type == "" {
			t.Fatalf("incomplete message %+v", e.Message)
		}
		if e.Message.Content.Type == channels.TypeUnsupported && len(e.Raw) == 0 {
			t.Fatal("unsupported content without raw")
		}
	case channels.EventStatus:
		if e.Status.Status == "" || e.Status.ProviderID == "" && e.Status.MessageID == "" {
			t.Fatalf("incomplete status %+v", e.Status)
		}
	case channels.EventChange, channels.EventInvalid:
		if len(e.Raw) == 0 {
			t.Fatalf("%s without raw", e.Kind)
		}
	default:
		t.Fatalf("kind %q", e.Kind)
	}
}
