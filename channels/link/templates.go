package link

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/linktor/linktor/channels"
)

// metaTemplate is a template as Meta writes it, which LINK passes through.
// Source: "Create Templates / Manage Templates", which refers to Meta.
type metaTemplate struct {
	ID              text            `json:"id,omitempty"`
	Name            string          `json:"name,omitempty"`
	Language        string          `json:"language,omitempty"`
	Category        string          `json:"category,omitempty"`
	Status          string          `json:"status,omitempty"`
	ParameterFormat string          `json:"parameter_format,omitempty"`
	TTLSeconds      int             `json:"message_send_ttl_seconds,omitempty"`
	RejectedReason  string          `json:"rejected_reason,omitempty"`
	Quality         json.RawMessage `json:"quality_score,omitempty"`
	Components      json.RawMessage `json:"components,omitempty"`
}

// ListTemplates returns ErrUnsupported: LINK has no such call.
func (a *account) ListTemplates(context.Context) ([]channels.Template, error) {
	return nil, channels.ErrUnsupported
}

// GetTemplate reads one template. Source: "Get Template".
func (a *account) GetTemplate(ctx context.Context, providerID string) (channels.Template, error) {
	var m metaTemplate
	if err := a.templateCall(ctx, http.MethodGet, a.templateURL(providerID), nil, &m); err != nil {
		return channels.Template{}, err
	}
	t := channels.Template{
		ProviderID: firstNonEmpty(string(m.ID), providerID), Name: m.Name, Language: m.Language, Category: m.Category,
		Status: m.Status, ParameterFormat: strings.ToUpper(m.ParameterFormat), TTLSeconds: m.TTLSeconds,
		Quality: quality(m.Quality), Components: m.Components,
	}
	if m.RejectedReason != "NONE" {
		t.RejectedReason = m.RejectedReason
	}
	return t, nil
}

// quality reads quality_score, an object with score or a text.
func quality(raw json.RawMessage) string {
	var object struct {
		Score string `json:"score"`
	}
	var word text
	if json.Unmarshal(raw, &object) == nil {
		return object.Score
	}
	if json.Unmarshal(raw, &word) == nil {
		return string(word)
	}
	return ""
}

// CreateTemplate submits a template. "Create Template" is a PUT without an id.
func (a *account) CreateTemplate(ctx context.Context, t channels.Template) (channels.Template, error) {
	body := metaTemplate{
		Name: t.Name, Language: t.Language, Category: t.Category, ParameterFormat: t.ParameterFormat,
		TTLSeconds: t.TTLSeconds, Components: t.Components,
	}
	var m metaTemplate
	if err := a.templateCall(ctx, http.MethodPut, a.templateURL(), body, &m); err != nil {
		return channels.Template{}, err
	}
	if m.ID == "" {
		return channels.Template{}, &channels.SendError{
			Class: channels.ClassUncertain, Code: "unreadable_answer", Title: "LINK's answer names no template id",
			Action: "Look the template up at LINK before creating it again.",
		}
	}
	t.ProviderID = string(m.ID)
	t.Status = firstNonEmpty(m.Status, "PENDING")
	t.Category = firstNonEmpty(m.Category, t.Category)
	return t, nil
}

// EditTemplate changes components and category; "You can only edit a template's
// category or components", and the category only before approval. Source:
// "Update Template".
func (a *account) EditTemplate(ctx context.Context, t channels.Template) error {
	body := metaTemplate{Components: t.Components, TTLSeconds: t.TTLSeconds}
	if t.Status != "APPROVED" {
		body.Category = t.Category
	}
	return a.templateCall(ctx, http.MethodPost, a.templateURL(t.ProviderID), body, nil)
}

// DeleteTemplate removes one language of a template. Source: "Delete Template".
func (a *account) DeleteTemplate(ctx context.Context, t channels.Template) error {
	return a.templateCall(ctx, http.MethodDelete, a.templateURL(t.ProviderID, t.Name), nil, nil)
}

// templateURL builds the address of the templates of this sender and, below it,
// the steps. A plus sign is legal in a path, but servers read it as a space, so
// it is encoded.
func (a *account) templateURL(steps ...string) string {
	s := &a.settings
	path := "/platformId/" + pathStep(s.PlatformID) + "/platformPartnerId/" + pathStep(s.PlatformPartnerID) +
		"/source/" + pathStep(s.Source) + "/templates/"
	for i, step := range steps {
		if i > 0 {
			path += "/"
		}
		path += pathStep(step)
	}
	return s.BaseURL + path
}

func pathStep(s string) string {
	return strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
}

// templateCall sends body, if any, and decodes the answer into out, if any.
func (a *account) templateCall(ctx context.Context, method, address string, body, out any) error {
	var reader io.Reader
	if body != nil {
		data, err := encode(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(data)
	}
	answer, err := a.call(ctx, call{method: method, url: address, body: reader})
	if err != nil {
		return err
	}
	if answer.status < 200 || answer.status > 299 {
		return refusal(answer)
	}
	if out == nil {
		return nil
	}
	if json.Unmarshal(answer.body, out) != nil {
		return &channels.SendError{
			Class: channels.ClassUncertain, Code: "unreadable_answer", Title: "LINK's answer is not a template",
			Action: "Look the template up at LINK.", HTTPStatus: answer.status,
		}
	}
	return nil
}
