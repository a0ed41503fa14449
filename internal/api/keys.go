package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/internal/account"
)

func (s *Server) registerKeys() {
	op := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/keys" + path, Summary: summary,
			Tags: []string{"API keys"}, DefaultStatus: status}
	}
	manage := need(account.ManageKeys)
	route(s, op("list-keys", http.MethodGet, "", "List API keys", 200), manage, s.listKeys)
	route(s, op("create-key", http.MethodPost, "", "Create an API key; its secret is in this answer only", 201), manage, s.createKey)
	route(s, op("get-key", http.MethodGet, "/{id}", "Get an API key", 200), manage, s.getKey)
	route(s, op("update-key", http.MethodPatch, "/{id}", "Change an API key, or switch it off", 200), manage, s.updateKey)
	route(s, op("delete-key", http.MethodDelete, "/{id}", "Delete an API key for good", 204), manage, s.deleteKey)
}

// Key is an API key without its secret.
type Key struct {
	ID          string               `json:"id"`
	Name        string               `json:"name"`
	Description string               `json:"description"`
	Prefix      string               `json:"prefix" doc:"The first characters of the key, to recognise it by."`
	Permissions []account.Permission `json:"permissions" nullable:"false"`
	ChannelIDs  []string             `json:"channelIds" nullable:"false" doc:"The channels that the key is limited to; empty means all."`
	PerMinute   int64                `json:"perMinute" doc:"Requests in a minute; 0 means unlimited."`
	PerDay      int64                `json:"perDay" doc:"Requests in a day; 0 means unlimited."`
	Active      bool                 `json:"active"`
	Development bool                 `json:"development" doc:"Whether the key starts with lk_test_."`
	CreatedBy   string               `json:"createdBy,omitempty" doc:"The user or key that made it; absent for the operator."`
	CreatedAt   string               `json:"createdAt" format:"date-time"`
	UpdatedAt   string               `json:"updatedAt" format:"date-time"`
	ExpiresAt   string               `json:"expiresAt,omitempty" format:"date-time" doc:"Absent: never."`
	LastUsedAt  string               `json:"lastUsedAt,omitempty" format:"date-time" doc:"By the minute. Absent: never."`
}

func renderKey(k account.Key) Key {
	return Key{ID: k.ID, Name: k.Name, Description: k.Description, Prefix: k.Prefix, Permissions: filled(k.Permissions),
		ChannelIDs: filled(k.ChannelIDs), PerMinute: k.PerMinute, PerDay: k.PerDay, Active: k.Active, Development: k.Development(),
		CreatedBy: k.CreatedBy, CreatedAt: rfc3339(k.CreatedAt), UpdatedAt: rfc3339(k.UpdatedAt),
		ExpiresAt: rfc3339(k.ExpiresAt), LastUsedAt: rfc3339(k.LastUsedAt)}
}

type keyOutput struct{ Body Key }

type keyPath struct {
	ID string `path:"id" maxLength:"100"`
}

