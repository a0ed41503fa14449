package channeltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/linktor/linktor/channels"
)

// maxRetryAfter and maxDetail bound what is believed and kept of an answer.
const (
	maxRetryAfter = 24 * time.Hour
	maxDetail     = 1000 // characters
)

// answering is a transport that gives each request the same answer.
type answering struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip reads the request, as a provider does, and answers.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	return &http.Response{
		StatusCode: a.status, Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: r,
	}, nil
}

// FuzzAnswers gives every call of an account any answer. A send ends with an id or
// with a SendError whose class says what is known: an answer that makes no sense
// never counts as a delivery, and one of a broken server never as a refusal.
func FuzzAnswers(f *testing.F, s Suite) {
	f.Fuzz(func(t *testing.T, status uint16, header string, body []byte) {
		a := answering{200 + int(status)%400, http.Header{"Retry-After": {header}, "X-Business-Use-Case-Usage": {header}}, body}
		acct := s.openWith(t, &http.Client{Transport: a, CheckRedirect: noRedirect})
		out := s.Outbound[0]
		sent, err := acct.Send(t.Context(), out)
		if err == nil {
			if sent.ProviderID == "" || a.status > 299 {
				t.Errorf("answer %d counts as accepted with the id %q", a.status, sent.ProviderID)
			}
		} else {
			s.sendError(t, err, a)
		}
		s.otherCalls(t, acct)
	})
}

func (s Suite) sendError(t *testing.T, err error, a answering) {
	t.Helper()
	e, ok := errors.AsType[*channels.SendError](err)
	if !ok {
		t.Fatalf("got %T, want a SendError", err)
	}
	if e.Code == "" || e.RetryAfter < 0 || e.RetryAfter > maxRetryAfter || utf8.RuneCountInString(e.Detail) > maxDetail {
		t.Errorf("code %q, retry after %v, %d bytes of detail", e.Code, e.RetryAfter, len(e.Detail))
	}
	switch e.Class {
	case channels.ClassTransient, channels.ClassThrottled, channels.ClassUncertain, channels.ClassRejected,
		channels.ClassRecipient, channels.ClassTemplate, channels.ClassChannel:
	case channels.ClassNotSent:
		t.Error("a request that was answered counts as not sent")
	default:
		t.Errorf("class %q", e.Class)
	}
	if a.status >= 500 && e.Class.Final() && !bytes.Contains(a.body, []byte("ode")) {
		t.Errorf("status %d without a code of the provider's ends the message: %s", a.status, e.Class)
	}
	if a.status < 300 && len(a.body) == 0 && e.Class != channels.ClassUncertain {
		t.Errorf("an empty answer of status %d is %s", a.status, e.Class)
	}
	s.secrets(t, err)
}

// otherCalls makes the optional calls: none may panic or report success with
// nothing to show.
func (s Suite) otherCalls(t *testing.T, acct channels.Account) {
	ctx := context.Background()
	if c, ok := acct.(channels.Templater); ok {
		made, err := c.CreateTemplate(ctx, channels.Template{Name: "order_update", Language: "en", Category: "UTILITY"})
		if err == nil && made.ProviderID == "" {
			t.Error("a template without an id counts as created")
		}
		if _, err := c.GetTemplate(ctx, "700"); err != nil {
			s.secrets(t, err)
		}
		if _, err := c.ListTemplates(ctx); err != nil {
			s.secrets(t, err)
		}
	}
	if c, ok := acct.(channels.Prober); ok {
		if h, err := c.Probe(ctx); err == nil && !h.OK && len(h.Problems) == 0 {
			t.Error("the probe says that something is wrong, and not what")
		}
	}
	if c, ok := acct.(channels.MediaUploader); ok {
		id, _, err := c.UploadMedia(ctx, channels.MediaInfo{MimeType: "image/png", Size: 4}, strings.NewReader("data"))
		if err == nil && id == "" {
			t.Error("a file without an id counts as uploaded")
		}
	}
	if c, ok := acct.(channels.Reader); ok {
		if err := c.MarkRead(ctx, "wamid.1", true); err != nil {
			s.secrets(t, err)
		}
	}
}

// FuzzSettings opens accounts with any settings. What is wrong is told by field,
// and the value is not repeated.
func FuzzSettings(f *testing.F, s Suite, canary string) {
	f.Add([]byte(marshal(f, s.Settings)))
	f.Fuzz(func(t *testing.T, settings []byte) {
		acct, err := s.Adapter.Open(settings, channels.Env{HTTP: &http.Client{}})
		if err != nil {
			bad, ok := errors.AsType[*channels.Invalid](err)
			if !ok || len(bad.Problems) == 0 {
				t.Fatalf("got %T %v, want an Invalid error", err, err)
			}
			for _, p := range bad.Problems {
				if !strings.HasPrefix(p.Pointer, "/") || p.Code == "" || p.Message == "" || strings.Contains(p.Message, canary) {
					t.Errorf("problem %+v", p)
				}
			}
			return
		}
		if acct.Verify(channels.Request{Header: http.Header{}, Body: []byte("{}")}) == nil && s.Adapter.Describe().Webhook.Signed {
			t.Error("an unsigned request passes")
		}
		if err := acct.Check(s.Outbound[0]); err != nil {
			_ = err.Error() // a setting may rule out a kind of message
		}
	})
}

// openWith opens an account whose calls go through client.
func (s Suite) openWith(t testing.TB, client *http.Client) channels.Account {
	t.Helper()
	set := maps.Clone(s.Settings)
	set[s.BaseURL] = "http://127.0.0.1:1"
	acct, err := s.Adapter.Open(marshal(t, set), channels.Env{HTTP: client})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return acct
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
