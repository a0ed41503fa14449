package simulator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/simulator"
)

var both = []string{simulator.KindWhatsApp, simulator.KindLink}

// contents are one message of each kind that can be sent.
func contents(kind string) []channels.Content {
	picture := func(name string) *channels.Media { return &channels.Media{URL: "https://a.example/" + name} }
	list := []channels.Content{
		{Type: "text", Text: "Hello"},
		{Type: "image", Image: picture("a.png")},
		{Type: "video", Video: picture("a.mp4")},
		{Type: "audio", Audio: picture("a.ogg")},
		{Type: "document", Document: picture("a.pdf")},
		{Type: "location", Location: &channels.Location{Latitude: 59.3, Longitude: 18.1, Name: "Shop", Address: "Street 1"}},
		{Type: "contacts", Contacts: []channels.ContactCard{{
			Name:   channels.ContactName{FormattedName: "Ann Ek", FirstName: "Ann"},
			Phones: []channels.ContactPhone{{Phone: "+46700000009", Type: "HOME"}},
		}}},
		{Type: "interactive", Interactive: &channels.Interactive{
			Type: "button", Body: &channels.Text{Text: "Well?"},
			Action: channels.Action{Buttons: []channels.Button{{ID: "y", Title: "Yes"}, {ID: "n", Title: "No"}}},
		}},
		{Type: "interactive", Interactive: &channels.Interactive{
			Type: "list", Body: &channels.Text{Text: "Well?"},
			Action: channels.Action{Button: "Open", Sections: []channels.Section{{Title: "A", Rows: []channels.Row{{ID: "1", Title: "One", Description: "first"}}}}},
		}},
		{Type: "interactive", Interactive: &channels.Interactive{
			Type: "cta_url", Body: &channels.Text{Text: "See"},
			Action: channels.Action{Name: "cta_url", Parameters: json.RawMessage(`{"display_text":"Go","url":"https://a.example"}`)},
		}},
		{Type: "interactive", Interactive: &channels.Interactive{
			Type: "location_request_message", Body: &channels.Text{Text: "Where?"}, Action: channels.Action{Name: "send_location"},
		}},
		{Type: "template", Template: &channels.TemplateUse{
			Name: "order_confirmation", Language: channels.Language{Code: "en"},
			Components: []channels.TemplateComponent{{Type: "body", Parameters: []channels.TemplateParameter{
				{Type: "text", Text: "Ann"}, {Type: "text", Text: "A-1"},
				{Type: "currency", Currency: &channels.Currency{Code: "USD", Amount1000: 99900, FallbackValue: "$99.90"}},
			}}},
		}},
	}
	if kind == simulator.KindWhatsApp {
		list = append(list, channels.Content{Type: "sticker", Sticker: picture("a.webp")},
			channels.Content{Type: "reaction", Reaction: &channels.Reaction{MessageID: "wamid.A", Emoji: "👍"}})
	}
	return list
}

// Each kind of message passes our checks and the provider's, and its statuses
// come home under our id.
func TestWireSends(t *testing.T) {
	for _, kind := range both {
		t.Run(kind, func(t *testing.T) {
			s := newSide(t, kind)
			for i, c := range contents(kind) {
				out := channels.Outbound{
					MessageID: "msg_" + string(rune('a'+i)), To: channels.Recipient{Phone: "+16505550101"}, Content: c,
					ValidUntil: time.Now().Add(time.Hour),
				}
				if err := s.account.Check(out); err != nil {
					t.Fatalf("%s: check: %v", c.Type, err)
				}
				sent, err := s.account.Send(t.Context(), out)
				if err != nil {
					t.Fatalf("%s: send: %v", c.Type, err)
				}
				want := []channels.Status{"sent", "delivered", "read"}
				if kind == simulator.KindLink {
					want = []channels.Status{"sent", "sent", "delivered", "read"}
				}
				for _, status := range want {
					e := s.event()
					if e.Status == nil || e.Status.Status != status || e.Status.ProviderID != sent.ProviderID || e.Status.MessageID != out.MessageID {
						t.Fatalf("%s: want %s of %s, got %+v", c.Type, status, sent.ProviderID, e.Status)
					}
				}
				if s.Accepted(out.MessageID) != 1 {
					t.Errorf("%s: not in the ledger", c.Type)
				}
			}
		})
	}
}

