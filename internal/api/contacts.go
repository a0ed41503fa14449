package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
)

func (s *Server) registerContacts() {
	op := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/contacts" + path, Summary: summary,
			Tags: []string{"Contacts"}, DefaultStatus: status}
	}
	view, manage := need(account.ViewContacts), need(account.ManageContacts)
	route(s, op("list-contacts", http.MethodGet, "", "List contacts, newest first", 200), view, s.listContacts)
	route(s, op("create-contact", http.MethodPost, "", "Create a contact", 201), manage, s.createContact)
	route(s, op("get-contact", http.MethodGet, "/{id}", "Get a contact", 200), view, s.getContact)
	route(s, op("update-contact", http.MethodPatch, "/{id}", "Change a contact's name or attributes", 200), manage, s.updateContact)
}

type contactBody struct {
	ID          string          `json:"id"`
	Name        string          `json:"name" doc:"Given by the business."`
	ProfileName string          `json:"profileName" doc:"Given by the person."`
	Country     string          `json:"country" doc:"ISO 3166-1 alpha-2, of the first phone number."`
	Attributes  json.RawMessage `json:"attributes"`
	Identities  []identityBody  `json:"identities" nullable:"false"`
	CreatedAt   string          `json:"createdAt" format:"date-time"`
	UpdatedAt   string          `json:"updatedAt" format:"date-time"`
}

type identityBody struct {
	ChannelType string                `json:"channelType"`
	Kind        channels.IdentityKind `json:"kind,omitempty" enum:"phone,user_id,parent_user_id,username,group" doc:"phone by default."`
	Value       string                `json:"value" maxLength:"300"`
	Raw         string                `json:"raw,omitempty" doc:"As the provider writes it."`
}

func renderContact(c conversations.Contact) contactBody {
	b := contactBody{ID: c.ID, Name: c.Name, ProfileName: c.ProfileName, Country: c.Country, Attributes: c.Attributes,
		Identities: []identityBody{}, CreatedAt: rfc3339(c.CreatedAt), UpdatedAt: rfc3339(c.UpdatedAt)}
	for _, i := range c.Identities {
		b.Identities = append(b.Identities, identityBody{i.ChannelType, i.Kind, i.Value, i.Raw})
	}
	return b
}

type listContactsInput struct {
	PageQuery
	Q string `query:"q" maxLength:"200" doc:"The beginning of a name or an address."`
}

