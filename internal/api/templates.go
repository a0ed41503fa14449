package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/templates"
)

func (s *Server) registerTemplates() {
	op := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/channels/{channelId}/templates" + path,
			Summary: summary, Tags: []string{"Templates"}, DefaultStatus: status}
	}
	view, manage := need(account.ViewTemplates), need(account.ManageTemplates)
	route(s, op("list-templates", http.MethodGet, "", "List a channel's templates", 200), view, s.listTemplates)
	route(s, op("create-template", http.MethodPost, "", "Create a template at the provider", 201), manage, s.createTemplate)
	route(s, op("sync-templates", http.MethodPost, "/sync", "Read the provider's list of templates", 200), manage, s.syncTemplates)
	route(s, op("get-template", http.MethodGet, "/{templateId}", "Get a template", 200), view, s.getTemplate)
	route(s, op("update-template", http.MethodPatch, "/{templateId}", "Change a template at the provider", 200), manage, s.updateTemplate)
	route(s, op("delete-template", http.MethodDelete, "/{templateId}", "Delete a template at the provider", 204), manage, s.deleteTemplate)
}

type templateBody struct {
	ID              string          `json:"id"`
	ChannelID       string          `json:"channelId"`
	ProviderID      string          `json:"providerId,omitempty"`
	Name            string          `json:"name"`
	Language        string          `json:"language"`
	Category        string          `json:"category"`
	Status          string          `json:"status" doc:"The provider's: APPROVED, PENDING, REJECTED, PAUSED, ..."`
	Quality         string          `json:"quality,omitempty"`
	RejectedReason  string          `json:"rejectedReason,omitempty"`
	ParameterFormat string          `json:"parameterFormat,omitempty"`
	TTLSeconds      int             `json:"ttlSeconds,omitempty"`
	Components      json.RawMessage `json:"components" doc:"The provider's definition."`
	CreatedAt       string          `json:"createdAt" format:"date-time"`
	UpdatedAt       string          `json:"updatedAt" format:"date-time"`
	SyncedAt        string          `json:"syncedAt,omitempty" format:"date-time" doc:"When the provider's list last named it."`
}

func renderTemplate(t templates.Template) templateBody {
	return templateBody{
		ID: t.ID, ChannelID: t.ChannelID, ProviderID: t.ProviderID, Name: t.Name, Language: t.Language, Category: t.Category,
		Status: t.Status, Quality: t.Quality, RejectedReason: t.RejectedReason, ParameterFormat: t.ParameterFormat,
		TTLSeconds: t.TTLSeconds, Components: t.Components,
		CreatedAt: rfc3339(t.CreatedAt), UpdatedAt: rfc3339(t.UpdatedAt), SyncedAt: rfc3339(t.SyncedAt),
	}
}

type listTemplatesInput struct {
	PageQuery
	ChannelID string `path:"channelId" maxLength:"100"`
	Name      string `query:"name" maxLength:"512"`
	Language  string `query:"language" maxLength:"20"`
	Status    string `query:"status" maxLength:"50"`
	Category  string `query:"category" maxLength:"50"`
}

