package link

import (
	"encoding/json"
	"testing"

	"github.com/linktor/linktor/channels/channeltest"
)

// FuzzParse checks that no body makes Parse panic, that events never come beside
// an error, that each is complete, and that they are storable as JSON.
func FuzzParse(f *testing.F) {
	for _, body := range channeltest.Bodies(f) {
		f.Add(body)
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
		channeltest.Events(t, events)
		if _, err := json.Marshal(events); err != nil {
			t.Fatalf("events are not storable: %v", err)
		}
	})
}
