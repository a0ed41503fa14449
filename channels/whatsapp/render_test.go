package whatsapp

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/channels"
)

// Ensure each kind is written as Meta's pages show it, where the shape is not
// plain from our own.
func TestRender(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"voice note", `{"type":"audio","audio":{"providerId":"1","voice":true}}`, `{"type":"audio","audio":{"id":"1","voice":true}}`},
		{"id before link", `{"type":"image","image":{"providerId":"1","url":"https://a.example"}}`, `{"type":"image","image":{"id":"1"}}`},
		{"reaction taken back", `{"type":"reaction","reaction":{"messageId":"wamid.T1","emoji":""}}`, `{"type":"reaction","reaction":{"message_id":"wamid.T1","emoji":""}}`},
		{"location request", interactiveJSON(`{"type":"location_request_message","body":{"text":"Where?"},"action":{}}`),
			`{"type":"interactive","interactive":{"type":"location_request_message","body":{"text":"Where?"},"action":{"name":"send_location"}}}`},
		{"flow version", interactiveJSON(`{"type":"flow","body":{"text":"b"},"action":{"parameters":{"flow_id":"1","flow_cta":"Go"}}}`),
			`{"type":"interactive","interactive":{"type":"flow","body":{"text":"b"},"action":{"name":"flow","parameters":{"flow_cta":"Go","flow_id":"1","flow_message_version":"3"}}}}`},
		{"flow version kept", interactiveJSON(`{"type":"flow","body":{"text":"b"},"action":{"parameters":{"flow_message_version":"4"}}}`),
			`{"type":"interactive","interactive":{"type":"flow","body":{"text":"b"},"action":{"name":"flow","parameters":{"flow_message_version":"4"}}}}`},
		{"header document", interactiveJSON(`{"type":"button","header":{"type":"document","document":{"url":"https://a.example/i.pdf","filename":"i.pdf","caption":"no"}},"body":{"text":"b"},"action":{"buttons":[{"id":"a","title":"A"}]}}`),
			`{"type":"interactive","interactive":{"type":"button","header":{"type":"document","document":{"link":"https://a.example/i.pdf","filename":"i.pdf"}},"body":{"text":"b"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}}`},
		{"empty parameters stay", `{"type":"template","template":{"name":"a","language":{"code":"en","policy":"deterministic"},"components":[{"type":"BODY","parameters":[{"type":"text","text":""}]},{"type":"button","sub_type":"QUICK_REPLY","index":0,"parameters":[{"type":"payload","payload":""}]}]}}`,
			`{"type":"template","template":{"name":"a","language":{"code":"en","policy":"deterministic"},"components":[{"type":"body","parameters":[{"type":"text","text":""}]},{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":""}]}]}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire, err := render(out(apiContent(tt.content)))
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(wire)
			if err != nil {
				t.Fatal(err)
			}
			var got, want map[string]any
			if err := errors.Join(json.Unmarshal(data, &got), json.Unmarshal([]byte(tt.want), &want)); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"messaging_product", "recipient_type", "to", "biz_opaque_callback_data"} {
				delete(got, key)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Ensure the phone wins over the user id, groups are named as such, and phones
// always travel with a plus.
func TestRenderRecipient(t *testing.T) {
	tests := []struct {
		to   channels.Recipient
		want [3]string // recipient_type, to, recipient
		bad  bool
	}{
		{to: channels.Recipient{Phone: "+351910000001", UserID: "PT.1"}, want: [3]string{"individual", "+351910000001", ""}},
		{to: channels.Recipient{Phone: "351 910 000 001"}, want: [3]string{"individual", "+351910000001", ""}},
		{to: channels.Recipient{UserID: "PT.1"}, want: [3]string{"individual", "", "PT.1"}},
		{to: channels.Recipient{GroupID: "Y2Fw"}, want: [3]string{"group", "Y2Fw", ""}},
		{to: channels.Recipient{Phone: "Ines"}, bad: true},
		{bad: true},
	}
	for _, tt := range tests {
		msg := out(apiContent(sampleContents[0]))
		msg.To = tt.to
		wire, err := render(msg)
		if (err != nil) != tt.bad {
			t.Errorf("%+v: %v", tt.to, err)
		}
		if err == nil && [3]string{wire.RecipientType, wire.To, wire.Recipient} != tt.want {
			t.Errorf("%+v: got %+v", tt.to, wire)
		}
	}
}

// Ensure content that cannot be written is final and never reaches the provider.
func TestSendUnsupported(t *testing.T) {
	srv, calls := provider(t, `{}`)
	acct := open(t, srv.URL)
	for code, c := range map[string]channels.Content{
		"unsupported_content": {Type: channels.TypeOrder},
		"invalid_content":     {Type: channels.TypeImage, Image: &channels.Media{MediaID: "med_1"}},
	} {
		_, err := acct.Send(t.Context(), out(c))
		e, ok := errors.AsType[*channels.SendError](err)
		if !ok || e.Class != channels.ClassRejected || e.Code != code {
			t.Errorf("%s: got %v", c.Type, err)
		}
	}
	if len(*calls) != 0 {
		t.Errorf("%d calls were made", len(*calls))
	}
}

// Ensure a type that a payload leaves out is read from the part that is there.
func TestInfer(t *testing.T) {
	for want, c := range map[string]wireContent{
		"text": {Text: &wireText{}}, "image": {Image: &wireMedia{}}, "video": {Video: &wireMedia{}},
		"audio": {Audio: &wireMedia{}}, "voice": {Voice: &wireMedia{}}, "document": {Document: &wireMedia{}},
		"sticker": {Sticker: &wireMedia{}}, "location": {Location: &wireLocation{}}, "button": {Button: &wireButton{}},
		"interactive": {Interactive: &wireInteractive{}}, "order": {Order: &wireOrder{}},
		"reaction": {Reaction: &wireReaction{}}, "system": {System: &wireSystem{}}, "contacts": {Contacts: []wireCard{{}}}, "": {},
	} {
		if got := c.infer(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