// listTemplates serves GET /api/v1/channels/{channelId}/templates.
func (s *Server) listTemplates(ctx context.Context, in *listTemplatesInput) (*pageOutput[templateBody], error) {
	o, err := s.ownChannel(ctx, principal(ctx), in.ChannelID)
	if err != nil {
		return nil, err
	}
	after, err := lastID(in.After)
	if err != nil {
		return nil, err
	}
	list, err := s.Templates.List(ctx, o.TenantID, o.ID, templates.Filter{Name: in.Name, Language: in.Language,
		Status: in.Status, Category: in.Category, After: after, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	return newPage(list, in.Limit, func(t templates.Template) []string { return []string{t.ID} }, renderTemplate), nil
}

type templatePath struct {
	ChannelID  string `path:"channelId" maxLength:"100"`
	TemplateID string `path:"templateId" maxLength:"100"`
}

type templateOutput struct{ Body templateBody }

// getTemplate serves GET /api/v1/channels/{channelId}/templates/{templateId}.
func (s *Server) getTemplate(ctx context.Context, in *templatePath) (*templateOutput, error) {
	o, err := s.ownChannel(ctx, principal(ctx), in.ChannelID)
	if err != nil {
		return nil, err
	}
	t, err := s.Templates.Get(ctx, o.TenantID, o.ID, in.TemplateID)
	if err != nil {
		return nil, err
	}
	return &templateOutput{renderTemplate(t)}, nil
}

type createTemplateInput struct {
	ChannelID string `path:"channelId" maxLength:"100"`
	Body      struct {
		Name            string          `json:"name" minLength:"1" maxLength:"512" pattern:"^[a-z0-9_]+$" patternDescription:"lower-case letters, digits and _"`
		Language        string          `json:"language" minLength:"2" maxLength:"20" doc:"Such as pt_BR."`
		Category        string          `json:"category" enum:"MARKETING,UTILITY,AUTHENTICATION"`
		ParameterFormat string          `json:"parameterFormat,omitempty" enum:"POSITIONAL,NAMED"`
		TTLSeconds      int             `json:"ttlSeconds,omitempty" minimum:"0" maximum:"2592000"`
		Components      json.RawMessage `json:"components" doc:"The provider's definition: an array of components."`
	}
}

type createTemplateOutput struct {
	Location string `header:"Location"`
	Body     templateBody
}

// createTemplate serves POST /api/v1/channels/{channelId}/templates.
func (s *Server) createTemplate(ctx context.Context, in *createTemplateInput) (*createTemplateOutput, error) {
	o, err := s.ownChannel(ctx, principal(ctx), in.ChannelID)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if err := checkComponents(b.Components); err != nil {
		return nil, err
	}
	t, err := s.Templates.Create(ctx, o, channels.Template{Name: b.Name, Language: b.Language, Category: b.Category,
		ParameterFormat: b.ParameterFormat, TTLSeconds: b.TTLSeconds, Components: b.Components})
	if err != nil {
		return nil, err
	}
	return &createTemplateOutput{"/api/v1/channels/" + o.ID + "/templates/" + t.ID, renderTemplate(t)}, nil
}

func checkComponents(raw json.RawMessage) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return fault.Field("/components", "invalid", "Components are an array with at least a body.")
	}
	return nil
}

type updateTemplateInput struct {
	ChannelID  string `path:"channelId" maxLength:"100"`
	TemplateID string `path:"templateId" maxLength:"100"`
	Body       struct {
		Category   *string         `json:"category,omitempty" enum:"MARKETING,UTILITY,AUTHENTICATION"`
		TTLSeconds *int            `json:"ttlSeconds,omitempty" minimum:"0" maximum:"2592000"`
		Components json.RawMessage `json:"components,omitempty" doc:"Replaces all components."`
	}
}

// updateTemplate serves PATCH /api/v1/channels/{channelId}/templates/{templateId}.
func (s *Server) updateTemplate(ctx context.Context, in *updateTemplateInput) (*templateOutput, error) {
	o, err := s.ownChannel(ctx, principal(ctx), in.ChannelID)
	if err != nil {
		return nil, err
	}
	if in.Body.Components != nil {
		if err := checkComponents(in.Body.Components); err != nil {
			return nil, err
		}
	}
	t, err := s.Templates.Edit(ctx, o, in.TemplateID, in.Body.Category, in.Body.TTLSeconds, in.Body.Components)
	if err != nil {
		return nil, err
	}
	return &templateOutput{renderTemplate(t)}, nil
}

// deleteTemplate serves DELETE /api/v1/channels/{channelId}/templates/{templateId}.
func (s *Server) deleteTemplate(ctx context.Context, in *templatePath) (*struct{}, error) {
	o, err := s.ownChannel(ctx, principal(ctx), in.ChannelID)
	if err != nil {
		return nil, err
	}
	return nil, s.Templates.Delete(ctx, o, in.TemplateID)
}

type syncOutput struct {
	Body struct {
		Added   int `json:"added"`
		Changed int `json:"changed"`
		Removed int `json:"removed"`
		Total   int `json:"total"`
	}
}

// syncTemplates serves POST /api/v1/channels/{channelId}/templates/sync.
func (s *Server) syncTemplates(ctx context.Context, in *channelPath) (*syncOutput, error) {
	o, err := s.ownChannel(ctx, principal(ctx), in.ChannelID)
	if err != nil {
		return nil, err
	}
	done, err := s.Templates.Sync(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &syncOutput{}
	out.Body.Added, out.Body.Changed, out.Body.Removed, out.Body.Total = done.Added, done.Changed, done.Removed, done.Total
	return out, nil
}
