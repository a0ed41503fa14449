package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

// Limits of a channel's own fields.
const (
	maxName       = 100      // characters
	maxSettings   = 64 << 10 // bytes of settings and secrets together
	maxPortfolio  = 100      // characters
	maxThroughput = 1000     // sends per second: WhatsApp's highest, the highest of any type
)

// Draft is a channel to create.
type Draft struct {
	Type, Name  string
	Settings    map[string]json.RawMessage // with the secrets
	Disabled    bool
	OnUncertain string  // empty means auto
	Throughput  float64 // 0 means the type's default
	Portfolio   string  // empty: the business account that the settings name, if the preset is shared
	TierPreset  string
	TierPolicy  string // empty means wait
}

// Patch changes a channel. Nil fields stay.
type Patch struct {
	Name        *string
	Enabled     *bool
	Settings    map[string]json.RawMessage // merged: absent stays, null removes
	OnUncertain *string
	Throughput  *float64
	Portfolio   *string
	TierPreset  *string
	TierPolicy  *string

	// Also changes what belongs to the channel, as it is now, in the same
	// transaction; its error undoes everything. May be nil.
	Also func(ctx context.Context, tx *db.Tx, c Channel) error
}

// Create stores a new channel and announces it. Its settings must open; no call
// to the provider is made.
func (r *Registry) Create(ctx context.Context, tenantID string, d Draft) (*Open, error) {
	a, ok := r.adapters[d.Type]
	if !ok {
		return nil, fault.Field("/type", "unsupported", "There is no such channel type. See GET /api/v1/channel-types.")
	}
	settings, secrets, err := merge(a.description, object{}, object{}, d.Settings)
	if err != nil {
		return nil, err
	}
	now := r.now()
	x := row{
		ID: id.New(id.Channel), TenantID: tenantID, Type: d.Type, Name: strings.TrimSpace(d.Name), Enabled: !d.Disabled,
		OnUncertain: d.OnUncertain, Throughput: d.Throughput, Health: "{}",
		TierPreset: d.TierPreset, TierPolicy: d.TierPolicy, Version: 1,
		CreatedAt: db.Micros(now), UpdatedAt: db.Micros(now),
	}
	if x.OnUncertain == "" {
		x.OnUncertain = "auto"
	}
	if x.TierPolicy == "" {
		x.TierPolicy = "wait"
	}
	portfolio := strings.TrimSpace(d.Portfolio)
	if portfolio == "" && shares(d.TierPreset) {
		portfolio = settings.text(businessAccount)
	}
	if err := x.place(x, "", settings, &portfolio); err != nil {
		return nil, err
	}
	if !a.description.Webhook.Signed {
		x.WebhookToken = randomToken()
	}
	o, err := r.check(&x, settings, secrets)
	if err != nil {
		return nil, err
	}
	err = r.db.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.NamedExecContext(ctx, `
			INSERT INTO channels (id, tenant_id, type, name, enabled, settings, secrets, webhook_token, on_uncertain,
				throughput, portfolio, tier_preset, tier_policy, health, paused_reason, version, created_at, updated_at)
			VALUES (:id, :tenant_id, :type, :name, :enabled, :settings, :secrets, :webhook_token, :on_uncertain,
				:throughput, :portfolio, :tier_preset, :tier_policy, :health, :paused_reason, :version, :created_at, :updated_at)`, x); err != nil {
			return err
		}
		if err := r.alone(ctx, tx, x); err != nil {
			return err
		}
		return r.announce(ctx, tx, o.Channel, "created")
	})
	if err != nil {
		return nil, fmt.Errorf("create channel: %w", err)
	}
	r.remember(o)
	return o, nil
}

