package api

import (
	"context"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/registry"
)

// ChannelRates tells the present rate of a channel.
type ChannelRates interface {
	Throughput(ctx context.Context, channelID string, perSecond float64) limits.Throughput
}

// limitsBody is every limit of a channel and what waits for it.
type limitsBody struct {
	Throughput throughputGauge  `json:"throughput"`
	Pair       pairGauge        `json:"pair"`
	Tier       tierGauge        `json:"tier"`
	Marketing  *marketingGauge  `json:"marketing,omitempty" doc:"Absent while nothing is held back."`
	Templates  []templateGauge  `json:"templates" doc:"Those that the provider paused or disabled."`
	Breaker    breakerGauge     `json:"breaker"`
	Presets    []limits.Preset  `json:"tierPresets" doc:"The tables that tierPreset names."`
	Queued     int64            `json:"queued" doc:"Messages that are not sent yet."`
	Waiting    []waitCountGauge `json:"waiting" doc:"Those that have waited for more than a moment, by reason."`
}

type throughputGauge struct {
	Limit          float64 `json:"limit" doc:"Messages per second, as configured."`
	Rate           float64 `json:"rate" doc:"The present rate: lower after the provider complained, until it has grown back."`
	Used           int64   `json:"used" doc:"Of what may go out at once."`
	Remaining      int64   `json:"remaining"`
	ResetsAt       string  `json:"resetsAt,omitempty" format:"date-time"`
	ThrottledUntil string  `json:"throttledUntil,omitempty" format:"date-time" doc:"The provider asked to wait."`
}

type pairGauge struct {
	Limit        int64  `json:"limit" doc:"Messages to one recipient at once; 0: not limited."`
	EverySeconds int64  `json:"everySeconds" doc:"What each of them has to be paid back with."`
	Used         int64  `json:"recipientsHeld" doc:"Recipients who have to wait."`
	ResetsAt     string `json:"resetsAt,omitempty" format:"date-time" doc:"When the first of them may get another."`
}

type tierGauge struct {
	Scope     string `json:"scope" enum:"channel,portfolio" doc:"Who shares it."`
	Preset    string `json:"preset"`
	Policy    string `json:"policy" enum:"wait,reject"`
	Name      string `json:"name,omitempty"`
	Limit     int64  `json:"limit" doc:"People written to first in 24 hours; 0: not known, -1: unlimited."`
	Used      int64  `json:"used"`
	Remaining *int64 `json:"remaining,omitempty" doc:"Absent if nothing is limited."`
	ResetsAt  string `json:"resetsAt,omitempty" format:"date-time" doc:"When the next place is free."`
	Source    string `json:"source,omitempty" doc:"Who said so: provider, operator, check."`
}

type marketingGauge struct {
	Until   string `json:"until,omitempty" format:"date-time" doc:"Of the whole channel."`
	Persons int64  `json:"persons" doc:"People to whom the provider holds marketing back."`
}

type templateGauge struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	Status   string `json:"status"`
	Until    string `json:"until,omitempty" format:"date-time"`
}

type breakerGauge struct {
	State  string `json:"state" enum:"closed,open,probing"`
	Until  string `json:"until,omitempty" format:"date-time"`
	Reason string `json:"reason,omitempty"`
	Opens  int64  `json:"opens,omitempty" doc:"Times in a row."`
}

type waitCountGauge struct {
	Reason     string   `json:"reason"`
	Count      int64    `json:"count"`
	Until      string   `json:"until,omitempty" format:"date-time" doc:"Of the first; absent: until somebody acts."`
	MessageIDs []string `json:"messageIds" doc:"A few of them."`
}

type limitsOutput struct {
	Body struct {
		Data limitsBody `json:"data"`
	}
}

