package linktor

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestResources(t *testing.T) {
	for _, row := range slices.Concat(messageCalls(), peopleCalls(), channelCalls(), journalCalls()) {
		t.Run(row.want, func(t *testing.T) {
			f := newFake(t, func(*http.Request, int) answer {
				if row.answer == "" {
					return answer{Status: 204}
				}
				return answer{Body: fixture[json.RawMessage](t, row.answer)}
			})
			if err := row.do(t.Context(), f.client(t)); err != nil {
				t.Fatal(err)
			}
			r := f.seen[0]
			if got := strings.TrimSpace(r.Method + " " + r.RequestURI + " " + r.body); got != row.want {
				t.Errorf("asked %s", got)
			}
		})
	}
}

func TestUpload(t *testing.T) {
	f := newFake(t, func(r *http.Request, _ int) answer {
		return answer{Status: 201, Body: fixture[json.RawMessage](t, "answers/media.json")}
	})
	m, err := f.client(t).Media.Upload(t.Context(), "dot.png", "image/png", strings.NewReader("dot"))
	if err != nil || m.Size != 3 {
		t.Fatalf("got %+v, %v", m, err)
	}
	for _, part := range []string{`name="file"; filename="dot.png"`, "Content-Type: image/png\r\n\r\ndot\r\n"} {
		if !strings.Contains(f.seen[0].body, part) {
			t.Errorf("the form lacks %q", part)
		}
	}
}

// roundTrip checks that our structs keep every member of a fixture.
func roundTrip[T any](t *testing.T, file string) {
	t.Helper()
	want := fixture[any](t, file)
	b, err := json.Marshal(fixture[T](t, file))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := missing("", want, got); len(diff) > 0 {
		t.Errorf("%s: lost %v", file, diff)
	}
}

// missing lists the members of want that got lacks; more members are fine.
func missing(at string, want, got any) (lost []string) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for k, v := range w {
			lost = append(lost, missing(at+"/"+k, v, g[k])...)
		}
	case []any:
		g, _ := got.([]any)
		for i, v := range w {
			if i >= len(g) {
				return append(lost, at)
			}
			lost = append(lost, missing(at+"/-", v, g[i])...)
		}
	case string:
		g, _ := got.(string)
		if g != w && !sameTime(g, w) {
			lost = append(lost, at)
		}
	default:
		if !cmp.Equal(want, got) {
			lost = append(lost, at)
		}
	}
	return lost
}

// sameTime allows for the zeros that a time loses at its end.
func sameTime(a, b string) bool {
	x, errX := time.Parse(time.RFC3339, a)
	y, errY := time.Parse(time.RFC3339, b)
	return errX == nil && errY == nil && x.Equal(y)
}

func TestNothingIsLostInDecoding(t *testing.T) {
	roundTrip[Message](t, "answers/message.json")
	roundTrip[Message](t, "answers/message_detail.json")
	roundTrip[Message](t, "answers/message_scheduled.json")
	roundTrip[Trace](t, "answers/message_trace.json")
	roundTrip[Retried](t, "answers/message_retry.json")
	roundTrip[DeadLetter](t, "answers/dead_letter.json")
	roundTrip[DeadLettersReplayed](t, "answers/dead_letter_replay.json")
	roundTrip[Conversation](t, "answers/conversation.json")
	roundTrip[Contact](t, "answers/contact.json")
	roundTrip[struct {
		Data ChannelLimits `json:"data"`
	}](t, "answers/channel_limits.json")
	roundTrip[Channel](t, "answers/channel.json")
	roundTrip[Template](t, "answers/template.json")
	roundTrip[StoredMedia](t, "answers/media.json")
	roundTrip[JournalEntry](t, "answers/journal_entry.json")
	roundTrip[JournalReplay](t, "answers/journal_replay.json")
	roundTrip[[]Content](t, "contents.json")
	roundTrip[SendParams](t, "requests/full.json")
	for kind := range published {
		roundTrip[SendParams](t, "requests/"+kind+".json")
	}
}

func TestDecodeEvents(t *testing.T) {
	e := fixture[Event](t, "events/message.received.json")
	data, err := e.Decode()
	if m, ok := data.(*MessageReceived); !ok || err != nil || m.Content.Text != "Hi, I need help" || m.Metadata["profileName"] != "Ada L." {
		t.Errorf("got %+v, %v", data, err)
	}
	e = fixture[Event](t, "events/message.created.echo.json")
	data, err = e.Decode()
	if m, ok := data.(*MessageCreated); !ok || err != nil || !m.Echo || m.Author.Type != "phone" || m.Status != Sent {
		t.Errorf("got %+v, %v", data, err)
	}
	e = fixture[Event](t, "events/message.status.failed.json")
	data, err = e.Decode()
	if s, ok := data.(*MessageStatusChanged); !ok || err != nil || s.Status != Failed || s.Error.Code != "131047" {
		t.Errorf("got %+v, %v", data, err)
	}
	e = fixture[Event](t, "events/unknown.json")
	data, err = e.Decode()
	if raw, ok := data.(json.RawMessage); !ok || err != nil || !strings.Contains(string(raw), "degrees") {
		t.Errorf("got %+v, %v", data, err)
	}
}

func TestNothingIsLostInDecodingEvents(t *testing.T) {
	for _, name := range names(t, "events") {
		if name == "published" {
			continue // two examples in one file
		}
		e := fixture[Event](t, "events/"+name+".json")
		data, err := e.Decode()
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := errors.Join(json.Unmarshal(e.Data, &want), json.Unmarshal(b, &got)); err != nil {
			t.Fatal(err)
		}
		if diff := missing("", want, got); len(diff) > 0 {
			t.Errorf("%s: lost %v", name, diff)
		}
	}
}
