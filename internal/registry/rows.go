package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

// row is a channel as it is stored.
type row struct {
	ID           string  `db:"id"`
	TenantID     string  `db:"tenant_id"`
	Type         string  `db:"type"`
	Name         string  `db:"name"`
	Enabled      bool    `db:"enabled"`
	Settings     string  `db:"settings"`
	Secrets      []byte  `db:"secrets"`
	WebhookToken string  `db:"webhook_token"`
	OnUncertain  string  `db:"on_uncertain"`
	Throughput   float64 `db:"throughput"`
	Portfolio    string  `db:"portfolio"`
	TierPreset   string  `db:"tier_preset"`
	TierPolicy   string  `db:"tier_policy"`
	Health       string  `db:"health"`
	PausedReason string  `db:"paused_reason"`
	Version      int64   `db:"version"`
	CreatedAt    int64   `db:"created_at"`
	UpdatedAt    int64   `db:"updated_at"`
}

const selectChannels = `
	SELECT id, tenant_id, type, name, enabled, settings, secrets, webhook_token, on_uncertain, throughput,
		portfolio, tier_preset, tier_policy, health, paused_reason, version, created_at, updated_at
	FROM channels WHERE deleted_at IS NULL`

func aad(channelID string) string { return "channels|secrets|" + channelID }

// channel returns the row as a Channel, with the object that its adapter opens.
func (r *Registry) channel(x row) (c Channel, plain json.RawMessage, err error) {
	var settings object
	if err := json.Unmarshal([]byte(x.Settings), &settings); err != nil {
		return Channel{}, nil, fmt.Errorf("channel %s: settings: %w", x.ID, err)
	}
	secrets, err := r.unseal(x.ID, x.Secrets)
	if err != nil {
		return Channel{}, nil, err
	}
	c = Channel{
		ID: x.ID, TenantID: x.TenantID, Type: x.Type, Name: x.Name, Enabled: x.Enabled,
		Settings: json.RawMessage(x.Settings), Secrets: secrets.keys(), WebhookToken: x.WebhookToken,
		Generated:   generated(r.adapters[x.Type].description, settings, secrets),
		OnUncertain: x.OnUncertain, Throughput: x.Throughput, Portfolio: x.Portfolio,
		TierPreset: x.TierPreset, TierPolicy: x.TierPolicy, Health: json.RawMessage(x.Health),
		PausedReason: x.PausedReason, Version: x.Version,
		CreatedAt: db.Time(x.CreatedAt), UpdatedAt: db.Time(x.UpdatedAt),
	}
	return c, settings.with(secrets).json(), nil
}

func (r *Registry) unseal(channelID string, sealed []byte) (object, error) {
	if len(sealed) == 0 {
		return object{}, nil
	}
	plain, err := r.box.Open(sealed, aad(channelID))
	if err != nil {
		return nil, fmt.Errorf("channel %s: secrets: %w", channelID, err)
	}
	var secrets object
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, fmt.Errorf("channel %s: secrets: %w", channelID, err)
	}
	return secrets, nil
}

func (r *Registry) seal(channelID string, secrets object) ([]byte, error) {
	if len(secrets) == 0 {
		return []byte{}, nil
	}
	sealed, err := r.box.Seal(secrets.json(), aad(channelID))
	if err != nil {
		return nil, fmt.Errorf("channel %s: secrets: %w", channelID, err)
	}
	return sealed, nil
}

// load reads and opens a channel of any tenant.
func (r *Registry) load(ctx context.Context, channelID string) (*Open, error) {
	return r.openRow(ctx, selectChannels+` AND id = $1`, channelID)
}

func (r *Registry) openRow(ctx context.Context, query string, args ...any) (*Open, error) {
	c, plain, err := r.one(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return r.open(c, plain)
}

func (r *Registry) one(ctx context.Context, query string, args ...any) (Channel, json.RawMessage, error) {
	var x row
	err := r.db.GetContext(ctx, &x, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return Channel{}, nil, fault.Missing("channel")
	}
	if err != nil {
		return Channel{}, nil, fmt.Errorf("read channel: %w", err)
	}
	return r.channel(x)
}

// Get returns one opened channel of the tenant, read now.
func (r *Registry) Get(ctx context.Context, tenantID, channelID string) (*Open, error) {
	return r.openRow(ctx, selectChannels+` AND tenant_id = $1 AND id = $2`, tenantID, channelID)
}

// Show returns one channel of the tenant, also if its settings no longer open.
func (r *Registry) Show(ctx context.Context, tenantID, channelID string) (Channel, error) {
	c, _, err := r.one(ctx, selectChannels+` AND tenant_id = $1 AND id = $2`, tenantID, channelID)
	return c, err
}

// Filter chooses channels of a tenant.
type Filter struct {
	IDs   []string // only these; nil means all
	Type  string   // only this type
	After string   // ids after this one
	Limit int
}

// List returns a tenant's channels, oldest first.
func (r *Registry) List(ctx context.Context, tenantID string, f Filter) ([]Channel, error) {
	query := selectChannels + ` AND tenant_id = $1 AND id > $2 AND ($3 = '' OR type = $3)`
	args := []any{tenantID, f.After, f.Type}
	if f.IDs != nil {
		query += ` AND id IN (`
		for i, id := range f.IDs {
			if i > 0 {
				query += `, `
			}
			args = append(args, id)
			query += fmt.Sprintf("$%d", len(args))
		}
		query += `)`
	}
	args = append(args, f.Limit)
	var rows []row
	if err := r.db.SelectContext(ctx, &rows, query+fmt.Sprintf(` ORDER BY id LIMIT $%d`, len(args)), args...); err != nil {
		return nil, fmt.Errorf("list channels: %w", err)
	}
	list := make([]Channel, len(rows))
	for i, x := range rows {
		c, _, err := r.channel(x)
		if err != nil {
			return nil, err
		}
		list[i] = c
	}
	return list, nil
}