// check validates x and opens it with the settings, which it puts into x.
func (r *Registry) check(x *row, settings, secrets object) (*Open, error) {
	inv := &channels.Invalid{}
	if n := len([]rune(x.Name)); n == 0 {
		inv.Add("/name", "required", "A channel needs a name.")
	} else if n > maxName {
		inv.AddLimit("/name", "too_long", maxName, fmt.Sprintf("The name is longer than %d characters.", maxName))
	}
	switch x.OnUncertain {
	case "auto", "resend", "never", "manual":
	default:
		inv.Add("/onUncertain", "invalid", "onUncertain is one of auto, resend, never and manual.")
	}
	if !(x.Throughput >= 0 && x.Throughput <= maxThroughput) { // also refuses NaN
		inv.AddLimit("/throughputPerSecond", "invalid", maxThroughput, fmt.Sprintf("Throughput is between 0, the default, and %d per second.", maxThroughput))
	}
	if x.TierPolicy != "wait" && x.TierPolicy != "reject" {
		inv.Add("/tierPolicy", "invalid", "tierPolicy is wait or reject.")
	}
	if len(x.Portfolio) > maxPortfolio {
		inv.AddLimit("/portfolioId", "too_long", maxPortfolio, fmt.Sprintf("The portfolio's id is longer than %d characters.", maxPortfolio))
	}
	if len(settings.json())+len(secrets.json()) > maxSettings {
		inv.AddLimit("/settings", "too_long", maxSettings, fmt.Sprintf("The settings are larger than %d bytes.", maxSettings))
	}
	if err := inv.Err(); err != nil {
		return nil, fault.FromInvalid(err, "")
	}
	sealed, err := r.seal(x.ID, secrets)
	if err != nil {
		return nil, err
	}
	x.Settings, x.Secrets = string(settings.json()), sealed
	c, plain, err := r.channel(*x)
	if err != nil {
		return nil, err
	}
	return r.open(c, plain)
}

// apply changes the columns that stand by themselves, and returns what that is called.
func (p *Patch) apply(x *row) (verb string) {
	verb = "updated"
	if p.Enabled != nil && *p.Enabled != x.Enabled {
		x.Enabled = *p.Enabled
		verb = map[bool]string{true: "enabled", false: "disabled"}[x.Enabled]
	}
	if p.Name != nil {
		x.Name = strings.TrimSpace(*p.Name)
	}
	if p.OnUncertain != nil {
		x.OnUncertain = *p.OnUncertain
	}
	if p.Throughput != nil {
		x.Throughput = *p.Throughput
	}
	if p.TierPreset != nil {
		x.TierPreset = *p.TierPreset
	}
	if p.TierPolicy != nil {
		x.TierPolicy = *p.TierPolicy
	}
	return verb
}

// Update changes a channel and announces what happened to it. The result must
// open, as in Create.
func (r *Registry) Update(ctx context.Context, tenantID, channelID string, p Patch) (*Open, error) {
	var o *Open
	also := func(ctx context.Context, tx *db.Tx) error {
		if p.Also == nil {
			return nil
		}
		return p.Also(ctx, tx, o.Channel)
	}
	err := r.changeAnd(ctx, tenantID, channelID, func(x *row) (string, error) {
		before := *x
		verb := p.apply(x)
		var settings object
		if err := json.Unmarshal([]byte(x.Settings), &settings); err != nil {
			return "", fmt.Errorf("settings: %w", err)
		}
		secrets, err := r.unseal(x.ID, x.Secrets)
		if err != nil {
			return "", err
		}
		account := settings.text(businessAccount)
		if settings, secrets, err = merge(r.adapters[x.Type].description, settings, secrets, p.Settings); err != nil {
			return "", err
		}
		if err := x.place(before, account, settings, trimmed(p.Portfolio)); err != nil {
			return "", err
		}
		o, err = r.check(x, settings, secrets)
		return verb, err
	}, also)
	if err != nil {
		return nil, fmt.Errorf("update channel %s: %w", channelID, err)
	}
	o.Version++
	return o, nil
}

// Delete removes a channel. Its row stays for the messages that name it; its
// secrets do not.
func (r *Registry) Delete(ctx context.Context, tenantID, channelID string) error {
	err := r.change(ctx, tenantID, channelID, func(x *row) (string, error) {
		x.Secrets, x.Enabled = []byte{}, false
		return "deleted", nil
	})
	if err != nil {
		return fmt.Errorf("delete channel %s: %w", channelID, err)
	}
	return nil
}

// SetHealth stores what the provider thinks of the account. It announces only a
// change of opinion.
func (r *Registry) SetHealth(ctx context.Context, tenantID, channelID string, h channels.Health) error {
	raw, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("health of channel %s: %w", channelID, err)
	}
	err = r.change(ctx, tenantID, channelID, func(x *row) (string, error) {
		var before channels.Health
		if err := json.Unmarshal([]byte(x.Health), &before); err != nil {
			return "", err
		}
		known := x.Health != "{}"
		x.Health = string(raw)
		if known && before.OK == h.OK {
			return "", nil
		}
		return "health", nil
	})
	if err != nil {
		return fmt.Errorf("health of channel %s: %w", channelID, err)
	}
	return nil
}

