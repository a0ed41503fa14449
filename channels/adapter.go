package channels

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Adapter speaks one provider's protocol. It holds no account state; Open makes
// an Account for each set of settings.
type Adapter interface {
	// Describe is served as is at GET /api/v1/channel-types, which is how the
	// console and the SDKs learn of a new channel.
	Describe() Description

	// Open checks settings, the JSON object an operator saved, and returns the
	// account they describe. It makes no network call. Bad settings are reported
	// as an Invalid error that names each field.
	Open(settings json.RawMessage, env Env) (Account, error)
}

// Env is what the server lends an account.
type Env struct {
	// HTTP makes every call to the provider. It follows no redirects and bounds
	// time; its dial guard refuses private addresses unless the operator allowed
	// them.
	HTTP *http.Client
}

// Account is one configured identity, such as a WhatsApp phone number. It is
// immutable and its methods may be called from many goroutines.
type Account interface {
	// Verify reports whether req was sent by the provider. It fails closed: with
	// no secret configured, or no proof in req, it returns ErrBadSignature.
	Verify(req Request) error

	// Parse turns a verified body into events, oldest first. It is a pure
	// function of body: no clock, network or database. Each message, status and
	// other change in body becomes exactly one event. A kind it does not know
	// becomes a message with unsupported content, or an EventChange; an item that
	// cannot be understood becomes an EventInvalid, so that one novelty cannot
	// hold up a batch. An error means that body as a whole is not the provider's
	// format (a *SyntaxError if it is not JSON).
	Parse(body []byte) ([]Event, error)

	// Check reports whether out can be carried, before it is stored: unsupported
	// kinds, missing fields, lengths and counts. Problems are an Invalid error.
	Check(out Outbound) error

	// Send makes one attempt to deliver out. A failure is a *SendError.
	Send(ctx context.Context, out Outbound) (Sent, error)
}

// The interfaces below are optional; an account that can do more implements them.
type (
	// Handshaker answers the provider's GET on the webhook URL. It returns the
	// body of the 200 answer, or ErrBadSignature.
	Handshaker interface {
		Handshake(query url.Values) ([]byte, error)
	}

	// Prober asks the provider whether the settings work and what it thinks of
	// the account. It answers operators, so Health.Problems are whole sentences
	// that say what to do.
	Prober interface {
		Probe(ctx context.Context) (Health, error)
	}

	// MediaFetcher opens inbound media. The caller closes the reader and bounds
	// its size.
	MediaFetcher interface {
		FetchMedia(ctx context.Context, m Media) (io.ReadCloser, MediaInfo, error)
	}

	// MediaUploader stores a file at the provider and returns the provider's id,
	// valid until expires (zero if the provider names none).
	MediaUploader interface {
		UploadMedia(ctx context.Context, info MediaInfo, r io.Reader) (providerID string, expires time.Time, err error)
	}

	// Reader marks an inbound message as read and, if typing, shows the typing
	// indicator. target is the message as stored.
	Reader interface {
		MarkRead(ctx context.Context, providerMessageID string, typing bool) error
	}

	// Templater manages message templates at the provider. A provider without a
	// list call returns ErrUnsupported from ListTemplates.
	Templater interface {
		ListTemplates(ctx context.Context) ([]Template, error)
		GetTemplate(ctx context.Context, providerID string) (Template, error)
		CreateTemplate(ctx context.Context, t Template) (Template, error)
		EditTemplate(ctx context.Context, t Template) error
		DeleteTemplate(ctx context.Context, t Template) error
	}
)

// Request is a webhook as it arrived.
type Request struct {
	Header http.Header
	Body   []byte     // raw bytes, before any decoding
	Remote netip.Addr // the caller's address, for allow-lists
}

// Description says what a channel type is and can do. Its JSON is the body of
// GET /api/v1/channel-types.
type Description struct {
	Type        string       `json:"type"` // in URLs and resources, e.g. "whatsapp"
	Name        string       `json:"name"` // for people, e.g. "WhatsApp Cloud API"
	Summary     string       `json:"summary"`
	DocsURL     string       `json:"docsUrl,omitempty"`
	Settings    []Setting    `json:"settings"`
	Identity    string       `json:"identity"` // identity type shared by channels that reach the same people: "whatsapp"
	Webhook     WebhookStyle `json:"webhook"`
	Contents    []string     `json:"contents"`               // content types that Send can carry
	Interactive []string     `json:"interactive,omitempty"`  // interactive kinds that Send can carry
	Window      Seconds      `json:"windowSeconds"`          // customer service window; 0 = none
	Throughput  float64      `json:"throughputPerSecond"`    // default sends per second
	Pair        PairLimit    `json:"pairLimit"`              // sends to one recipient; zero: not limited
	MaxBody     int          `json:"maxWebhookBytes"`        // webhook body limit
	Limits      []FieldLimit `json:"limits,omitempty"`       // what Check enforces
	Validity    Seconds      `json:"defaultValiditySeconds"` // a message not accepted by then expires
}

// PairLimit is how fast one recipient may be written to: one message per Every, or
// Burst at once, which are paid back before the next.
type PairLimit struct {
	Every Seconds `json:"everySeconds"`
	Burst int64   `json:"burst"`
}

// Seconds is a duration that is a number of seconds in JSON.
type Seconds int64

// Duration returns s as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// WebhookStyle says how the provider calls us.
type WebhookStyle struct {
	Signed    bool `json:"signed"`    // Verify proves the sender; false: the URL holds an unguessable token
	Handshake bool `json:"handshake"` // the provider checks the URL with a GET
	Retries   bool `json:"retries"`   // the provider repeats a call answered 5xx; false: the server spools
}

// Setting is one field of the settings object; the console draws the form from it.
type Setting struct {
	Key      string   `json:"key"` // camelCase key in the settings object
	Label    string   `json:"label"`
	Help     string   `json:"help,omitempty"`
	Kind     string   `json:"kind"` // text, secret, url, number, boolean, choice, list, map
	Choices  []string `json:"choices,omitempty"`
	Default  any      `json:"default,omitempty"`
	Required bool     `json:"required,omitempty"`
	Generate bool     `json:"generate,omitempty"` // the server makes a random value if none is given
	Unique   bool     `json:"unique,omitempty"`   // text that, with the type's other unique settings, names the account: one channel has it
}

// Secret reports whether the value is write-only.
func (s Setting) Secret() bool { return s.Kind == "secret" }

// FieldLimit is one limit of the provider's tables, e.g.
// {"content.text", 4096, "characters"}.
type FieldLimit struct {
	Field string `json:"field"`
	Max   int    `json:"max"`
	Unit  string `json:"unit"` // characters, items, bytes
}

// Health is what a provider says about an account.
type Health struct {
	OK       bool              `json:"ok"`
	Problems []string          `json:"problems,omitempty"` // what is wrong and what to do, in sentences
	Details  map[string]string `json:"details,omitempty"`  // e.g. displayPhoneNumber, qualityRating, tier
}
