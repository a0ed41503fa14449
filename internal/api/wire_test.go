package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/seal"
)

// wire is an adapter for a made-up provider. Its webhook body is
// {"messages":[{"id","from","text"}],"media":[...]}, signed with the secret itself in
// X-Signature. The type "loose" is the same provider without signatures and
// repeats.
type wire struct{ typ string }

// wireTime is when customers wrote: of late, so that they can be answered.
var wireTime = time.Now().UTC().Add(-time.Minute).Truncate(time.Second)

func (w wire) Describe() channels.Description {
	signed := w.typ == "wire"
	return channels.Description{
		Type: w.typ, Name: w.typ, Identity: w.typ, MaxBody: 200 << 10, Window: 86400, Throughput: 80,
		Webhook:  channels.WebhookStyle{Signed: signed, Handshake: signed, Retries: signed},
		Contents: []string{"text", "image", "template", "interactive"},
		Settings: []channels.Setting{
			{Key: "number", Label: "Number", Kind: "text", Required: true},
			{Key: "secret", Label: "Secret", Kind: "secret", Required: signed},
			{Key: "verifyToken", Label: "Verify token", Kind: "text", Generate: true},
		},
	}
}

func (w wire) Open(settings json.RawMessage, _ channels.Env) (channels.Account, error) {
	a := &wireAccount{}
	if err := json.Unmarshal(settings, a); err != nil {
		return nil, err
	}
	if a.Number == "wrong" {
		inv := &channels.Invalid{}
		inv.Add("/number", "invalid", "The number is not one of the provider's.")
		return nil, inv
	}
	if w.typ == "wire" {
		return signedAccount{a}, nil
	}
	return a, nil
}

type wireAccount struct{ Number, Secret, VerifyToken string }

// signedAccount is a wireAccount whose provider can do everything.
type signedAccount struct{ *wireAccount }

func (a *wireAccount) Verify(channels.Request) error { return nil }

func (a signedAccount) Verify(req channels.Request) error {
	if a.Secret == "" || req.Header.Get("X-Signature") != a.Secret || req.Header.Get("X-Linktor-Channel") != "" {
		return channels.ErrBadSignature
	}
	return nil
}

func (a *wireAccount) Parse(body []byte) ([]channels.Event, error) {
	var in struct {
		Messages []struct{ ID, From, Text string }
	}
	if strings.Contains(string(body), "explode") {
		panic("a bug in the parser")
	}
	if err := json.Unmarshal(body, &in); err != nil {
		if syn, ok := err.(*json.SyntaxError); ok { //nolint:errorlint // the decoder returns it bare
			return nil, &channels.SyntaxError{Offset: syn.Offset, Reason: "unexpected"}
		}
		return nil, err
	}
	var events []channels.Event
	for _, m := range in.Messages {
		events = append(events, channels.Event{Kind: channels.EventMessage, Message: &channels.Inbound{
			ProviderID: m.ID, At: wireTime,
			From:     channels.Party{Identities: []channels.Identity{{Kind: channels.IdentityPhone, Value: m.From}}, Name: "Ada"},
			Content:  channels.Content{Type: channels.TypeText, Text: m.Text},
			Metadata: map[string]string{"waMessageId": m.ID, "profileName": "Ada"},
		}})
	}
	return events, nil
}

func (a *wireAccount) Check(out channels.Outbound) error {
	inv := &channels.Invalid{}
	if out.Content.Type == channels.TypeSticker {
		inv.Add("/content/type", "unsupported", "Stickers cannot be sent.")
	}
	if out.Content.Type == channels.TypeText && out.Content.Text == "" {
		inv.Add("/content/text", "required", "A text message needs text.")
	}
	if len(out.Content.Text) > 20 {
		inv.AddLimit("/content/text", "too_long", 20, "Text is longer than 20 characters.")
	}
	return inv.Err()
}

func (a *wireAccount) Send(context.Context, channels.Outbound) (channels.Sent, error) {
	return channels.Sent{}, nil
}

func (a signedAccount) Handshake(q url.Values) ([]byte, error) {
	if q.Get("token") != a.VerifyToken {
		return nil, channels.ErrBadSignature
	}
	return []byte(q.Get("challenge")), nil
}

func (a signedAccount) Probe(context.Context) (channels.Health, error) {
	return channels.Health{OK: a.Number == "12", Problems: nil, Details: map[string]string{"number": a.Number}}, nil
}

func (a signedAccount) UploadMedia(_ context.Context, _ channels.MediaInfo, r io.Reader) (string, time.Time, error) {
	data, err := io.ReadAll(r)
	return "up-" + string(data[:min(len(data), 4)]), time.Time{}, err
}

func newRegistry(t testing.TB, d *db.DB) *registry.Registry {
	t.Helper()
	for _, tenant := range []string{"ten_a", "ten_b"} {
		if _, err := d.Exec(t.Context(), `INSERT INTO tenants (id, name, created_at) VALUES ($1, $1, 0)`, tenant); err != nil {
			t.Fatal(err)
		}
	}
	return registry.New(d, testBox(t), []channels.Adapter{wire{"wire"}, wire{"loose"}}, channels.Env{HTTP: http.DefaultClient}, time.Now, quiet())
}

func testBox(t testing.TB) *seal.Box {
	t.Helper()
	box, err := seal.New(strings.Repeat("6b", 32))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newChannel(t testing.TB, r *registry.Registry, tenant, typ string) *registry.Open {
	t.Helper()
	o, err := r.Create(t.Context(), tenant, registry.Draft{Type: typ, Name: "Shop", Settings: map[string]json.RawMessage{
		"number": json.RawMessage(`"12"`), "secret": json.RawMessage(`"hush"`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return o
}
