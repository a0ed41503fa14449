package templates

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

// Template is a template of one channel in one language.
type Template struct {
	ID, TenantID, ChannelID string
	channels.Template
	CreatedAt time.Time
	UpdatedAt time.Time
	SyncedAt  time.Time // when the provider's list last named it; zero if it never did
}

// Store keeps templates.
type Store struct {
	db  *db.DB
	now func() time.Time
}

// NewStore returns a store in d.
func NewStore(d *db.DB, now func() time.Time) *Store { return &Store{d, now} }

type row struct {
	ID              string `db:"id"`
	TenantID        string `db:"tenant_id"`
	ChannelID       string `db:"channel_id"`
	ProviderID      string `db:"provider_id"`
	Name            string `db:"name"`
	Language        string `db:"language"`
	Category        string `db:"category"`
	Status          string `db:"status"`
	Quality         string `db:"quality"`
	RejectedReason  string `db:"rejected_reason"`
	ParameterFormat string `db:"parameter_format"`
	TTLSeconds      int    `db:"ttl_seconds"`
	Components      string `db:"components"`
	CreatedAt       int64  `db:"created_at"`
	UpdatedAt       int64  `db:"updated_at"`
	SyncedAt        int64  `db:"synced_at"` // 0: never
}

const selectTemplates = `
	SELECT id, tenant_id, channel_id, provider_id, name, language, category, status, quality, rejected_reason,
		parameter_format, ttl_seconds, components, created_at, updated_at, synced_at
	FROM templates WHERE tenant_id = $1 AND channel_id = $2`

func (r row) template() Template {
	t := Template{
		ID: r.ID, TenantID: r.TenantID, ChannelID: r.ChannelID,
		Template: channels.Template{
			ProviderID: r.ProviderID, Name: r.Name, Language: r.Language, Category: r.Category, Status: r.Status,
			Quality: r.Quality, RejectedReason: r.RejectedReason, ParameterFormat: r.ParameterFormat,
			TTLSeconds: r.TTLSeconds, Components: json.RawMessage(r.Components),
		},
		CreatedAt: db.Time(r.CreatedAt), UpdatedAt: db.Time(r.UpdatedAt),
	}
	if r.SyncedAt > 0 {
		t.SyncedAt = db.Time(r.SyncedAt)
	}
	return t
}

// Filter chooses templates of a channel; empty fields choose all.
type Filter struct {
	Name, Language, Status, Category string
	After                            string // ids after this one
	Limit                            int
}

// List returns templates of a channel, oldest first.
func (s *Store) List(ctx context.Context, tenantID, channelID string, f Filter) ([]Template, error) {
	var rows []row
	err := s.db.SelectContext(ctx, &rows, selectTemplates+`
		AND ($3 = '' OR name = $3) AND ($4 = '' OR language = $4) AND ($5 = '' OR status = $5)
		AND ($6 = '' OR category = $6) AND id > $7 ORDER BY id LIMIT $8`,
		tenantID, channelID, f.Name, f.Language, f.Status, f.Category, f.After, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	list := make([]Template, len(rows))
	for i, r := range rows {
		list[i] = r.template()
	}
	return list, nil
}

// Get returns one template.
func (s *Store) Get(ctx context.Context, tenantID, channelID, templateID string) (Template, error) {
	return s.one(ctx, selectTemplates+` AND id = $3`, tenantID, channelID, templateID)
}

func (s *Store) one(ctx context.Context, query string, args ...any) (Template, error) {
	var r row
	err := s.db.GetContext(ctx, &r, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return Template{}, fault.Missing("template")
	}
	if err != nil {
		return Template{}, fmt.Errorf("read template: %w", err)
	}
	return r.template(), nil
}
