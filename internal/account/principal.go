package account

import "slices"

// Permission lets a principal do one kind of thing. The words are part of the API.
type Permission string

// The permissions that a person chooses from when creating an API key.
const (
	SendTemplates Permission = "messages:send_template" // business-initiated messages
	SendText      Permission = "messages:send_text"     // free text and everything without a file
	SendMedia     Permission = "messages:send_media"    // images, video, audio, documents, stickers
	ViewTemplates Permission = "templates:view"
	ViewMessages  Permission = "messages:view"
)

// The permissions for the other resources.
const (
	ManageTemplates     Permission = "templates:manage"
	ViewChannels        Permission = "channels:view"
	ManageChannels      Permission = "channels:manage"
	ViewConversations   Permission = "conversations:view"
	ManageConversations Permission = "conversations:manage"
	ViewContacts        Permission = "contacts:view"
	ManageContacts      Permission = "contacts:manage"
	ManageMedia         Permission = "media:manage"
	ViewEvents          Permission = "events:view" // the log, its stream and its sockets
	ViewJournal         Permission = "journal:view"
	ManageJournal       Permission = "journal:manage" // replay
	ManageKeys          Permission = "keys:manage"
	ManageUsers         Permission = "users:manage"
	UseSimulator        Permission = "simulator:use"
	ManageTenant        Permission = "tenant:manage"
)

// AllPermissions returns every permission, in the order in which they are shown.
func AllPermissions() []Permission {
	return []Permission{
		SendTemplates, SendText, SendMedia, ViewTemplates, ViewMessages,
		ManageTemplates, ViewChannels, ManageChannels, ViewConversations, ManageConversations,
		ViewContacts, ManageContacts, ManageMedia, ViewEvents, ViewJournal, ManageJournal,
		ManageKeys, ManageUsers, UseSimulator, ManageTenant,
	}
}

// Valid reports whether p is a permission.
func (p Permission) Valid() bool { return slices.Contains(AllPermissions(), p) }

// Role is what a user is in a tenant.
type Role string

const (
	Owner      Role = "owner"      // everything; a tenant always has an active one
	Admin      Role = "admin"      // everything but the tenant itself and its owners
	Supervisor Role = "supervisor" // runs a team: conversations, templates, the journal
	Agent      Role = "agent"      // talks to contacts
	Viewer     Role = "viewer"     // reads
)

// Roles returns every role, the most powerful first.
func Roles() []Role { return []Role{Owner, Admin, Supervisor, Agent, Viewer} }

// Valid reports whether r is a role.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// RolePermissions returns what a user with role r may do; nothing for an unknown role.
func RolePermissions(r Role) []Permission {
	viewer := []Permission{ViewTemplates, ViewMessages, ViewChannels, ViewConversations, ViewContacts, ViewEvents}
	agent := append(slices.Clip(viewer), SendTemplates, SendText, SendMedia, ManageConversations, ManageContacts, ManageMedia)
	switch r {
	case Owner:
		return AllPermissions()
	case Admin:
		return slices.DeleteFunc(AllPermissions(), func(p Permission) bool { return p == ManageTenant })
	case Supervisor:
		return append(slices.Clip(agent), ManageTemplates, ViewJournal, ManageJournal, UseSimulator)
	case Agent:
		return agent
	case Viewer:
		return viewer
	}
	return nil
}

// Principal is an authenticated caller: a user in a session, or an API key.
type Principal struct {
	TenantID  string `json:"tenantId"`
	UserID    string `json:"userId,omitempty"`    // empty for an API key
	SessionID string `json:"sessionId,omitempty"` // empty for an API key
	KeyID     string `json:"keyId,omitempty"`     // empty for a user
	Name      string `json:"name"`                // of the user or the key
	Role      Role   `json:"role,omitempty"`      // empty for an API key

	Permissions []Permission `json:"permissions"`
	ChannelIDs  []string     `json:"channelIds,omitempty"` // empty means every channel of the tenant

	PerMinute int64 `json:"perMinute,omitempty"` // requests; 0 means unlimited
	PerDay    int64 `json:"perDay,omitempty"`    // requests; 0 means unlimited
}

// Can reports whether p has the permission.
func (p *Principal) Can(want Permission) bool {
	return p != nil && slices.Contains(p.Permissions, want)
}

// CanChannel reports whether the channel is within p's scope. It says nothing
// about whose channel it is: that is for the statement that reads it.
func (p *Principal) CanChannel(id string) bool {
	return p != nil && (len(p.ChannelIDs) == 0 || slices.Contains(p.ChannelIDs, id))
}
