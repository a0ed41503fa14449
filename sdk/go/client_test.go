package linktor

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// published are the sends of the published guide.
var published = map[string]Content{
	"text":     Text("Hello! How can I help you today?"),
	"image":    Image(Media{URL: "https://example.com/image.jpg", Caption: "Check out this product!"}),
	"document": Document(Media{URL: "https://example.com/invoice.pdf", Filename: "Invoice-2024-001.pdf", Caption: "Your invoice is attached"}),
	"buttons": Buttons("Would you like to proceed with your order?",
		Button{"confirm", "Yes, confirm"}, Button{"cancel", "No, cancel"}, Button{"help", "Need help"}),
	"list": withHeader(List("Please select a service:", "View Options",
		Section{Title: "Support", Rows: []Row{
			{"technical", "Technical Support", "Get help with technical issues"},
			{"billing", "Billing Support", "Questions about payments"},
		}},
		Section{Title: "Sales", Rows: []Row{
			{"pricing", "Pricing Info", "Learn about our plans"},
			{"demo", "Request Demo", "Schedule a product demo"},
		}}), "Our Services"),
	"template": UseTemplate("order_confirmation", "en", TemplateComponent{Type: "body", Parameters: []TemplateParameter{
		TextParameter("John"), TextParameter("ORD-12345"),
		{Type: "currency", Currency: &Currency{"USD", 99900, "$999.00"}},
	}}),
}

func withHeader(c Content, text string) Content {
	c.Interactive.Header = &Header{Type: "text", Text: text}
	return c
}

func TestSendsOfTheGuide(t *testing.T) {
	accepted := answer{Status: 202, Body: fixture[json.RawMessage](t, "answers/message.json")}
	for kind, content := range published {
		t.Run(kind, func(t *testing.T) {
			f := newFake(t, func(*http.Request, int) answer { return accepted })
			m, err := f.client(t).Messages.Send(t.Context(), SendParams{ChannelID: "ch_whatsapp_123", To: "+5511999999999", Content: content})
			if err != nil || m.Status != Queued || m.CreatedAt.IsZero() {
				t.Fatalf("got %+v, %v", m, err)
			}
			var got any
			if err := json.Unmarshal([]byte(f.seen[0].body), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fixture[any](t, "requests/"+kind+".json"), got); diff != "" {
				t.Error(diff)
			}
			if r := f.seen[0]; r.URL.Path != "/api/v1/messages" || r.Header.Get("Authorization") != "Bearer lk_test" {
				t.Error(r.URL, r.Header)
			}
		})
	}
}

type errorFixture struct {
	answer
	Class string
}

var kinds = map[string]error{
	"ValidationError": ErrValidation, "AuthenticationError": ErrUnauthenticated, "PermissionError": ErrPermission,
	"NotFoundError": ErrNotFound, "ConflictError": ErrConflict, "RateLimitError": ErrRateLimited,
	"WindowClosedError": ErrWindowClosed, "ServerError": ErrServer,
}

func TestErrors(t *testing.T) {
	for _, name := range names(t, "errors") {
		t.Run(name, func(t *testing.T) {
			want := fixture[errorFixture](t, "errors/"+name+".json")
			f := newFake(t, func(*http.Request, int) answer { return want.answer })
			_, err := f.client(t, WithMaxRetries(0)).Messages.Get(t.Context(), "msg_1")
			var e *APIError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			for class, kind := range kinds {
				also := errors.Is(kind, ErrValidation) && want.Class == "WindowClosedError"
				if got := errors.Is(err, kind); got != (class == want.Class || also) {
					t.Errorf("Is %v = %t", kind, got)
				}
			}
			if e.Code != name || e.RequestID == "" || e.Status != want.Status {
				t.Errorf("got %+v", e)
			}
			if after := want.Headers["retry-after"]; after != "" && e.RetryAfter.Seconds() == 0 {
				t.Errorf("Retry-After %s was not read", after)
			}
			for _, field := range e.Fields {
				if !strings.Contains(err.Error(), field.Message) {
					t.Errorf("%v does not say %q", err, field.Message)
				}
			}
		})
	}
}

func TestForeignErrorAnswer(t *testing.T) {
	f := newFake(t, func(*http.Request, int) answer {
		return answer{Status: 502, Headers: map[string]string{"X-Request-Id": "req_1"}, Body: []byte("<html>")}
	})
	_, err := f.client(t, WithMaxRetries(0)).Messages.Get(t.Context(), "msg_1")
	var e *APIError
	if !errors.As(err, &e) || e.Code != "http_502" || e.RequestID != "req_1" || !errors.Is(err, ErrServer) {
		t.Errorf("got %v", err)
	}
}

