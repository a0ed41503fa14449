package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/id"
)

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Create a key and show it once."`
	List   keyListCmd   `cmd:"" default:"withargs" help:"List keys."`
	Revoke keyRevokeCmd `cmd:"" help:"Delete a key; it stops working within two seconds."`
}

type keyCreateCmd struct {
	Name        string        `arg:"" help:"What the key is for."`
	Permissions []string      `help:"What it may do, such as messages:send_text,messages:view, or all. What an agent may do, if not given." placeholder:"PERMISSION"`
	Channels    []string      `help:"Ids of the channels it may use. All, if not given." placeholder:"ch_…"`
	PerMinute   *int64        `help:"Requests per minute; 0 means no limit." placeholder:"60"`
	PerDay      *int64        `help:"Requests per day; 0 means no limit." placeholder:"10000"`
	Expires     time.Duration `help:"How long it is valid, such as 720h. For ever, if not given."`
	Development bool          `help:"A key for trying things out: no limits."`
	JSON        bool          `name:"json" help:"Write JSON."`
}

func (c *keyCreateCmd) Run(e *env) error {
	return withAccounts(e, func(s *account.Store, tenantID string) error {
		draft := account.KeyDraft{Name: c.Name, Permissions: permissions(c.Permissions), ChannelIDs: c.Channels,
			PerMinute: c.PerMinute, PerDay: c.PerDay, Development: c.Development}
		if c.Expires > 0 {
			draft.ExpiresAt = time.Now().Add(c.Expires)
		}
		k, secret, err := s.CreateKey(e.ctx, account.Operator(tenantID), draft)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.printJSON(map[string]any{"id": k.ID, "name": k.Name, "key": secret, "permissions": k.Permissions})
		}
		_, err = fmt.Fprintf(e.out, "%s  %s\n%s\nThe key is shown this once.\n", k.ID, k.Name, secret)
		return err
	})
}

func permissions(words []string) []account.Permission {
	switch {
	case len(words) == 0:
		return account.RolePermissions(account.Agent)
	case len(words) == 1 && words[0] == "all":
		return account.AllPermissions()
	}
	list := make([]account.Permission, len(words))
	for i, w := range words {
		list[i] = account.Permission(w)
	}
	return list
}

type keyListCmd struct {
	JSON bool `name:"json" help:"Write JSON, one key a line."`
}

func (c *keyListCmd) Run(e *env) error {
	return withAccounts(e, func(s *account.Store, tenantID string) error {
		t := newTable(e.out, c.JSON, "ID", "NAME", "KEY", "STATE", "LAST USED")
		list := func(after string) ([]account.Key, error) { return s.ListKeys(e.ctx, tenantID, after, pageSize) }
		err := everyPage(list, func(k account.Key) string { return k.ID }, func(k account.Key) error {
			if c.JSON {
				return e.printJSON(map[string]any{"id": k.ID, "name": k.Name, "prefix": k.Prefix, "active": k.Active,
					"permissions": k.Permissions, "channelIds": k.ChannelIDs, "createdAt": stamp(k.CreatedAt),
					"expiresAt": stamp(k.ExpiresAt), "lastUsedAt": stamp(k.LastUsedAt)})
			}
			t.row(k.ID, k.Name, k.Prefix+"…", keyState(k, time.Now()), ago(k.LastUsedAt))
			return nil
		})
		if err != nil {
			return err
		}
		return t.flush()
	})
}

func keyState(k account.Key, now time.Time) string {
	switch {
	case !k.Active:
		return "inactive"
	case !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(now):
		return "expired"
	}
	return "active"
}

type keyRevokeCmd struct {
	ID string `arg:"" help:"Id of the key, key_…, or the key itself."`
}

func (c *keyRevokeCmd) Run(e *env) error {
	return withAccounts(e, func(s *account.Store, tenantID string) error {
		keyID := c.ID
		if account.IsKey(c.ID) {
			p, err := s.Authenticate(e.ctx, c.ID)
			if err != nil {
				return err
			}
			keyID = p.KeyID
		}
		if !id.Valid(id.Key, keyID) {
			return fmt.Errorf("%q is not the id of a key: linktor key list shows them", strings.ToValidUTF8(keyID, "?"))
		}
		if err := s.DeleteKey(e.ctx, tenantID, keyID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.out, "%s is revoked.\n", keyID)
		return err
	})
}

// withAccounts opens the accounts of the installation's tenant.
func withAccounts(e *env, fn func(s *account.Store, tenantID string) error) error {
	_, d, err := e.open()
	if err != nil {
		return err
	}
	defer d.Close()
	s := account.NewStore(d, account.Options{})
	tenantID, err := defaultTenant(e, s)
	if err != nil {
		return err
	}
	if err := fn(s, tenantID); err != nil {
		return err
	}
	return s.Flush(context.WithoutCancel(e.ctx))
}

func defaultTenant(e *env, s *account.Store) (string, error) {
	tenantID, err := s.DefaultTenant(e.ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.New("this installation is empty: start the server once with linktor serve")
	}
	return tenantID, err
}
