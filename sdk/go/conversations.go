package linktor

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// Conversation is the messages between one contact and one channel.
type Conversation struct {
	ID          string `json:"id"`
	ChannelID   string `json:"channelId"`
	ChannelType string `json:"channelType"`
	ContactID   string `json:"contactId"`
	Contact     *struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		ProfileName string `json:"profileName"`
	} `json:"contact"`
	Status      string   `json:"status"` // open, pending, snoozed, resolved
	AssigneeID  string   `json:"assigneeId"`
	Labels      []string `json:"labels"`
	UnreadCount int64    `json:"unreadCount"`
	LastMessage *struct {
		ID        string `json:"id"`
		Direction string `json:"direction"`
		Type      string `json:"type"`
		Status    Status `json:"status"`
		Preview   string `json:"preview"`
	} `json:"lastMessage"`
	LastMessageAt   *time.Time `json:"lastMessageAt"`
	LastInboundAt   *time.Time `json:"lastInboundAt"`
	WindowExpiresAt *time.Time `json:"windowExpiresAt"` // until when anything but a template may be sent
	WindowOpen      bool       `json:"windowOpen"`
	SnoozedUntil    *time.Time `json:"snoozedUntil"`
	CreatedAt       time.Time  `json:"createdAt"`
	UpdatedAt       time.Time  `json:"updatedAt"`
	ResolvedAt      *time.Time `json:"resolvedAt"`
}

// ConversationFilter selects conversations. Empty members select everything.
type ConversationFilter struct {
	Paging
	Status, ChannelID, ContactID, AssigneeID, Label string
}

// ConversationUpdate changes a conversation; nil members stay. An empty
// AssigneeID takes the assignment away.
type ConversationUpdate struct {
	Status       *string    `json:"status,omitempty"`
	SnoozedUntil *time.Time `json:"snoozedUntil,omitempty"`
	AssigneeID   *string    `json:"assigneeId,omitempty"`
	Labels       *[]string  `json:"labels,omitempty"`
}

// Conversations are the calls about conversations.
type Conversations struct{ t *transport }

// List returns a page of conversations.
func (c Conversations) List(ctx context.Context, f ConversationFilter, options ...CallOption) (*Page[Conversation], error) {
	query := values("status", f.Status, "channelId", f.ChannelID, "contactId", f.ContactID,
		"assigneeId", f.AssigneeID, "label", f.Label)
	return list[Conversation](ctx, c.t, path("conversations"), f.Paging, query, options)
}

// All yields every conversation that List would, page after page.
func (c Conversations) All(ctx context.Context, f ConversationFilter, options ...CallOption) iter.Seq2[Conversation, error] {
	return all(ctx, func() (*Page[Conversation], error) { return c.List(ctx, f, options...) })
}

// Get returns a conversation.
func (c Conversations) Get(ctx context.Context, id string, options ...CallOption) (*Conversation, error) {
	return fetch[Conversation](ctx, c.t, http.MethodGet, path("conversations", id), nil, options)
}

// Update changes a conversation.
func (c Conversations) Update(ctx context.Context, id string, u ConversationUpdate, options ...CallOption) (*Conversation, error) {
	return fetch[Conversation](ctx, c.t, http.MethodPatch, path("conversations", id), u, options)
}

// MarkRead sets the unread count to zero.
func (c Conversations) MarkRead(ctx context.Context, id string, options ...CallOption) (*Conversation, error) {
	return fetch[Conversation](ctx, c.t, http.MethodPost, path("conversations", id, "read"), nothing, options)
}

// Messages returns a page of a conversation's messages, newest first.
func (c Conversations) Messages(ctx context.Context, id string, p Paging, options ...CallOption) (*Page[Message], error) {
	return list[Message](ctx, c.t, path("conversations", id, "messages"), p, nil, options)
}

// Contact is a person.
type Contact struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`        // given by the business
	ProfileName string          `json:"profileName"` // given by the person
	Country     string          `json:"country"`     // ISO 3166-1 alpha-2
	Attributes  json.RawMessage `json:"attributes"`
	Identities  []Identity      `json:"identities"`
	CreatedAt   time.Time       `json:"createdAt"`
	UpdatedAt   time.Time       `json:"updatedAt"`
}

// Identity is one address of a contact. Kind: phone, user_id, parent_user_id,
// username, group.
type Identity struct {
	ChannelType string `json:"channelType"`
	Kind        string `json:"kind"`
	Value       string `json:"value"`         // E.164 for phones
	Raw         string `json:"raw,omitempty"` // as the provider wrote it
}

// ContactParams create or change a contact. Identities only count on creation.
type ContactParams struct {
	Name       *string        `json:"name,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Identities []Identity     `json:"identities,omitempty"`
}

// ContactFilter selects contacts; Q is part of a name, a number or an id.
type ContactFilter struct {
	Paging
	Q string
}

// Contacts are the calls about contacts.
type Contacts struct{ t *transport }

// List returns a page of contacts.
func (c Contacts) List(ctx context.Context, f ContactFilter, options ...CallOption) (*Page[Contact], error) {
	return list[Contact](ctx, c.t, path("contacts"), f.Paging, values("q", f.Q), options)
}

// All yields every contact that List would, page after page.
func (c Contacts) All(ctx context.Context, f ContactFilter, options ...CallOption) iter.Seq2[Contact, error] {
	return all(ctx, func() (*Page[Contact], error) { return c.List(ctx, f, options...) })
}

// Get returns a contact.
func (c Contacts) Get(ctx context.Context, id string, options ...CallOption) (*Contact, error) {
	return fetch[Contact](ctx, c.t, http.MethodGet, path("contacts", id), nil, options)
}

// Create adds a contact.
func (c Contacts) Create(ctx context.Context, p ContactParams, options ...CallOption) (*Contact, error) {
	return fetch[Contact](ctx, c.t, http.MethodPost, path("contacts"), p, options)
}

// Update changes a contact.
func (c Contacts) Update(ctx context.Context, id string, p ContactParams, options ...CallOption) (*Contact, error) {
	return fetch[Contact](ctx, c.t, http.MethodPatch, path("contacts", id), p, options)
}