// listContacts serves GET /api/v1/contacts.
func (s *Server) listContacts(ctx context.Context, in *listContactsInput) (*pageOutput[contactBody], error) {
	before, err := lastID(in.After)
	if err != nil {
		return nil, err
	}
	p := principal(ctx)
	list, err := s.Conversations.ListContacts(ctx, p.TenantID, conversations.ContactFilter{Q: in.Q, ChannelIDs: p.ChannelIDs}, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return newPage(list, in.Limit, func(c conversations.Contact) []string { return []string{c.ID} }, renderContact), nil
}

type contactPath struct {
	ID string `path:"id" maxLength:"100"`
}

// allowedContact checks a key's channel scope: it knows who has a conversation on one
// of its channels, and nobody else.
func (s *Server) allowedContact(ctx context.Context, contactID string) error {
	p := principal(ctx)
	if len(p.ChannelIDs) == 0 {
		return nil
	}
	return s.Conversations.CheckContact(ctx, p.TenantID, contactID, conversations.ContactFilter{ChannelIDs: p.ChannelIDs})
}

type contactOutput struct{ Body contactBody }

// getContact serves GET /api/v1/contacts/{id}.
func (s *Server) getContact(ctx context.Context, in *contactPath) (*contactOutput, error) {
	if err := s.allowedContact(ctx, in.ID); err != nil {
		return nil, err
	}
	c, err := s.Conversations.GetContact(ctx, principal(ctx).TenantID, in.ID)
	if err != nil {
		return nil, err
	}
	return &contactOutput{renderContact(c)}, nil
}

type createContactInput struct {
	Body struct {
		Name       string          `json:"name,omitempty" maxLength:"200"`
		Attributes json.RawMessage `json:"attributes,omitempty" doc:"A JSON object of at most 16,384 bytes."`
		Identities []identityBody  `json:"identities" minItems:"1" maxItems:"20" nullable:"false" doc:"All of one channel type."`
	}
}

type createContactOutput struct {
	Location string `header:"Location"`
	Body     contactBody
}

// createContact serves POST /api/v1/contacts. A key that is limited to channels sees
// the contact again once there is a conversation on one of them.
func (s *Server) createContact(ctx context.Context, in *createContactInput) (*createContactOutput, error) {
	if err := checkAttributes(in.Body.Attributes); err != nil {
		return nil, err
	}
	d := conversations.ContactDraft{Name: strings.TrimSpace(in.Body.Name), Attributes: in.Body.Attributes}
	for i, x := range in.Body.Identities {
		identity, namespace, err := s.identity(x, fmt.Sprintf("/identities/%d", i))
		if err != nil {
			return nil, err
		}
		if d.Identity != "" && d.Identity != namespace {
			return nil, fault.Field(fmt.Sprintf("/identities/%d/channelType", i), "invalid", "A contact is created with addresses of one channel type.")
		}
		d.Identity = namespace
		d.Identities = append(d.Identities, identity)
	}
	c, err := s.Conversations.CreateContact(ctx, principal(ctx).TenantID, d)
	if err != nil {
		return nil, err
	}
	return &createContactOutput{Location: "/api/v1/contacts/" + c.ID, Body: renderContact(c)}, nil
}

// identity checks one address and finds the namespace that its channel type shares
// with others that reach the same people.
func (s *Server) identity(x identityBody, pointer string) (channels.Identity, string, error) {
	d, ok := s.Registry.Type(x.ChannelType)
	if !ok {
		return channels.Identity{}, "", fault.Field(pointer+"/channelType", "unsupported", "There is no such channel type. See GET /api/v1/channel-types.")
	}
	identity := channels.Identity{Kind: x.Kind, Value: strings.TrimSpace(x.Value), Raw: x.Value}
	if identity.Kind == "" {
		identity.Kind = channels.IdentityPhone
	}
	if identity.Value == "" {
		return channels.Identity{}, "", fault.Field(pointer+"/value", "required", "An address may not be empty.")
	}
	if identity.Kind == channels.IdentityPhone {
		if identity.Value, ok = e164(x.Value); !ok {
			return channels.Identity{}, "", fault.Field(pointer+"/value", "invalid", "The phone number must have its country code, such as +5511999999999.")
		}
	}
	return identity, d.Identity, nil
}

// maxAttributes is the limit of a contact's attributes, in bytes.
const maxAttributes = 16 << 10

func checkAttributes(raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return fault.Field("/attributes", "invalid", "Attributes are a JSON object.")
	}
	if len(raw) > maxAttributes {
		return fault.Field("/attributes", "too_long", fmt.Sprintf("Attributes are larger than %d bytes.", maxAttributes))
	}
	return nil
}

type updateContactInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Name       *string         `json:"name,omitempty" maxLength:"200"`
		Attributes json.RawMessage `json:"attributes,omitempty" doc:"Replaces all attributes."`
	}
}

// updateContact serves PATCH /api/v1/contacts/{id}.
func (s *Server) updateContact(ctx context.Context, in *updateContactInput) (*contactOutput, error) {
	if err := checkAttributes(in.Body.Attributes); err != nil {
		return nil, err
	}
	if err := s.allowedContact(ctx, in.ID); err != nil {
		return nil, err
	}
	p := conversations.ContactPatch{Name: in.Body.Name, Attributes: in.Body.Attributes}
	c, err := s.Conversations.UpdateContact(ctx, principal(ctx).TenantID, in.ID, p)
	if err != nil {
		return nil, err
	}
	return &contactOutput{renderContact(c)}, nil
}
