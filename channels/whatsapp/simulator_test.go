package whatsapp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/simulator"
)

const customer = "+16505550101" // Ada, one of the simulator's people

// counterpart is the simulator with our number, and what it sends us.
type counterpart struct {
	*simulator.Simulator
	acct   *Account
	events chan channels.Event
}

// simulate starts the other side of the wire, which was written from Meta's
// documents and not from this package.
func simulate(t *testing.T) *counterpart {
	t.Helper()
	c := &counterpart{events: make(chan channels.Event, 1000)}
	hooks := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { c.receive(t, r) }))
	mux := http.NewServeMux()
	front := httptest.NewServer(mux)
	b := simulator.DefaultBehaviour()
	b.SentMS, b.DeliveredMS, b.ReadMS, b.ReplyMS, b.ReviewMS, b.Replies = 1, 2, 3, 1, 1, false
	c.Simulator = simulator.New(simulator.Options{BaseURL: front.URL, Behaviour: &b})
	mux.Handle("/", c.Handler())
	c.AddWhatsApp(simulator.WhatsAppNumber{
		PhoneNumberID: testNumber, WABAID: testWABA, DisplayPhone: "15550001111", Name: "Shop", AppSecret: testSecret,
		VerifyToken: "let-me-in", AccessToken: "EAAtesttoken", WebhookURL: hooks.URL,
	})
	c.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Error(err)
		}
		front.Close()
		hooks.Close()
	})
	c.acct = open(t, front.URL+"/graph")
	return c
}

func (c *counterpart) receive(t *testing.T, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	if err := c.acct.Verify(channels.Request{Header: r.Header, Body: body}); err != nil {
		t.Errorf("a webhook was refused: %v", err)
	}
	events, err := c.acct.Parse(body)
	if err != nil {
		t.Error(err)
	}
	for _, e := range events {
		if e.Kind == channels.EventInvalid {
			t.Errorf("invalid item: %s", e.Reason)
		}
		c.events <- e
	}
}

// next waits for the event that want accepts.
func (c *counterpart) next(t *testing.T, what string, want func(channels.Event) bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-c.events:
			if want(e) {
				return
			}
		case <-timeout:
			t.Fatalf("no %s came", what)
		}
	}
}

// Ensure every kind of content arrives as what it is.
func TestSimulatedInbound(t *testing.T) {
	c := simulate(t)
	for kind, want := range map[string]string{
		"text": "text", "image": "image", "audio": "audio", "voice": "audio", "video": "video", "document": "document",
		"sticker": "sticker", "location": "location", "contacts": "contacts", "button": "button_reply",
		"button_reply": "button_reply", "list_reply": "list_reply", "flow_reply": "flow_reply", "order": "order",
		"reaction": "reaction", "system": "system", "unsupported": "unsupported", "edit": "system", "revoke": "system",
		"request_welcome": "system", "echo": "text", "hologram": "unsupported",
	} {
		t.Run(kind, func(t *testing.T) {
			id, err := c.Say(t.Context(), testNumber, customer, simulator.Inbound{Type: kind, Text: "hello", MessageID: "wamid.T1", Emoji: "👍"})
			if err != nil {
				t.Fatal(err)
			}
			c.next(t, kind, func(e channels.Event) bool {
				if e.Message == nil || e.Message.ProviderID != id {
					return false
				}
				if e.Message.Content.Type != want || e.Message.From.Identities[0].Value != customer || e.Message.Echo != (kind == "echo") {
					t.Errorf("got %+v", e.Message)
				}
				return true
			})
		})
	}
}

// Ensure every sample is accepted and its statuses carry our id.
func TestSimulatedSend(t *testing.T) {
	c := simulate(t)
	if _, err := c.Say(t.Context(), testNumber, customer, simulator.Inbound{Type: "text", Text: "opens the window"}); err != nil {
		t.Fatal(err)
	}
	for _, msg := range samples() {
		if msg.Content.Type == channels.TypeTemplate || msg.Content.Type == channels.TypeReaction {
			continue // they name a template and a message that the simulator does not hold
		}
		if part := msg.Content.MediaPart(); part != nil && part.ProviderID != "" {
			part.ProviderID, part.URL = "", "https://shop.example/file"
		}
		msg.To.Phone = customer
		msg.MessageID = "msg_01k0000000000000000000000a"
		if err := c.acct.Check(msg); err != nil {
			t.Fatal(err)
		}
		sent, err := c.acct.Send(t.Context(), msg)
		if err != nil {
			t.Errorf("%s: %v", msg.Content.Type, describeError(err))
			continue
		}
		c.next(t, "delivered", func(e channels.Event) bool {
			return e.Status != nil && e.Status.ProviderID == sent.ProviderID && e.Status.Status == channels.StatusDelivered &&
				e.Status.MessageID == msg.MessageID
		})
	}
}

func describeError(err error) string {
	if e, ok := errors.AsType[*channels.SendError](err); ok {
		return e.Error() + ": " + e.Detail
	}
	return err.Error()
}

// Ensure the simulator's magic numbers fail as they should.
func TestSimulatedFailures(t *testing.T) {
	c := simulate(t)
	for phone, want := range map[string]channels.Class{
		"+15550131026": channels.ClassRecipient, "+15550131047": channels.ClassRejected, "+15550131056": channels.ClassThrottled,
		"+15550000190": channels.ClassChannel, "+15552000429": channels.ClassThrottled, "+15552000500": channels.ClassUncertain,
		"+15552000777": channels.ClassUncertain, "+15552000200": channels.ClassUncertain,
	} {
		t.Run(phone, func(t *testing.T) {
			msg := out(apiContent(sampleContents[0]))
			msg.To.Phone = phone
			_, err := c.acct.Send(t.Context(), msg)
			if e, ok := errors.AsType[*channels.SendError](err); !ok || e.Class != want {
				t.Errorf("got %v, want class %s", err, want)
			}
		})
	}
}

// Ensure the other calls work against it: check, templates, media.
func TestSimulatedCalls(t *testing.T) {
	c := simulate(t)
	if h, err := c.acct.Probe(t.Context()); err != nil || !h.OK {
		t.Errorf("probe: %+v, %v", h, err)
	}
	list, err := c.acct.ListTemplates(t.Context())
	if err != nil || len(list) == 0 {
		t.Errorf("templates: %d, %v", len(list), err)
	}
	id, _, err := c.acct.UploadMedia(t.Context(), channels.MediaInfo{MimeType: "application/pdf", Filename: "a.pdf", Size: 8}, strings.NewReader("%PDF-1.4"))
	if err != nil {
		t.Fatal(describeError(err))
	}
	r, info, err := c.acct.FetchMedia(t.Context(), channels.Media{ProviderID: id})
	if err != nil {
		t.Fatal(describeError(err))
	}
	defer r.Close()
	if data, err := io.ReadAll(r); err != nil || string(data) != "%PDF-1.4" || info.MimeType != "application/pdf" {
		t.Errorf("media: %q, %+v, %v", data, info, err)
	}
}
