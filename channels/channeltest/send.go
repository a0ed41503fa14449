package channeltest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
)

// check tests that what Describe promises passes and the rest is refused.
func (s Suite) check(t *testing.T, acct channels.Account) {
	d := s.Adapter.Describe()
	seen := map[string]bool{}
	for _, out := range s.Outbound {
		seen[out.Content.Type] = true
		if err := acct.Check(out); err != nil {
			t.Errorf("%s was refused: %v", out.Content.Type, err)
		}
	}
	for _, c := range d.Contents {
		if !seen[c] {
			t.Errorf("the suite holds no %s", c)
		}
	}
	to := s.Outbound[0].To
	for _, c := range append(slices.Clone(sendable), channels.TypeOrder, channels.TypeSystem, "hologram", "") {
		if c == channels.TypeText { // the empty one is below
			continue
		}
		refused(t, acct, channels.Outbound{MessageID: "msg_0", To: to, Content: channels.Content{Type: c}})
	}
	refused(t, acct, channels.Outbound{MessageID: "msg_0", To: to, Content: channels.Content{Type: channels.TypeText}})
	nobody := s.Outbound[0]
	nobody.To = channels.Recipient{}
	refused(t, acct, nobody)
}

func refused(t *testing.T, acct channels.Account, out channels.Outbound) {
	t.Helper()
	err := acct.Check(out)
	bad, ok := errors.AsType[*channels.Invalid](err)
	if !ok || len(bad.Problems) == 0 {
		t.Errorf("content type %q to %v was not refused: %v", out.Content.Type, out.To != channels.Recipient{}, err)
		return
	}
	for _, p := range bad.Problems {
		if !strings.HasPrefix(p.Pointer, "/") || p.Code == "" || p.Message == "" {
			t.Errorf("problem %+v is incomplete", p)
		}
	}
}

// notSent checks that a call which never left is known to be one.
func (s Suite) notSent(t *testing.T, acct channels.Account) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := acct.Send(ctx, s.Outbound[0])
	_ = class(t, err, channels.ClassNotSent)
	_, err = acct.Send(context.Background(), s.Outbound[0]) // nothing listens on port 1
	_ = class(t, err, channels.ClassNotSent)
}

func class(t testing.TB, err error, want channels.Class) *channels.SendError {
	t.Helper()
	e, ok := errors.AsType[*channels.SendError](err)
	if !ok {
		t.Fatalf("got %v, want a SendError of class %s", err, want)
	}
	if e.Class != want {
		t.Errorf("class %s (code %s), want %s", e.Class, e.Code, want)
	}
	if e.Code == "" || e.Title == "" || e.Action == "" {
		t.Errorf("%+v does not say what happened and what to do", e)
	}
	return e
}

// SendCase is an answer of the provider and what it means.
type SendCase struct {
	Name   string
	Status int
	Header http.Header
	Body   string

	Class      channels.Class
	Code       string // not compared if empty
	Scope      channels.Scope
	RetryAfter time.Duration
}

// SendErrors gives each answer to a send. No error may quote a secret setting or
// the message.
func SendErrors(t *testing.T, s Suite, cases []SendCase) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // the answer is the point
				for k, v := range c.Header {
					w.Header()[k] = v
				}
				w.WriteHeader(c.Status)
				_, _ = io.WriteString(w, c.Body) // the client may be gone
			}))
			defer srv.Close()
			_, err := s.Open(t, srv.URL).Send(context.Background(), s.Outbound[0])
			e := class(t, err, c.Class)
			if c.Code != "" && e.Code != c.Code {
				t.Errorf("code %q, want %q", e.Code, c.Code)
			}
			if e.Scope != c.Scope || e.RetryAfter != c.RetryAfter || e.HTTPStatus != c.Status {
				t.Errorf("scope %q, retry after %v, status %d", e.Scope, e.RetryAfter, e.HTTPStatus)
			}
			s.secrets(t, err)
		})
	}
}

func (s Suite) secrets(t testing.TB, err error) {
	t.Helper()
	words := []string{s.Outbound[0].Content.Text, s.Outbound[0].To.Phone}
	for _, f := range s.Adapter.Describe().Settings {
		if v, ok := s.Settings[f.Key].(string); ok && f.Secret() {
			words = append(words, v)
		}
	}
	for _, w := range words {
		if w != "" && strings.Contains(err.Error(), w) {
			t.Errorf("the error quotes a secret or the message: %v", err)
		}
	}
}

// Broken starts a provider that reads a request and hangs up, and checks that
// the outcome counts as unknown.
func Broken(t *testing.T, s Suite) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the client has written everything
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close() // hanging up is the point
	}))
	defer srv.Close()
	sent, err := s.Open(t, srv.URL).Send(context.Background(), s.Outbound[0])
	_ = class(t, err, channels.ClassUncertain)
	s.secrets(t, err)
	if x := record(t, sent, err); x.Error == "" || x.Status != 0 || x.Request == "" {
		t.Errorf("%+v does not tell that no answer came", *x)
	}
}