// listKeys serves GET /api/v1/keys.
func (s *Server) listKeys(ctx context.Context, in *PageQuery) (*pageOutput[Key], error) {
	after, err := lastID(in.After)
	if err != nil {
		return nil, err
	}
	keys, err := s.Accounts.ListKeys(ctx, principal(ctx).TenantID, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return newPage(keys, in.Limit, func(k account.Key) []string { return []string{k.ID} }, renderKey), nil
}

type createKeyInput struct {
	Body struct {
		Name        string               `json:"name" maxLength:"400" doc:"One line of at most 100 characters."`
		Description string               `json:"description,omitempty" maxLength:"2000" doc:"At most 500 characters."`
		Permissions []account.Permission `json:"permissions" minItems:"1" maxItems:"50" nullable:"false"`
		ChannelIDs  []string             `json:"channelIds,omitempty" maxItems:"100" nullable:"false" doc:"Limits the key to these channels; absent or empty means all."`
		PerMinute   *int64               `json:"perMinute,omitempty" minimum:"0" maximum:"1000000000" doc:"Requests in a minute, 60 by default; 0 means unlimited."`
		PerDay      *int64               `json:"perDay,omitempty" minimum:"0" maximum:"1000000000" doc:"Requests in a day, 10,000 by default; 0 means unlimited."`
		ExpiresAt   *time.Time           `json:"expiresAt,omitempty" doc:"Absent: never."`
		Development bool                 `json:"development,omitempty" doc:"Makes a key that starts with lk_test_ and is unlimited by default."`
	}
}

// NewKey is the only answer that holds a key's secret.
type NewKey struct {
	Key
	Secret string `json:"key" doc:"The key itself. It is not shown again."`
}

type createKeyOutput struct {
	Location string `header:"Location"`
	Body     NewKey
}

// createKey serves POST /api/v1/keys.
func (s *Server) createKey(ctx context.Context, in *createKeyInput) (*createKeyOutput, error) {
	b := &in.Body
	d := account.KeyDraft{Name: b.Name, Description: b.Description, Permissions: b.Permissions, ChannelIDs: b.ChannelIDs,
		PerMinute: b.PerMinute, PerDay: b.PerDay, Development: b.Development}
	if b.ExpiresAt != nil {
		d.ExpiresAt = *b.ExpiresAt
	}
	k, secret, err := s.Accounts.CreateKey(ctx, principal(ctx), d)
	if err != nil {
		return nil, err
	}
	return &createKeyOutput{Location: "/api/v1/keys/" + k.ID, Body: NewKey{renderKey(k), secret}}, nil
}

// getKey serves GET /api/v1/keys/{id}.
func (s *Server) getKey(ctx context.Context, in *keyPath) (*keyOutput, error) {
	k, err := s.Accounts.GetKey(ctx, principal(ctx).TenantID, in.ID)
	if err != nil {
		return nil, err
	}
	return &keyOutput{renderKey(k)}, nil
}

type updateKeyInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Name        *string               `json:"name,omitempty" maxLength:"400"`
		Description *string               `json:"description,omitempty" maxLength:"2000"`
		Permissions *[]account.Permission `json:"permissions,omitempty" minItems:"1" maxItems:"50"`
		ChannelIDs  *[]string             `json:"channelIds,omitempty" maxItems:"100" doc:"Empty: all channels."`
		PerMinute   *int64                `json:"perMinute,omitempty" minimum:"0" maximum:"1000000000"`
		PerDay      *int64                `json:"perDay,omitempty" minimum:"0" maximum:"1000000000"`
		Active      *bool                 `json:"active,omitempty"`
		ExpiresAt   *string               `json:"expiresAt,omitempty" maxLength:"40" doc:"A time as in RFC 3339; an empty string means never."`
	}
}

// updateKey serves PATCH /api/v1/keys/{id}. It takes effect within two seconds.
func (s *Server) updateKey(ctx context.Context, in *updateKeyInput) (*keyOutput, error) {
	b := &in.Body
	p := account.KeyPatch{Name: b.Name, Description: b.Description, Permissions: b.Permissions, ChannelIDs: b.ChannelIDs,
		PerMinute: b.PerMinute, PerDay: b.PerDay, Active: b.Active}
	if b.ExpiresAt != nil {
		t, err := parseOptionalTime(*b.ExpiresAt, "/expiresAt")
		if err != nil {
			return nil, err
		}
		p.ExpiresAt = &t
	}
	k, err := s.Accounts.UpdateKey(ctx, principal(ctx), in.ID, p)
	if err != nil {
		return nil, err
	}
	return &keyOutput{renderKey(k)}, nil
}

// deleteKey serves DELETE /api/v1/keys/{id}.
func (s *Server) deleteKey(ctx context.Context, in *keyPath) (*struct{}, error) {
	return nil, s.Accounts.DeleteKey(ctx, principal(ctx).TenantID, in.ID)
}
