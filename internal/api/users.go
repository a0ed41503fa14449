package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/internal/account"
)

func (s *Server) registerUsers() {
	op := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/users" + path, Summary: summary,
			Tags: []string{"Users"}, DefaultStatus: status}
	}
	// Whoever assigns conversations must see to whom.
	see, manage := need(account.ManageUsers, account.ManageConversations), need(account.ManageUsers)
	route(s, op("list-users", http.MethodGet, "", "List users", 200), see, s.listUsers)
	route(s, op("create-user", http.MethodPost, "", "Invite a user; the setup link is in this answer only", 201), manage, s.createUser)
	route(s, op("get-user", http.MethodGet, "/{id}", "Get a user", 200), see, s.getUser)
	route(s, op("update-user", http.MethodPatch, "/{id}", "Change a user's name or role, or switch it off", 200), manage, s.updateUser)
	route(s, op("delete-user", http.MethodDelete, "/{id}", "Delete a user for good", 204), manage, s.deleteUser)
	route(s, op("create-setup-link", http.MethodPost, "/{id}/setup-link", "Make a new setup link for a user", 201), manage, s.createSetupLink)
}

// User is a person in the tenant.
type User struct {
	ID          string       `json:"id"`
	Email       string       `json:"email"`
	Name        string       `json:"name"`
	Role        account.Role `json:"role" enum:"owner,admin,supervisor,agent,viewer"`
	Active      bool         `json:"active"`
	Pending     bool         `json:"pending" doc:"Whether the user has not chosen a password yet."`
	CreatedAt   string       `json:"createdAt" format:"date-time"`
	UpdatedAt   string       `json:"updatedAt" format:"date-time"`
	LastLoginAt string       `json:"lastLoginAt,omitempty" format:"date-time" doc:"Absent: never."`
}

func renderUser(u account.User) User {
	return User{ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Active: u.Active, Pending: u.Pending,
		CreatedAt: rfc3339(u.CreatedAt), UpdatedAt: rfc3339(u.UpdatedAt), LastLoginAt: rfc3339(u.LastLoginAt)}
}

type userOutput struct{ Body User }

type userPath struct {
	ID string `path:"id" maxLength:"100"`
}

// listUsers serves GET /api/v1/users.
func (s *Server) listUsers(ctx context.Context, in *PageQuery) (*pageOutput[User], error) {
	after, err := lastID(in.After)
	if err != nil {
		return nil, err
	}
	users, err := s.Accounts.ListUsers(ctx, principal(ctx).TenantID, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return newPage(users, in.Limit, func(u account.User) []string { return []string{u.ID} }, renderUser), nil
}

type createUserInput struct {
	Body struct {
		Email string       `json:"email" maxLength:"254" example:"ann@example.com"`
		Name  string       `json:"name" maxLength:"400" doc:"One line of at most 100 characters."`
		Role  account.Role `json:"role" enum:"owner,admin,supervisor,agent,viewer"`
	}
}

// SetupLink lets one person choose a password, once.
type SetupLink struct {
	Token     string `json:"token" doc:"For POST /api/v1/auth/setup. It is not shown again."`
	URL       string `json:"url" doc:"The page where the person chooses a password."`
	ExpiresAt string `json:"expiresAt" format:"date-time"`
}

func (s *Server) renderLink(l account.Link) SetupLink {
	return SetupLink{Token: l.Token, URL: SetupURL(s.PublicURL, l.Token), ExpiresAt: rfc3339(l.Expires)}
}

// NewUser is an invited user.
type NewUser struct {
	User
	Link SetupLink `json:"setupLink" doc:"Pass it on to the person; it is valid for 72 hours."`
}

type createUserOutput struct {
	Location string `header:"Location"`
	Body     NewUser
}

// createUser serves POST /api/v1/users.
func (s *Server) createUser(ctx context.Context, in *createUserInput) (*createUserOutput, error) {
	u, link, err := s.Accounts.CreateUser(ctx, principal(ctx), account.UserDraft{Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role})
	if err != nil {
		return nil, err
	}
	return &createUserOutput{Location: "/api/v1/users/" + u.ID, Body: NewUser{renderUser(u), s.renderLink(link)}}, nil
}

// getUser serves GET /api/v1/users/{id}.
func (s *Server) getUser(ctx context.Context, in *userPath) (*userOutput, error) {
	u, err := s.Accounts.GetUser(ctx, principal(ctx).TenantID, in.ID)
	if err != nil {
		return nil, err
	}
	return &userOutput{renderUser(u)}, nil
}

type updateUserInput struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Name   *string       `json:"name,omitempty" maxLength:"400"`
		Role   *account.Role `json:"role,omitempty" enum:"owner,admin,supervisor,agent,viewer"`
		Active *bool         `json:"active,omitempty"`
	}
}

// updateUser serves PATCH /api/v1/users/{id}. A new role and switching off end the
// user's sessions within two seconds.
func (s *Server) updateUser(ctx context.Context, in *updateUserInput) (*userOutput, error) {
	u, err := s.Accounts.UpdateUser(ctx, principal(ctx), in.ID, account.UserPatch{Name: in.Body.Name, Role: in.Body.Role, Active: in.Body.Active})
	if err != nil {
		return nil, err
	}
	return &userOutput{renderUser(u)}, nil
}

// deleteUser serves DELETE /api/v1/users/{id}.
func (s *Server) deleteUser(ctx context.Context, in *userPath) (*struct{}, error) {
	return nil, s.Accounts.DeleteUser(ctx, principal(ctx), in.ID)
}

type setupLinkOutput struct{ Body SetupLink }

// createSetupLink serves POST /api/v1/users/{id}/setup-link.
func (s *Server) createSetupLink(ctx context.Context, in *userPath) (*setupLinkOutput, error) {
	link, err := s.Accounts.NewUserLink(ctx, principal(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &setupLinkOutput{s.renderLink(link)}, nil
}