func TestWireInbound(t *testing.T) {
	kinds := map[string]string{ // what is said -> what we understand
		"text": "text", "image": "image", "voice": "audio", "video": "video", "document": "document", "sticker": "sticker",
		"location": "location", "contacts": "contacts", "button": "button_reply", "button_reply": "button_reply", "list_reply": "list_reply",
		"flow_reply": "flow_reply", "order": "order", "reaction": "reaction", "hologram": "unsupported",
	}
	for _, kind := range both {
		t.Run(kind, func(t *testing.T) {
			s := newSide(t, kind)
			for said, want := range kinds {
				in := simulator.Inbound{Type: said, MessageID: "wamid.A", Emoji: "👍", ReplyTo: "wamid.B"}
				if said == "hologram" {
					in.Raw = json.RawMessage(`{"depth":3}`)
				}
				id, err := s.Say(t.Context(), s.number, "ada", in)
				if err != nil {
					t.Fatal(err)
				}
				want := want
				if kind == simulator.KindLink && said == "contacts" {
					want = "unsupported" // LINK documents no such message
				}
				e := s.event()
				if e.Message == nil || e.Message.Content.Type != want || e.Message.At.IsZero() {
					t.Errorf("%s: got %s %+v", said, e.Kind, e.Message)
					continue
				}
				if from := e.Message.From.Identities; len(from) == 0 || from[0].Value != "+16505550101" && from[0].Value != "US.4801530921746630071" {
					t.Errorf("%s: from %+v", said, from)
				}
				if kind == simulator.KindWhatsApp && e.Message.ProviderID != id {
					t.Errorf("%s: id %s; want %s", said, e.Message.ProviderID, id)
				}
				if m := e.Message.Content.MediaPart(); m != nil {
					fetch(t, s.account, *m)
				}
			}
		})
	}
}

func TestWireRareInbound(t *testing.T) {
	s := newSide(t, simulator.KindWhatsApp)
	for said, want := range map[string]string{
		"system": "user_changed_number", "edit": "message_edited", "revoke": "message_deleted", "request_welcome": "request_welcome",
	} {
		if _, err := s.Say(t.Context(), s.number, "ada", simulator.Inbound{Type: said, MessageID: "wamid.A", Text: "new"}); err != nil {
			t.Fatal(err)
		}
		if e := s.event(); e.Message == nil || e.Message.Content.System == nil || e.Message.Content.System.Kind != want {
			t.Errorf("%s: got %s %+v", said, e.Kind, e.Message)
		}
	}
	if _, err := s.Say(t.Context(), s.number, "ada", simulator.Inbound{Type: "echo", Text: "from the phone"}); err != nil {
		t.Fatal(err)
	}
	if e := s.event(); e.Message == nil || !e.Message.Echo {
		t.Errorf("echo: got %s %+v", e.Kind, e.Message)
	}
	in := simulator.Inbound{Text: "your ad", Referral: json.RawMessage("true"), Forwarded: true}
	if _, err := s.Say(t.Context(), s.number, "eve", in); err != nil {
		t.Fatal(err)
	}
	if e := s.event(); e.Message == nil || e.Message.Referral == nil || e.Message.Context == nil || !e.Message.Context.Forwarded || e.Message.From.Identities[0].Kind != channels.IdentityUserID {
		t.Errorf("referral: got %s %+v", e.Kind, e.Message)
	}
}

func fetch(t *testing.T, a channels.Account, m channels.Media) {
	t.Helper()
	r, info, err := a.(channels.MediaFetcher).FetchMedia(t.Context(), m)
	if err != nil {
		t.Errorf("fetch: %v", err)
		return
	}
	defer r.Close()
	if data, err := io.ReadAll(r); err != nil || len(data) == 0 || info.MimeType == "" {
		t.Errorf("fetch: %d bytes of %q, %v", len(data), info.MimeType, err)
	}
}

