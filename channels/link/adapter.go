package link

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/linktor/linktor/channels"
)

// Adapter speaks LINK Mobility's WhatsApp Message API.
type Adapter struct{}

// maxWebhook bounds a callback. One message per callback, media by link: real
// ones stay below 10 KB.
const maxWebhook = 1 << 20 // bytes

// Describe says what the channel is and what it carries.
func (Adapter) Describe() channels.Description {
	return channels.Description{
		Type:     "link",
		Name:     "LINK Mobility WhatsApp",
		Summary:  "WhatsApp through LINK Mobility's WhatsApp Message API (1.4.19).",
		DocsURL:  "https://www.linkmobility.com/developer/",
		Settings: settingFields(),
		Identity: "whatsapp",
		Webhook:  channels.WebhookStyle{Signed: false, Handshake: false, Retries: false},
		Contents: []string{
			channels.TypeText, channels.TypeImage, channels.TypeAudio, channels.TypeVideo, channels.TypeDocument,
			channels.TypeLocation, channels.TypeContacts, channels.TypeInteractive, channels.TypeTemplate,
		},
		Interactive: []string{
			kindButton, kindList, kindCTA, kindFlow, kindProduct, kindProductList, kindCatalog, kindLocation,
		},
		Window:     24 * 60 * 60,                            // "24 hour customer care window"
		Throughput: 20,                                      // messages per second; LINK states no limit, so a cautious one
		Pair:       channels.PairLimit{Every: 6, Burst: 45}, // the network's own: Meta, "Pair rate limits"
		MaxBody:    maxWebhook,
		Limits:     fieldLimits(),
		Validity:   48 * 60 * 60, // "If no value is supplied it defaults to 48h ahead"
	}
}

// Open checks the settings and returns the account they describe. The account
// can mark messages read and upload media only if the settings switch that on.
func (Adapter) Open(raw json.RawMessage, env channels.Env) (channels.Account, error) {
	s, err := readSettings(raw)
	if err != nil {
		return nil, err
	}
	secrets := []string{s.Password, s.APIKey, s.CallbackPassword, base64.StdEncoding.EncodeToString([]byte(s.Username + ":" + s.Password))}
	a := &account{settings: s, http: env.HTTP, redact: channels.NewRedactor(slices.AppendSeq(secrets, maps.Values(s.ExtraHeaders))...)}
	switch {
	case s.EnableReadReceipts && s.EnableMediaUpload:
		return struct {
			*account
			reader
			uploader
		}{a, reader{a}, uploader{a}}, nil
	case s.EnableReadReceipts:
		return struct {
			*account
			reader
		}{a, reader{a}}, nil
	case s.EnableMediaUpload:
		return struct {
			*account
			uploader
		}{a, uploader{a}}, nil
	}
	return a, nil
}

// account is one sender number at LINK. It is never changed after Open.
type account struct {
	settings settings
	http     *http.Client
	redact   *channels.Redactor
}
