package whatsapp

import (
	"encoding/json"

	"github.com/linktor/linktor/channels"
)

// Adapter is the WhatsApp Cloud API.
type Adapter struct{}

// Account is one business phone number.
type Account struct {
	set   settings
	graph graph
}

var (
	_ channels.Adapter       = Adapter{}
	_ channels.Account       = (*Account)(nil)
	_ channels.Handshaker    = (*Account)(nil)
	_ channels.Prober        = (*Account)(nil)
	_ channels.MediaFetcher  = (*Account)(nil)
	_ channels.MediaUploader = (*Account)(nil)
	_ channels.Reader        = (*Account)(nil)
	_ channels.Templater     = (*Account)(nil)
)

// Open checks settings and returns the account. Without an app secret the
// account sends but refuses every webhook.
func (Adapter) Open(raw json.RawMessage, env channels.Env) (channels.Account, error) {
	s, err := readSettings(raw)
	if err != nil {
		return nil, err
	}
	return &Account{set: s, graph: newGraph(s, env.HTTP)}, nil
}

// Describe implements channels.Adapter.
func (Adapter) Describe() channels.Description {
	return channels.Description{
		Type:     "whatsapp",
		Name:     "WhatsApp Cloud API",
		Summary:  "A WhatsApp business phone number, connected directly to Meta's Cloud API.",
		DocsURL:  "https://developers.facebook.com/docs/whatsapp/cloud-api",
		Settings: settingFields(),
		Identity: "whatsapp",
		Webhook:  channels.WebhookStyle{Signed: true, Handshake: true, Retries: true},
		Contents: []string{
			channels.TypeText, channels.TypeImage, channels.TypeAudio, channels.TypeVideo, channels.TypeDocument,
			channels.TypeSticker, channels.TypeLocation, channels.TypeContacts, channels.TypeInteractive,
			channels.TypeTemplate, channels.TypeReaction,
		},
		Interactive: interactiveKinds(),
		Window:      24 * 60 * 60,
		Throughput:  throughput,
		Pair:        channels.PairLimit{Every: 6, Burst: 45}, // Meta, "Pair rate limits"
		MaxBody:     3 << 20,                                 // Meta, "Webhooks overview": payloads up to 3 MB
		Limits:      limits(),
		Validity:    48 * 60 * 60,
	}
}

// settingFields are in the order of the form: what Meta's API Setup page shows
// first, then security, then what few people change.
func settingFields() []channels.Setting {
	return []channels.Setting{
		{Key: "phoneNumberId", Label: "Phone Number ID", Kind: "text", Required: true, Unique: true,
			Help: "From the app's WhatsApp, API Setup page. It is not the phone number."},
		{Key: "accessToken", Label: "Access Token", Kind: "secret", Required: true,
			Help: "A system user's token with whatsapp_business_messaging and whatsapp_business_management."},
		{Key: "verifyToken", Label: "Verify Token", Kind: "secret", Generate: true,
			Help: "Any text; enter the same one where the webhook URL is configured at Meta."},
		{Key: "businessAccountId", Label: "Business Account ID", Kind: "text",
			Help: "The WhatsApp Business Account's id; needed for templates."},
		{Key: "appSecret", Label: "App Secret", Kind: "secret",
			Help: "From the app's Settings, Basic page. Webhooks are refused until it is set."},
		{Key: "previousAppSecret", Label: "Previous App Secret", Kind: "secret",
			Help: "Accepted too while the app secret is being replaced. Clear it afterwards."},
		{Key: "appId", Label: "App ID", Kind: "text",
			Help: "Lets the check of this channel say whether the app receives webhooks."},
		{Key: "displayPhoneNumber", Label: "Phone Number", Kind: "text",
			Help: "Tells announcements about this number from those about others of the same business account."},
		{Key: "useAppSecretProof", Label: "App Secret Proof", Kind: "boolean", Default: false,
			Help: "Turn on if the app requires appsecret_proof."},
		{Key: "graphBaseUrl", Label: "Graph API URL", Kind: "url", Default: defaultBaseURL},
		{Key: "graphVersion", Label: "Graph API version", Kind: "text", Default: defaultVersion},
	}
}
