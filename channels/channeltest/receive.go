package channeltest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/channels"
)

// verify checks that nothing unproven passes.
func (s Suite) verify(t *testing.T, acct channels.Account) {
	body := Bodies(t)[0]
	if s.Sign == nil {
		if s.Adapter.Describe().Webhook.Signed {
			t.Error("webhooks are described as signed but the suite cannot sign")
		}
		return
	}
	if err := acct.Verify(s.Sign(body)); err != nil {
		t.Errorf("a signed request was refused: %v", err)
	}
	refuse := func(name string, req channels.Request) {
		t.Helper()
		if err := acct.Verify(req); !errors.Is(err, channels.ErrBadSignature) {
			t.Errorf("%s: got %v, want ErrBadSignature", name, err)
		}
	}
	refuse("no header", channels.Request{Header: http.Header{}, Body: body})
	refuse("nothing at all", channels.Request{})
	changed := s.Sign(body)
	changed.Body = append(bytes.Clone(body), ' ')
	refuse("a changed body", changed)
	for key, values := range s.Sign(body).Header {
		for _, v := range []string{"", values[0] + "0", "x" + values[0]} {
			req := s.Sign(body)
			req.Header.Set(key, v)
			refuse("a damaged "+key, req)
		}
	}
}

// mutations is how many damaged bodies Parse is given per golden file.
const mutations = 200

// parse checks that Parse is a pure function that survives any body.
func (s Suite) parse(t *testing.T, acct channels.Account) {
	rnd := rand.New(rand.NewPCG(1, 2)) // the same bodies each time
	for _, body := range Bodies(t) {
		given := bytes.Clone(body)
		first, err := acct.Parse(given)
		if err != nil {
			t.Fatalf("Parse: %v", err)
		}
		if !bytes.Equal(given, body) {
			t.Error("Parse changed the body")
		}
		clear(given) // the server reuses the memory of a body
		second, err := acct.Parse(body)
		if diff := cmp.Diff(first, second); diff != "" || err != nil {
			t.Errorf("Parse is not a function of the body: %v\n%s", err, diff)
		}
		Events(t, first)
		for range mutations {
			s.mutated(t, acct, mutate(rnd, body))
		}
	}
}

func (s Suite) mutated(t *testing.T, acct channels.Account, body []byte) {
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("Parse panicked: %v\nbody: %q", p, body)
		}
	}()
	events, err := acct.Parse(body)
	if err != nil && len(events) > 0 {
		t.Errorf("events beside an error: %v\nbody: %q", err, body)
	}
	Events(t, events)
}

// mutate damages a copy of body in one to three places.
func mutate(rnd *rand.Rand, body []byte) []byte {
	out := bytes.Clone(body)
	pieces := []string{"null", "{}", "[]", "0", `""`, `"x"`, "true", ",", "}", "{", "[", "]", "-1e999", "\x00", "\xff"}
	for range 1 + rnd.IntN(3) {
		if len(out) == 0 {
			return out
		}
		at := rnd.IntN(len(out))
		switch rnd.IntN(4) {
		case 0:
			out = out[:at]
		case 1:
			out[at] = byte(rnd.IntN(256))
		case 2:
			piece := pieces[rnd.IntN(len(pieces))]
			out = append(out[:at:at], append([]byte(piece), out[at:]...)...)
		default:
			end := min(len(out), at+1+rnd.IntN(20))
			out = append(out[:at:at], out[end:]...)
		}
	}
	return out
}

// Events checks what every event owes its reader. Fuzz tests call it too.
func Events(t testing.TB, events []channels.Event) {
	t.Helper()
	for _, e := range events {
		switch e.Kind {
		case channels.EventMessage:
			messageEvent(t, e)
		case channels.EventStatus:
			if e.Status == nil || (e.Status.ProviderID == "" && e.Status.AltID == "" && e.Status.MessageID == "") {
				t.Error("a status names no message")
			}
		case channels.EventChange:
			if e.Change == nil || e.Change.Type == "" || len(e.Raw) == 0 {
				t.Error("a change needs a type and its raw part")
			}
		case channels.EventInvalid:
			if e.Reason == "" || len(e.Raw) == 0 {
				t.Error("an invalid item needs a reason and its raw part")
			}
		default:
			t.Errorf("unknown kind of event %q", e.Kind)
		}
	}
}

func messageEvent(t testing.TB, e channels.Event) {
	t.Helper()
	switch m := e.Message; {
	case m == nil:
		t.Error("a message event holds no message")
	case m.ProviderID == "" || m.Content.Type == "" || len(m.From.Identities) == 0:
		t.Error("a message needs an id, a content type and somebody it is from")
	case m.Content.Type == channels.TypeUnsupported && (m.Content.Unsupported == nil || len(e.Raw) == 0):
		t.Error("unsupported content keeps its raw part")
	}
}
