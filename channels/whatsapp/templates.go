package whatsapp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/linktor/linktor/channels"
)

const (
	templateFields = "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason," +
		"message_send_ttl_seconds"
	templatePage = "100"
	// maxTemplatePages bounds a list: a verified portfolio has at most 6,000
	// templates. Source: Meta, "Templates".
	maxTemplatePages = 100
)

// wireTemplate is a template as the management API reads and writes it.
type wireTemplate struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Language string `json:"language,omitempty"`
	Category string `json:"category,omitempty"`
	Status   string `json:"status,omitempty"`
	Quality  *struct {
		Score string `json:"score"`
	} `json:"quality_score,omitempty"`
	Rejected   string          `json:"rejected_reason,omitempty"`
	Format     string          `json:"parameter_format,omitempty"`
	TTL        int             `json:"message_send_ttl_seconds,omitempty"`
	Components json.RawMessage `json:"components,omitempty"`
}

func (w *wireTemplate) read() channels.Template {
	t := channels.Template{
		ProviderID: w.ID, Name: w.Name, Language: w.Language, Status: strings.ToUpper(w.Status),
		Category: strings.ToUpper(w.Category), ParameterFormat: strings.ToUpper(w.Format),
		TTLSeconds: w.TTL, Components: w.Components,
	}
	if w.Quality != nil {
		t.Quality = w.Quality.Score
	}
	if w.Rejected != "NONE" {
		t.RejectedReason = w.Rejected
	}
	if t.Components == nil {
		t.Components = json.RawMessage("[]")
	}
	return t
}

// ListTemplates returns every template of the business account, following the
// cursor from page to page.
func (a *Account) ListTemplates(ctx context.Context) ([]channels.Template, error) {
	path, err := a.templatesPath()
	if err != nil {
		return nil, err
	}
	all := []channels.Template{}
	query := url.Values{"fields": {templateFields}, "limit": {templatePage}}
	for range maxTemplatePages {
		var page struct {
			Data   []wireTemplate `json:"data"`
			Paging struct {
				Cursors struct {
					After string `json:"after"`
				} `json:"cursors"`
				Next string `json:"next"` // holds the token, so the cursor is used instead
			} `json:"paging"`
		}
		r := request{method: http.MethodGet, path: path, query: query, limit: maxListAnswer}
		if err := a.graph.json(ctx, r, nil, &page); err != nil {
			return nil, err
		}
		for i := range page.Data {
			all = append(all, page.Data[i].read())
		}
		if page.Paging.Next == "" || page.Paging.Cursors.After == "" || len(page.Data) == 0 {
			return all, nil
		}
		query.Set("after", page.Paging.Cursors.After)
	}
	return nil, fmt.Errorf("whatsapp: list templates: more than %d pages", maxTemplatePages)
}

// GetTemplate returns one template.
func (a *Account) GetTemplate(ctx context.Context, providerID string) (channels.Template, error) {
	var w wireTemplate
	r := request{
		method: http.MethodGet, path: "/" + url.PathEscape(providerID),
		query: url.Values{"fields": {templateFields}}, limit: maxListAnswer,
	}
	if err := a.graph.json(ctx, r, nil, &w); err != nil {
		return channels.Template{}, err
	}
	return w.read(), nil
}

// CreateTemplate submits a template for review and returns it with its id and
// state.
func (a *Account) CreateTemplate(ctx context.Context, t channels.Template) (channels.Template, error) {
	path, err := a.templatesPath()
	if err != nil {
		return channels.Template{}, err
	}
	in := wireTemplate{
		Name: t.Name, Language: t.Language, Category: strings.ToUpper(t.Category),
		Format: strings.ToLower(t.ParameterFormat), TTL: t.TTLSeconds, Components: t.Components,
	}
	var ans wireTemplate
	if err := a.graph.json(ctx, request{method: http.MethodPost, path: path}, in, &ans); err != nil {
		return channels.Template{}, err
	}
	if ans.ID == "" { // it may exist: a list will tell
		return channels.Template{}, unreadable(http.StatusOK)
	}
	t.ProviderID, t.Status = ans.ID, strings.ToUpper(ans.Status)
	if t.Status == "" {
		t.Status = "PENDING"
	}
	if ans.Category != "" { // Meta may choose another one
		t.Category = strings.ToUpper(ans.Category)
	}
	return t, nil
}

// EditTemplate replaces components, category or time to live of t.ProviderID.
// The category of an approved template cannot be changed: leave it empty.
func (a *Account) EditTemplate(ctx context.Context, t channels.Template) error {
	in := wireTemplate{Category: strings.ToUpper(t.Category), TTL: t.TTLSeconds, Components: t.Components}
	return a.graph.json(ctx, request{method: http.MethodPost, path: "/" + url.PathEscape(t.ProviderID)}, in, nil)
}

// DeleteTemplate deletes one language of a template or, without a provider id,
// all languages of the name. The name of an approved template stays blocked for
// 30 days.
func (a *Account) DeleteTemplate(ctx context.Context, t channels.Template) error {
	path, err := a.templatesPath()
	if err != nil {
		return err
	}
	query := url.Values{"name": {t.Name}}
	if t.ProviderID != "" {
		query.Set("hsm_id", t.ProviderID)
	}
	return a.graph.json(ctx, request{method: http.MethodDelete, path: path, query: query}, nil, nil)
}

func (a *Account) templatesPath() (string, error) {
	if a.set.BusinessAccountID == "" {
		var bad channels.Invalid
		bad.Add("/settings/businessAccountId", "required", "Templates need the WhatsApp Business Account's id in the channel's settings.")
		return "", bad.Err()
	}
	return "/" + a.set.BusinessAccountID + "/message_templates", nil
}
