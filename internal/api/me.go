package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/internal/account"
)

func (s *Server) registerMe() {
	route(s, huma.Operation{OperationID: "get-me", Method: http.MethodGet, Path: "/api/v1/me", Tags: []string{"Sessions"},
		Summary: "Who is calling and what it may do"}, signedIn(), s.getMe)
	route(s, huma.Operation{OperationID: "change-password", Method: http.MethodPost, Path: "/api/v1/me/password", Tags: []string{"Sessions"},
		Summary: "Change the caller's own password", Description: "Ends all other sessions of the user.",
		DefaultStatus: http.StatusNoContent}, signedIn(), s.changePassword)
}

type meOutput struct{ Body Me }

// Me is the caller.
type Me struct {
	TenantID    string               `json:"tenantId"`
	Type        string               `json:"type" enum:"user,api_key"`
	User        *User                `json:"user,omitempty"`
	Key         *Key                 `json:"key,omitempty"`
	Role        account.Role         `json:"role,omitempty" doc:"Of a user."`
	Permissions []account.Permission `json:"permissions" nullable:"false"`
	ChannelIDs  []string             `json:"channelIds" nullable:"false" doc:"The channels that the key is limited to; empty means all."`
}

// getMe serves GET /api/v1/me.
func (s *Server) getMe(ctx context.Context, _ *struct{}) (*meOutput, error) {
	p := principal(ctx)
	out := &meOutput{Body: Me{TenantID: p.TenantID, Role: p.Role, Permissions: filled(p.Permissions), ChannelIDs: filled(p.ChannelIDs)}}
	if p.KeyID != "" {
		k, err := s.Accounts.GetKey(ctx, p.TenantID, p.KeyID)
		if err != nil {
			return nil, err
		}
		body := renderKey(k)
		out.Body.Type, out.Body.Key = "api_key", &body
		return out, nil
	}
	u, err := s.Accounts.GetUser(ctx, p.TenantID, p.UserID)
	if err != nil {
		return nil, err
	}
	body := renderUser(u)
	out.Body.Type, out.Body.User = "user", &body
	return out, nil
}

type changePasswordInput struct {
	Body struct {
		CurrentPassword string `json:"currentPassword" maxLength:"256"`
		NewPassword     string `json:"newPassword" maxLength:"256" doc:"At least 12 characters."`
	}
}

// changePassword serves POST /api/v1/me/password.
func (s *Server) changePassword(ctx context.Context, in *changePasswordInput) (*struct{}, error) {
	return nil, s.Accounts.ChangePassword(ctx, principal(ctx), in.Body.CurrentPassword, in.Body.NewPassword)
}

// filled turns an absent list into an empty one: the API has no null lists.
func filled[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
