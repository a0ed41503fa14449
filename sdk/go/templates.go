package linktor

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// Template is a message template as its provider keeps it.
type Template struct {
	ID              string          `json:"id"`
	ChannelID       string          `json:"channelId"`
	ProviderID      string          `json:"providerId"`
	Name            string          `json:"name"`
	Language        string          `json:"language"`
	Category        string          `json:"category"` // MARKETING, UTILITY, AUTHENTICATION
	Status          string          `json:"status"`   // APPROVED, PENDING, REJECTED, PAUSED, ...
	Quality         string          `json:"quality"`
	RejectedReason  string          `json:"rejectedReason"`
	ParameterFormat string          `json:"parameterFormat"` // POSITIONAL or NAMED
	TTLSeconds      int             `json:"ttlSeconds"`
	Components      json.RawMessage `json:"components"` // the provider's definition
	CreatedAt       *time.Time      `json:"createdAt"`
	UpdatedAt       *time.Time      `json:"updatedAt"`
	SyncedAt        *time.Time      `json:"syncedAt"` // when the provider's list last named it
}

// TemplateParams create or change a template; empty members stay as they are.
type TemplateParams struct {
	Name            string `json:"name,omitempty"`
	Language        string `json:"language,omitempty"`
	Category        string `json:"category,omitempty"`
	Components      any    `json:"components,omitempty"`
	ParameterFormat string `json:"parameterFormat,omitempty"`
	TTLSeconds      int    `json:"ttlSeconds,omitempty"`
}

// TemplateFilter selects templates. Empty members select everything.
type TemplateFilter struct {
	Paging
	Name, Language, Status, Category string
}

// Templates are the calls about the templates of a channel.
type Templates struct{ t *transport }

// List returns a page of templates.
func (s Templates) List(ctx context.Context, channelID string, f TemplateFilter, options ...CallOption) (*Page[Template], error) {
	query := values("name", f.Name, "language", f.Language, "status", f.Status, "category", f.Category)
	return list[Template](ctx, s.t, path("channels", channelID, "templates"), f.Paging, query, options)
}

// All yields every template that List would, page after page.
func (s Templates) All(ctx context.Context, channelID string, f TemplateFilter, options ...CallOption) iter.Seq2[Template, error] {
	return all(ctx, func() (*Page[Template], error) { return s.List(ctx, channelID, f, options...) })
}

// Get returns a template.
func (s Templates) Get(ctx context.Context, channelID, id string, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, s.t, http.MethodGet, path("channels", channelID, "templates", id), nil, options)
}

// Create submits a template to the provider for approval.
func (s Templates) Create(ctx context.Context, channelID string, p TemplateParams, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, s.t, http.MethodPost, path("channels", channelID, "templates"), p, options)
}

// Update changes a template.
func (s Templates) Update(ctx context.Context, channelID, id string, p TemplateParams, options ...CallOption) (*Template, error) {
	return fetch[Template](ctx, s.t, http.MethodPatch, path("channels", channelID, "templates", id), p, options)
}

// Delete removes a template.
func (s Templates) Delete(ctx context.Context, channelID, id string, options ...CallOption) error {
	return s.t.do(ctx, http.MethodDelete, path("channels", channelID, "templates", id), nil, nil, nil, options)
}

// TemplateSync is what a look at the provider's list changed here.
type TemplateSync struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
	Total   int `json:"total"`
}

// Sync fetches the provider's list of templates now.
func (s Templates) Sync(ctx context.Context, channelID string, options ...CallOption) (*TemplateSync, error) {
	return fetch[TemplateSync](ctx, s.t, http.MethodPost, path("channels", channelID, "templates", "sync"), nothing, options)
}