func TestRetries(t *testing.T) {
	accepted := answer{Status: 202, Body: fixture[json.RawMessage](t, "answers/message.json")}
	running := fixture[errorFixture](t, "errors/idempotency_in_progress.json").answer
	running.Headers = nil
	for what, first := range map[string]answer{
		"broken connection": {Drop: true}, "408": {Status: 408}, "running twin": running, "429": {Status: 429}, "500": {Status: 500},
		"past date": {Status: 503, Headers: map[string]string{"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t, func(_ *http.Request, n int) answer {
				if n < 3 {
					return first
				}
				return accepted
			})
			if _, err := f.client(t).Messages.Send(t.Context(), SendParams{Content: Text("x")}); err != nil {
				t.Fatal(err)
			}
			key := f.seen[0].Header.Get("Idempotency-Key")
			if len(f.seen) != 3 || key == "" {
				t.Fatalf("%d attempts, key %q", len(f.seen), key)
			}
			for _, r := range f.seen {
				if r.Header.Get("Idempotency-Key") != key || r.body != f.seen[0].body {
					t.Error("the attempts differ")
				}
			}
		})
	}
}

func TestNoRetry(t *testing.T) {
	for _, code := range []string{"validation_error", "window_closed", "conflict", "credential_invalid", "not_found"} {
		f := newFake(t, func(*http.Request, int) answer { return fixture[errorFixture](t, "errors/"+code+".json").answer })
		if _, err := f.client(t).Messages.Send(t.Context(), SendParams{}); err == nil || len(f.seen) != 1 {
			t.Errorf("%s: %v after %d attempts", code, err, len(f.seen))
		}
	}
	f := newFake(t, func(*http.Request, int) answer {
		return answer{Status: 429, Headers: map[string]string{"Retry-After": "3600"}}
	})
	_, err := f.client(t).Messages.Send(t.Context(), SendParams{}, WithIdempotencyKey("order-7"), WithHeader("X-A", "1"))
	var e *APIError
	if !errors.As(err, &e) || e.RetryAfter != time.Hour || len(f.seen) != 1 {
		t.Errorf("a long Retry-After: %v after %d attempts", err, len(f.seen))
	}
	if h := f.seen[0].Header; h.Get("Idempotency-Key") != "order-7" || h.Get("X-A") != "1" {
		t.Errorf("call options were ignored: %v", h)
	}
}

func TestCancelAndTimeout(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	f := newFake(t, func(*http.Request, int) answer {
		cancel(nil)
		return answer{Status: 503, Headers: map[string]string{"Retry-After": "30"}}
	})
	c := f.client(t)
	if _, err := c.Messages.Send(ctx, SendParams{}); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrServer) {
		t.Errorf("got %v", err)
	}
	release := make(chan struct{})
	slow := newFake(t, func(*http.Request, int) answer { <-release; return answer{} })
	defer close(release)
	_, err := slow.client(t, WithTimeout(20*time.Millisecond), WithMaxRetries(0)).Channels.Types(t.Context())
	if !errors.Is(err, ErrConnection) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestOptions(t *testing.T) {
	t.Setenv("LINKTOR_API_KEY", "")
	if _, err := New(); err == nil {
		t.Error("no key was accepted")
	}
	t.Setenv("LINKTOR_API_KEY", "lk_env")
	if _, err := New(); err != nil {
		t.Error(err)
	}
	if _, err := New(WithBaseURL("localhost:8080")); err == nil {
		t.Error("a base URL without scheme was accepted")
	}
}

func TestPages(t *testing.T) {
	f := newFake(t, func(r *http.Request, _ int) answer {
		page := "pages/messages_1.json"
		if r.URL.Query().Get("after") != "" {
			page = "pages/messages_2.json"
		}
		return answer{Body: fixture[json.RawMessage](t, page)}
	})
	c := f.client(t)
	page, err := c.Messages.List(t.Context(), MessageFilter{Paging: Paging{Limit: 2}, Status: []Status{Read, Failed}})
	if err != nil || len(page.Data) != 2 || !page.HasNext() {
		t.Fatalf("got %+v, %v", page, err)
	}
	last, err := page.NextPage(t.Context())
	if err != nil || len(last.Data) != 1 || last.HasNext() {
		t.Fatalf("got %+v, %v", last, err)
	}
	if _, err := last.NextPage(t.Context()); err == nil {
		t.Error("there is a page after the last")
	}
	if q := f.seen[1].URL.RawQuery; q != "after=v1.cGFnZTI&limit=2&status=read%2Cfailed" {
		t.Errorf("asked %s", q)
	}
	var got []Status
	for m, err := range c.Messages.All(t.Context(), MessageFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Status)
	}
	if diff := cmp.Diff([]Status{Read, Delivered, Failed}, got); diff != "" {
		t.Error(diff)
	}
}