// channelLimits serves GET /api/v1/channels/{channelId}/limits.
func (s *Server) channelLimits(ctx context.Context, in *channelPath) (*limitsOutput, error) {
	o, err := s.ownChannel(ctx, principal(ctx), in.ChannelID)
	if err != nil {
		return nil, err
	}
	g, err := s.Conversations.Gauges(ctx, o.TenantID, o.ID, conversations.TierScope(o.TenantID, o.ID, o.Portfolio), o.Description.Pair.Burst)
	if err != nil {
		return nil, err
	}
	out := &limitsOutput{}
	b := &out.Body.Data
	b.Throughput = s.throughput(ctx, o, g)
	b.Pair = pairGauge{o.Description.Pair.Burst, int64(o.Description.Pair.Every), g.Pairs, rfc3339(g.PairFree)}
	b.Tier = renderTier(o.Channel, g.Tier)
	if !g.Marketing.IsZero() || g.Persons > 0 {
		b.Marketing = &marketingGauge{rfc3339(g.Marketing), g.Persons}
	}
	b.Templates, b.Waiting = []templateGauge{}, []waitCountGauge{}
	for _, t := range g.Templates {
		b.Templates = append(b.Templates, templateGauge{t.Name, t.Language, t.Status, rfc3339(t.Until)})
	}
	b.Breaker = breakerGauge{State: g.Breaker.State, Reason: g.Breaker.Reason, Opens: g.Breaker.Opens}
	if g.Breaker.State != conversations.BreakerClosed && g.Breaker.Until.Unix() > 0 {
		b.Breaker.Until = rfc3339(g.Breaker.Until)
	}
	b.Presets, b.Queued = limits.Presets(), g.Queued
	for _, w := range g.Waiting {
		b.Waiting = append(b.Waiting, waitCountGauge{w.Reason, w.Count, rfc3339(w.Until), filled(w.MessageIDs)})
	}
	return out, nil
}

func (s *Server) throughput(ctx context.Context, o *registry.Open, g conversations.Gauges) throughputGauge {
	limit := o.Rate()
	t := throughputGauge{Limit: limit, Rate: limit, ThrottledUntil: rfc3339(g.Throttled)}
	if s.Rates == nil || limit <= 0 {
		return t
	}
	now := s.Rates.Throughput(ctx, o.ID, limit)
	t.Rate, t.Used, t.Remaining = now.Rate, now.Burst-now.Remaining, now.Remaining
	if now.Reset > 0 {
		t.ResetsAt = rfc3339(s.Now().Add(now.Reset))
	}
	return t
}

func renderTier(c registry.Channel, t conversations.Tier) tierGauge {
	p, _ := limits.PresetOf(c.TierPreset)
	g := tierGauge{Scope: "channel", Preset: p.Name, Policy: c.TierPolicy, Name: t.Name, Limit: t.Recipients, Used: t.Used, Source: t.Source, ResetsAt: rfc3339(t.Next)}
	if strings.Contains(t.Scope, "/") {
		g.Scope = "portfolio"
	}
	if t.Recipients > 0 {
		left := max(0, t.Recipients-t.Used)
		g.Remaining = &left
	}
	return g
}

// TierChange is what an operator says of a channel's messaging tier.
type TierChange struct {
	Tier        *string `json:"tier,omitempty" maxLength:"50" doc:"A tier of the preset, such as TIER_1K; empty: not known."`
	TierPreset  *string `json:"tierPreset,omitempty" maxLength:"50" doc:"The table of tiers: see GET /api/v1/channels/{channelId}/limits."`
	TierPolicy  *string `json:"tierPolicy,omitempty" enum:"wait,reject" doc:"What becomes of a message that would exceed the tier."`
	PortfolioID *string `json:"portfolioId,omitempty" maxLength:"100" doc:"Channels that name the same one share their tier, if that is the preset's scope; empty: this channel alone."`
}

// tier checks a change that has made c what it is, and returns the tier that it
// names, if it names one.
func (t TierChange) tier(c registry.Channel) (tier limits.Tier, named bool, err error) {
	p, ok := limits.PresetOf(c.TierPreset)
	if !ok {
		return tier, false, fault.Field("/tierPreset", "unsupported", "There is no such table of tiers. See GET /api/v1/channels/{channelId}/limits.")
	}
	if t.Tier == nil || *t.Tier == "" {
		return tier, t.Tier != nil, nil
	}
	if tier, ok = p.Tier(*t.Tier); !ok {
		return tier, false, fault.Field("/tier", "unsupported", "The table of tiers has no such tier. See GET /api/v1/channels/{channelId}/limits.")
	}
	return tier, true, nil
}

// setTier makes an operator's tier count, in the transaction that changes c.
func (s *Server) setTier(ctx context.Context, tx *db.Tx, c registry.Channel, change TierChange) error {
	tier, named, err := change.tier(c)
	if err != nil || !named {
		return err
	}
	return s.Conversations.SetTierIn(ctx, tx, c.TenantID, c.ID, c.Portfolio, tier.Name, tier.Recipients, "operator")
}

// checkedTier makes the tier count that a provider names when it is asked.
func (s *Server) checkedTier(ctx context.Context, o *registry.Open, h channels.Health) error {
	for _, p := range limits.Presets() {
		if t, ok := p.Tier(h.Details["tier"]); ok {
			return s.Conversations.SetTier(ctx, o.TenantID, o.ID, o.Portfolio, t.Name, t.Recipients, "check")
		}
	}
	return nil
}
