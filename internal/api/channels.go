package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/registry"
)

func (s *Server) registerChannels() {
	op := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/channels" + path, Summary: summary,
			Tags: []string{"Channels"}, DefaultStatus: status}
	}
	view, manage := need(account.ViewChannels), need(account.ManageChannels)
	types := op("list-channel-types", http.MethodGet, "", "List channel types, with their settings and limits", 200)
	types.Path = "/api/v1/channel-types"
	route(s, types, view, s.listChannelTypes)
	route(s, op("list-channels", http.MethodGet, "", "List channels", 200), view, s.listChannels)
	route(s, op("create-channel", http.MethodPost, "", "Create a channel", 201), manage, s.createChannel)
	route(s, op("get-channel", http.MethodGet, "/{channelId}", "Get a channel", 200), view, s.getChannel)
	route(s, op("update-channel", http.MethodPatch, "/{channelId}", "Change a channel", 200), manage, s.updateChannel)
	route(s, op("delete-channel", http.MethodDelete, "/{channelId}", "Delete a channel; its messages stay", 204), manage, s.deleteChannel)
	route(s, op("enable-channel", http.MethodPost, "/{channelId}/enable", "Let a channel send, and end a pause", 200), manage, s.enableChannel)
	route(s, op("disable-channel", http.MethodPost, "/{channelId}/disable", "Stop a channel from sending; it still receives", 200), manage, s.disableChannel)
	route(s, op("get-channel-limits", http.MethodGet, "/{channelId}/limits", "Show every limit of a channel, and what waits for it", 200), view, s.channelLimits)
	route(s, op("verify-channel", http.MethodPost, "/{channelId}/verify", "Ask the provider whether the settings work", 200), manage, s.verifyChannel)
}

type channelTypesOutput struct {
	Body struct {
		Data []channels.Description `json:"data" nullable:"false"`
	}
}

// listChannelTypes serves GET /api/v1/channel-types.
func (s *Server) listChannelTypes(context.Context, *struct{}) (*channelTypesOutput, error) {
	out := &channelTypesOutput{}
	out.Body.Data = filled(s.Registry.Types())
	return out, nil
}

type listChannelsInput struct {
	PageQuery
	Type string `query:"type" maxLength:"50"`
}

// listChannels serves GET /api/v1/channels.
func (s *Server) listChannels(ctx context.Context, in *listChannelsInput) (*pageOutput[channelBody], error) {
	p := principal(ctx)
	after, err := lastID(in.After)
	if err != nil {
		return nil, err
	}
	f := registry.Filter{Type: in.Type, After: after, Limit: in.Limit + 1}
	if len(p.ChannelIDs) > 0 {
		f.IDs = p.ChannelIDs
	}
	list, err := s.Registry.List(ctx, p.TenantID, f)
	if err != nil {
		return nil, err
	}
	key := func(c registry.Channel) []string { return []string{c.ID} }
	return newPage(list, in.Limit, key, func(c registry.Channel) channelBody { return s.renderChannel(p, c) }), nil
}

type channelPath struct {
	ChannelID string `path:"channelId" maxLength:"100"`
}

type channelOutput struct{ Body channelBody }

// getChannel serves GET /api/v1/channels/{channelId}.
func (s *Server) getChannel(ctx context.Context, in *channelPath) (*channelOutput, error) {
	p := principal(ctx)
	if err := allowedChannel(p, in.ChannelID); err != nil {
		return nil, err
	}
	c, err := s.Registry.Show(ctx, p.TenantID, in.ChannelID)
	if err != nil {
		return nil, err
	}
	return &channelOutput{s.renderChannel(p, c)}, nil
}

// settingsBody is a channel's settings, the secrets among them.
type settingsBody map[string]json.RawMessage

// Schema is asked by huma: the members are listed by the channel type.
func (settingsBody) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true,
		Description: "Members as listed by GET /api/v1/channel-types. Secrets are shown as {\"set\":true}."}
}

type createChannelInput struct {
	Body struct {
		Type                string       `json:"type" maxLength:"50" doc:"One of GET /api/v1/channel-types."`
		Name                string       `json:"name" maxLength:"400"`
		Settings            settingsBody `json:"settings"`
		Enabled             *bool        `json:"enabled,omitempty" doc:"true by default."`
		OnUncertain         string       `json:"onUncertain,omitempty" enum:"auto,resend,never,manual" doc:"What to do when it is unknown whether the provider took a message."`
		ThroughputPerSecond float64      `json:"throughputPerSecond,omitempty" doc:"Sends per second; 0 means the type's default."`
	}
}

type createChannelOutput struct {
	Location string `header:"Location"`
	Body     channelBody
}

