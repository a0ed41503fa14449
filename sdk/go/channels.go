package linktor

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// Channel is one configured account at a provider.
type Channel struct {
	ID                  string          `json:"id"`
	Type                string          `json:"type"`
	Name                string          `json:"name"`
	Enabled             bool            `json:"enabled"`
	Settings            json.RawMessage `json:"settings"`   // secrets read {"set":true}
	WebhookURL          string          `json:"webhookUrl"` // for the provider; shown to those who may manage channels
	VerifyToken         string          `json:"verifyToken"`
	OnUncertain         string          `json:"onUncertain"`
	ThroughputPerSecond float64         `json:"throughputPerSecond"`
	PortfolioID         string          `json:"portfolioId"` // channels of one share their messaging tier
	TierPreset          string          `json:"tierPreset"`  // the table of tiers, see Limits
	TierPolicy          string          `json:"tierPolicy"`  // wait, reject
	Health              *Health         `json:"health"`
	PausedReason        string          `json:"pausedReason"`
	CreatedAt           time.Time       `json:"createdAt"`
	UpdatedAt           time.Time       `json:"updatedAt"`
}

// Health is what the provider says about an account.
type Health struct {
	OK       bool              `json:"ok"`
	Problems []string          `json:"problems"` // what is wrong and what to do, in sentences
	Details  map[string]string `json:"details"`
}

// ChannelParams create or change a channel; empty members stay as they are.
// Type only counts on creation.
type ChannelParams struct {
	Type        string         `json:"type,omitempty"`
	Name        string         `json:"name,omitempty"`
	Settings    map[string]any `json:"settings,omitempty"`
	Enabled     *bool          `json:"enabled,omitempty"`
	OnUncertain string         `json:"onUncertain,omitempty"` // auto, resend, never, manual

	ThroughputPerSecond float64 `json:"throughputPerSecond,omitempty"`

	Tier        *string `json:"tier,omitempty"`       // of the table, such as TIER_1K; empty: not known. Only for Update
	TierPreset  string  `json:"tierPreset,omitempty"` // see Limits. Only for Update
	TierPolicy  string  `json:"tierPolicy,omitempty"` // wait, reject. Only for Update
	PortfolioID *string `json:"portfolioId,omitempty"`
}

// ChannelType says what a type of channel is, needs and can do.
type ChannelType struct {
	Type                string           `json:"type"`
	Name                string           `json:"name"`
	Summary             string           `json:"summary"`
	DocsURL             string           `json:"docsUrl"`
	Settings            []ChannelSetting `json:"settings"`
	Contents            []string         `json:"contents"`
	Interactive         []string         `json:"interactive"`
	WindowSeconds       int64            `json:"windowSeconds"`
	ThroughputPerSecond float64          `json:"throughputPerSecond"`
	Limits              []struct {
		Field string `json:"field"`
		Max   int    `json:"max"`
		Unit  string `json:"unit"`
	} `json:"limits"`
}

// ChannelSetting is one field of a channel's settings.
type ChannelSetting struct {
	Key      string   `json:"key"`
	Label    string   `json:"label"`
	Help     string   `json:"help"`
	Kind     string   `json:"kind"` // text, secret, url, number, boolean, choice, list, map
	Choices  []string `json:"choices"`
	Default  any      `json:"default"`
	Required bool     `json:"required"`
	Generate bool     `json:"generate"`
	Unique   bool     `json:"unique"` // it names the account: one channel has it
}

// Channels are the calls about channels.
type Channels struct{ t *transport }

// List returns a page of channels.
func (c Channels) List(ctx context.Context, p Paging, options ...CallOption) (*Page[Channel], error) {
	return list[Channel](ctx, c.t, path("channels"), p, nil, options)
}

// All yields every channel, page after page.
func (c Channels) All(ctx context.Context, options ...CallOption) iter.Seq2[Channel, error] {
	return all(ctx, func() (*Page[Channel], error) { return c.List(ctx, Paging{}, options...) })
}

// Get returns a channel.
func (c Channels) Get(ctx context.Context, id string, options ...CallOption) (*Channel, error) {
	return fetch[Channel](ctx, c.t, http.MethodGet, path("channels", id), nil, options)
}

// Create adds a channel.
func (c Channels) Create(ctx context.Context, p ChannelParams, options ...CallOption) (*Channel, error) {
	return fetch[Channel](ctx, c.t, http.MethodPost, path("channels"), p, options)
}

// Update changes a channel.
func (c Channels) Update(ctx context.Context, id string, p ChannelParams, options ...CallOption) (*Channel, error) {
	return fetch[Channel](ctx, c.t, http.MethodPatch, path("channels", id), p, options)
}

// Delete removes a channel.
func (c Channels) Delete(ctx context.Context, id string, options ...CallOption) error {
	return c.t.do(ctx, http.MethodDelete, path("channels", id), nil, nil, nil, options)
}

// Enable lets a channel send and receive.
func (c Channels) Enable(ctx context.Context, id string, options ...CallOption) (*Channel, error) {
	return fetch[Channel](ctx, c.t, http.MethodPost, path("channels", id, "enable"), nothing, options)
}

// Disable stops a channel.
func (c Channels) Disable(ctx context.Context, id string, options ...CallOption) (*Channel, error) {
	return fetch[Channel](ctx, c.t, http.MethodPost, path("channels", id, "disable"), nothing, options)
}

// Verify asks the provider whether the settings work, and says what is wrong.
func (c Channels) Verify(ctx context.Context, id string, options ...CallOption) (*Health, error) {
	return fetch[Health](ctx, c.t, http.MethodPost, path("channels", id, "verify"), nothing, options)
}

// Types returns the channel types of the server.
func (c Channels) Types(ctx context.Context, options ...CallOption) ([]ChannelType, error) {
	body, err := fetch[struct{ Data []ChannelType }](ctx, c.t, http.MethodGet, path("channel-types"), nil, options)
	if err != nil {
		return nil, err
	}
	return body.Data, nil
}
