package api

import (
	"encoding/json"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/registry"
)

// channelBody is a channel as the API shows it.
type channelBody struct {
	ID                  string          `json:"id"`
	Type                string          `json:"type"`
	Name                string          `json:"name"`
	Enabled             bool            `json:"enabled"`
	Settings            settingsBody    `json:"settings"`
	WebhookURL          string          `json:"webhookUrl,omitempty" doc:"Enter it at the provider. Shown to those who may manage channels."`
	VerifyToken         string          `json:"verifyToken,omitempty" doc:"Enter it at the provider, beside the webhook URL."`
	OnUncertain         string          `json:"onUncertain" enum:"auto,resend,never,manual"`
	ThroughputPerSecond float64         `json:"throughputPerSecond"`
	PortfolioID         string          `json:"portfolioId,omitempty" doc:"Channels that name the same one share their messaging tier."`
	TierPreset          string          `json:"tierPreset,omitempty" doc:"The table of messaging tiers."`
	TierPolicy          string          `json:"tierPolicy" enum:"wait,reject" doc:"What becomes of a message that would exceed the tier."`
	Health              json.RawMessage `json:"health" doc:"The provider's last opinion: {ok, problems, details}."`
	PausedReason        string          `json:"pausedReason,omitempty" doc:"Why sending waits."`
	CreatedAt           string          `json:"createdAt" format:"date-time"`
	UpdatedAt           string          `json:"updatedAt" format:"date-time"`
}

// renderChannel shows c to p. Secrets are never shown; what only an operator
// needs, the webhook URL with its token and the verify token, only to operators.
func (s *Server) renderChannel(p *account.Principal, c registry.Channel) channelBody {
	d, _ := s.Registry.Type(c.Type)
	b := channelBody{
		ID: c.ID, Type: c.Type, Name: c.Name, Enabled: c.Enabled, Settings: settingsBody{}, OnUncertain: c.OnUncertain,
		ThroughputPerSecond: c.Throughput, PortfolioID: c.Portfolio,
		TierPreset: c.TierPreset, TierPolicy: c.TierPolicy, Health: c.Health, PausedReason: c.PausedReason,
		CreatedAt: rfc3339(c.CreatedAt), UpdatedAt: rfc3339(c.UpdatedAt),
	}
	if b.ThroughputPerSecond == 0 {
		b.ThroughputPerSecond = d.Throughput
	}
	_ = json.Unmarshal(c.Settings, &b.Settings) // the registry stored an object
	for _, setting := range d.Settings {
		if setting.Secret() {
			b.Settings[setting.Key] = json.RawMessage(`{"set":false}`)
		}
	}
	for _, key := range c.Secrets {
		b.Settings[key] = json.RawMessage(`{"set":true}`)
	}
	if !p.Can(account.ManageChannels) {
		for key := range c.Generated {
			b.Settings[key] = json.RawMessage(`{"set":true}`)
		}
		return b
	}
	b.VerifyToken = c.Generated["verifyToken"]
	b.WebhookURL = s.PublicURL + "/webhooks/" + c.Type + "/" + c.ID
	if c.WebhookToken != "" {
		b.WebhookURL += "/" + c.WebhookToken
	}
	return b
}