// createChannel serves POST /api/v1/channels. It makes no call to the provider:
// see verify.
func (s *Server) createChannel(ctx context.Context, in *createChannelInput) (*createChannelOutput, error) {
	b, p := &in.Body, principal(ctx)
	if len(p.ChannelIDs) > 0 {
		return nil, forbidden("channels:manage, for every channel")
	}
	o, err := s.Registry.Create(ctx, p.TenantID, registry.Draft{
		Type: b.Type, Name: b.Name, Settings: b.Settings, Disabled: b.Enabled != nil && !*b.Enabled,
		OnUncertain: b.OnUncertain, Throughput: b.ThroughputPerSecond,
	})
	if err != nil {
		return nil, err
	}
	return &createChannelOutput{"/api/v1/channels/" + o.ID, s.renderChannel(p, o.Channel)}, nil
}

type updateChannelInput struct {
	ChannelID string `path:"channelId" maxLength:"100"`
	Body      struct {
		Name                *string      `json:"name,omitempty" maxLength:"400"`
		Settings            settingsBody `json:"settings,omitempty" doc:"Merged: what is absent stays, null removes."`
		Enabled             *bool        `json:"enabled,omitempty"`
		OnUncertain         *string      `json:"onUncertain,omitempty" enum:"auto,resend,never,manual"`
		ThroughputPerSecond *float64     `json:"throughputPerSecond,omitempty"`
		TierChange
	}
}

// updateChannel serves PATCH /api/v1/channels/{channelId}. New settings end a
// pause: the operator has acted.
func (s *Server) updateChannel(ctx context.Context, in *updateChannelInput) (*channelOutput, error) {
	b := &in.Body
	out, err := s.patchChannel(ctx, in.ChannelID, registry.Patch{
		Name: b.Name, Enabled: b.Enabled, Settings: b.Settings, OnUncertain: b.OnUncertain, Throughput: b.ThroughputPerSecond,
		Portfolio: b.PortfolioID, TierPreset: b.TierPreset, TierPolicy: b.TierPolicy,
		Also: func(ctx context.Context, tx *db.Tx, c registry.Channel) error {
			return s.setTier(ctx, tx, c, b.TierChange)
		},
	}, len(b.Settings) > 0 || b.Enabled != nil && *b.Enabled)
	if err == nil && b.Tier != nil {
		_, err = s.Conversations.FreeTiers(ctx)
	}
	return out, err
}

// patchChannel applies p and, if resume, lets what waits on a paused channel go on.
func (s *Server) patchChannel(ctx context.Context, channelID string, patch registry.Patch, resume bool) (*channelOutput, error) {
	p := principal(ctx)
	if err := allowedChannel(p, channelID); err != nil {
		return nil, err
	}
	if _, err := s.Registry.Update(ctx, p.TenantID, channelID, patch); err != nil {
		return nil, err
	}
	if resume {
		if err := s.Registry.Pause(ctx, p.TenantID, channelID, ""); err != nil {
			return nil, err
		}
		if err := s.Conversations.ReleaseChannel(ctx, channelID); err != nil {
			return nil, err
		}
	}
	return s.getChannel(ctx, &channelPath{channelID})
}

// enableChannel serves POST /api/v1/channels/{channelId}/enable.
func (s *Server) enableChannel(ctx context.Context, in *channelPath) (*channelOutput, error) {
	on := true
	return s.patchChannel(ctx, in.ChannelID, registry.Patch{Enabled: &on}, true)
}

// disableChannel serves POST /api/v1/channels/{channelId}/disable.
func (s *Server) disableChannel(ctx context.Context, in *channelPath) (*channelOutput, error) {
	off := false
	return s.patchChannel(ctx, in.ChannelID, registry.Patch{Enabled: &off}, false)
}

// deleteChannel serves DELETE /api/v1/channels/{channelId}.
func (s *Server) deleteChannel(ctx context.Context, in *channelPath) (*struct{}, error) {
	p := principal(ctx)
	if err := allowedChannel(p, in.ChannelID); err != nil {
		return nil, err
	}
	return nil, s.Registry.Delete(ctx, p.TenantID, in.ChannelID)
}

type healthOutput struct{ Body channels.Health }

// verifyChannel serves POST /api/v1/channels/{channelId}/verify.
func (s *Server) verifyChannel(ctx context.Context, in *channelPath) (*healthOutput, error) {
	p := principal(ctx)
	o, err := s.ownChannel(ctx, p, in.ChannelID)
	if err != nil {
		return nil, err
	}
	prober, ok := o.Account.(channels.Prober)
	if !ok {
		return nil, channels.ErrUnsupported
	}
	health, err := prober.Probe(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Registry.SetHealth(ctx, p.TenantID, o.ID, health); err != nil {
		return nil, err
	}
	if err := s.checkedTier(ctx, o, health); err != nil {
		return nil, err
	}
	return &healthOutput{health}, nil
}