// The class that our adapters give each simulated failure.
func TestWireFailures(t *testing.T) {
	tests := map[string]map[string]channels.Class{
		simulator.KindWhatsApp: {
			"+15550131026": channels.ClassRecipient, "+15550131047": channels.ClassRejected, "+15550000190": channels.ClassChannel,
			"+15550131056": channels.ClassThrottled, "+15550130429": channels.ClassThrottled, "+15550132001": channels.ClassTemplate,
			"+15552000429": channels.ClassThrottled, "+15552000500": channels.ClassUncertain, "+15552000777": channels.ClassUncertain,
			"+15552000200": channels.ClassUncertain, "+15552000408": channels.ClassUncertain, "+15550131016": channels.ClassTransient,
		},
		simulator.KindLink: {
			"+15550112400": channels.ClassChannel, "+15550112402": channels.ClassRejected, "+15552000429": channels.ClassThrottled,
			"+15552000777": channels.ClassUncertain, "+15552000200": channels.ClassUncertain,
		},
	}
	for _, kind := range both {
		t.Run(kind, func(t *testing.T) {
			s := newSide(t, kind)
			for to, want := range tests[kind] {
				_, err := s.account.Send(t.Context(), channels.Outbound{
					MessageID: "msg_1", To: channels.Recipient{Phone: to}, Content: channels.Content{Type: "text", Text: "Hi"},
				})
				var refusal *channels.SendError
				if !errors.As(err, &refusal) || refusal.Class != want {
					t.Errorf("%s: got %v; want %s", to, err, want)
				}
			}
		})
	}
}

// Probing, uploading, receipts and template management.
func TestWireManagement(t *testing.T) {
	for _, kind := range both {
		t.Run(kind, func(t *testing.T) {
			s := newSide(t, kind)
			if h, err := s.account.(channels.Prober).Probe(t.Context()); err != nil || !h.OK {
				t.Errorf("probe: %+v %v", h, err)
			}
			id, _, err := s.account.(channels.MediaUploader).UploadMedia(t.Context(), channels.MediaInfo{MimeType: "image/png", Size: 3, Filename: "a.png"}, bytes.NewReader([]byte("png")))
			if err != nil || id == "" {
				t.Errorf("upload: %q %v", id, err)
			}
			if err := s.account.(channels.Reader).MarkRead(t.Context(), "wamid.A", true); err != nil {
				t.Errorf("mark read: %v", err)
			}
			s.templates(kind)
		})
	}
}

func (s *side) templates(kind string) {
	s.t.Helper()
	ctx, t := s.t.Context(), s.t
	tm := s.account.(channels.Templater)
	list, err := tm.ListTemplates(ctx)
	if kind == simulator.KindLink && !errors.Is(err, channels.ErrUnsupported) || kind == simulator.KindWhatsApp && (err != nil || len(list) != 5) {
		t.Errorf("list: %d, %v", len(list), err)
	}
	made, err := tm.CreateTemplate(ctx, channels.Template{
		Name: "table_ready", Language: "en", Category: "UTILITY",
		Components: json.RawMessage(`[{"type":"BODY","text":"Hi {{1}}, your table is ready.","example":{"body_text":[["Ann"]]}}]`),
	})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if kind == simulator.KindWhatsApp {
		if e := s.event(); e.Change == nil || e.Change.Template == nil || e.Change.Template.Status != "APPROVED" {
			t.Errorf("got %+v", e)
		}
	}
	if got, err := tm.GetTemplate(ctx, made.ProviderID); err != nil || got.Name != "table_ready" {
		t.Errorf("get: %+v %v", got, err)
	}
	made.Name = "table_ready"
	if err := tm.DeleteTemplate(ctx, made); err != nil {
		t.Errorf("delete: %v", err)
	}
}
