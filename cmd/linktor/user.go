package main

import (
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/account"
)

type userCmd struct {
	Create    userCreateCmd    `cmd:"" help:"Create a user and show the link with which they choose a password."`
	List      userListCmd      `cmd:"" default:"withargs" help:"List users."`
	ResetLink userResetLinkCmd `cmd:"" help:"Make a new one-time sign-in link, valid for 30 minutes."`
}

type userCreateCmd struct {
	Email string `arg:"" help:"Address they sign in with."`
	Name  string `help:"Their name."`
	Role  string `help:"owner, admin, supervisor, agent or viewer." default:"agent" enum:"owner,admin,supervisor,agent,viewer"`
	JSON  bool   `name:"json" help:"Write JSON."`
}

func (c *userCreateCmd) Run(e *env) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	return withAccounts(e, func(s *account.Store, tenantID string) error {
		u, link, err := s.CreateUser(e.ctx, account.Operator(tenantID), account.UserDraft{Email: c.Email, Name: c.Name, Role: account.Role(c.Role)})
		if err != nil {
			return err
		}
		return c.print(e, u, setupURL(cfg.BaseURL(), link.Token), link.Expires)
	})
}

func (c *userCreateCmd) print(e *env, u account.User, url string, expires time.Time) error {
	if c.JSON {
		return e.printJSON(map[string]any{"id": u.ID, "email": u.Email, "role": u.Role, "setupUrl": url, "expiresAt": stamp(expires)})
	}
	_, err := fmt.Fprintf(e.out, "%s  %s  %s\nThey choose a password at this link, once, until %s:\n%s\n",
		u.ID, u.Email, u.Role, expires.Local().Format("15:04"), url)
	return err
}

// setupURL holds the token in the fragment, which browsers send to nobody.
func setupURL(base, token string) string { return base + "/setup#t=" + token }

type userListCmd struct {
	JSON bool `name:"json" help:"Write JSON, one user a line."`
}

func (c *userListCmd) Run(e *env) error {
	return withAccounts(e, func(s *account.Store, tenantID string) error {
		t := newTable(e.out, c.JSON, "ID", "EMAIL", "NAME", "ROLE", "STATE", "LAST SIGN-IN")
		list := func(after string) ([]account.User, error) { return s.ListUsers(e.ctx, tenantID, after, pageSize) }
		err := everyPage(list, func(u account.User) string { return u.ID }, func(u account.User) error {
			if c.JSON {
				return e.printJSON(map[string]any{"id": u.ID, "email": u.Email, "name": u.Name, "role": u.Role,
					"active": u.Active, "pending": u.Pending, "createdAt": stamp(u.CreatedAt), "lastLoginAt": stamp(u.LastLoginAt)})
			}
			t.row(u.ID, u.Email, u.Name, string(u.Role), userState(u), ago(u.LastLoginAt))
			return nil
		})
		if err != nil {
			return err
		}
		return t.flush()
	})
}

func userState(u account.User) string {
	switch {
	case !u.Active:
		return "inactive"
	case u.Pending:
		return "invited"
	}
	return "active"
}

type userResetLinkCmd struct {
	Email string `arg:"" optional:"" help:"Whose link. The first owner's, if not given."`
}

func (c *userResetLinkCmd) Run(e *env) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	return withAccounts(e, func(s *account.Store, tenantID string) error {
		token, expires, err := s.NewSetupLink(e.ctx, tenantID, c.Email)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.out, "Once, until %s:\n%s\n", expires.Local().Format("15:04"), setupURL(cfg.BaseURL(), token))
		return err
	})
}