// Pause makes the channel's sends wait, for a reason that operators read; an
// empty reason lets them go on.
func (r *Registry) Pause(ctx context.Context, tenantID, channelID, reason string) error {
	err := r.change(ctx, tenantID, channelID, func(x *row) (string, error) {
		if x.PausedReason == reason {
			return "", nil
		}
		x.PausedReason = reason
		if reason == "" {
			return "resumed", nil
		}
		return "paused", nil
	})
	if err != nil {
		return fmt.Errorf("pause channel %s: %w", channelID, err)
	}
	return nil
}

// change runs fn on the locked row, writes the row back with a new version, and
// announces the verb that fn returns, if any, in the same transaction.
func (r *Registry) change(ctx context.Context, tenantID, channelID string, fn func(*row) (verb string, err error)) error {
	return r.changeAnd(ctx, tenantID, channelID, fn, func(context.Context, *db.Tx) error { return nil })
}

// changeAnd is change, followed by also in the same transaction.
func (r *Registry) changeAnd(ctx context.Context, tenantID, channelID string, fn func(*row) (verb string, err error), also func(context.Context, *db.Tx) error) error {
	err := r.db.InTx(ctx, func(tx *db.Tx) error {
		query := selectChannels + ` AND tenant_id = $1 AND id = $2`
		if tx.Dialect == db.Postgres { // SQLite has one writer
			query += ` FOR UPDATE`
		}
		var x row
		err := tx.GetContext(ctx, &x, query, tenantID, channelID)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("channel")
		}
		if err != nil {
			return err
		}
		before := x
		verb, err := fn(&x)
		if err != nil {
			return err
		}
		if err := r.stillAlone(ctx, tx, before, x); err != nil {
			return err
		}
		x.UpdatedAt = db.Micros(r.now())
		deleted := sql.NullInt64{Int64: x.UpdatedAt, Valid: verb == "deleted"}
		if _, err := tx.ExecContext(ctx, `
			UPDATE channels SET name = $2, enabled = $3, settings = $4, secrets = $5, on_uncertain = $6, throughput = $7,
				health = $8, paused_reason = $9, updated_at = $10, deleted_at = $11, portfolio = $12, tier_preset = $13, tier_policy = $14,
				version = version + 1 WHERE id = $1`,
			x.ID, x.Name, x.Enabled, x.Settings, x.Secrets, x.OnUncertain, x.Throughput, x.Health, x.PausedReason,
			x.UpdatedAt, deleted, x.Portfolio, x.TierPreset, x.TierPolicy); err != nil {
			return err
		}
		if err := also(ctx, tx); err != nil || verb == "" {
			return err
		}
		c := Channel{ID: x.ID, TenantID: x.TenantID, Type: x.Type, Name: x.Name, Enabled: x.Enabled,
			PausedReason: x.PausedReason, Health: json.RawMessage(x.Health), UpdatedAt: db.Time(x.UpdatedAt)}
		return r.announce(ctx, tx, c, verb)
	})
	r.forget(channelID)
	return err
}

// statusData is the data of a channel.status event.
type statusData struct {
	ChannelID    string          `json:"channelId"`
	ChannelType  string          `json:"channelType"`
	Name         string          `json:"name"`
	Change       string          `json:"change"` // created, updated, enabled, disabled, paused, resumed, health, deleted
	Enabled      bool            `json:"enabled"`
	PausedReason string          `json:"pausedReason,omitempty"`
	Health       json.RawMessage `json:"health"`
}

// pauseData is the data of channel.paused and channel.resumed.
type pauseData struct {
	ChannelID string `json:"channelId"`
	Cause     string `json:"cause"`            // provider: it refuses everything that the channel sends
	Reason    string `json:"reason,omitempty"` // what is wrong and what to do
}

func (r *Registry) announce(ctx context.Context, tx *db.Tx, c Channel, verb string) error {
	e, err := events.New(c.TenantID, "channel.status", c.ID, "", c.UpdatedAt, statusData{
		ChannelID: c.ID, ChannelType: c.Type, Name: c.Name, Change: verb, Enabled: c.Enabled,
		PausedReason: c.PausedReason, Health: c.Health,
	})
	if err != nil {
		return err
	}
	list := []events.Event{e}
	if typ := map[string]string{"paused": "channel.paused", "resumed": "channel.resumed"}[verb]; typ != "" {
		e, err := events.New(c.TenantID, typ, c.ID, "", c.UpdatedAt, pauseData{ChannelID: c.ID, Cause: "provider", Reason: c.PausedReason})
		if err != nil {
			return err
		}
		list = append(list, e)
	}
	return events.Append(ctx, tx, list)
}
