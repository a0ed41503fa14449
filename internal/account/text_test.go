package account_test

import (
	"testing"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

// Ensure text that PostgreSQL cannot hold is the caller's mistake, not ours.
func TestHostileText(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		view := []account.Permission{account.ViewMessages}
		for _, bad := range []string{"a\x00b", "a\xff", "\x00"} {
			for name, try := range map[string]func() error{
				"get user":    func() error { _, err := h.GetUser(t.Context(), h.tenant, bad); return err },
				"list users":  func() error { _, err := h.ListUsers(t.Context(), h.tenant, bad, 1); return err },
				"update user": func() error { _, err := h.UpdateUser(t.Context(), h.owner, bad, account.UserPatch{}); return err },
				"delete user": func() error { return h.DeleteUser(t.Context(), h.owner, bad) },
				"user link":   func() error { _, err := h.NewUserLink(t.Context(), h.owner, bad); return err },
				"setup link":  func() error { _, _, err := h.NewSetupLink(t.Context(), h.tenant, bad); return err },
				"rename": func() error {
					_, err := h.UpdateUser(t.Context(), h.owner, h.owner.UserID, account.UserPatch{Name: &bad})
					return err
				},
				"invite": func() error {
					_, _, err := h.CreateUser(t.Context(), h.owner, account.UserDraft{Email: bad + "@example.com", Name: "x", Role: account.Agent})
					return err
				},
				"get key":    func() error { _, err := h.GetKey(t.Context(), h.tenant, bad); return err },
				"list keys":  func() error { _, err := h.ListKeys(t.Context(), h.tenant, bad, 1); return err },
				"update key": func() error { _, err := h.UpdateKey(t.Context(), h.owner, bad, account.KeyPatch{}); return err },
				"delete key": func() error { return h.DeleteKey(t.Context(), h.tenant, bad) },
				"key name": func() error {
					_, _, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: bad, Permissions: view})
					return err
				},
				"key text": func() error {
					_, _, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Description: bad, Permissions: view})
					return err
				},
				"key channel": func() error {
					_, _, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{bad}})
					return err
				},
				"login": func() error { _, err := h.login(t.Context(), bad, bad); return err },
				"setup": func() error {
					_, err := h.CompleteSetup(t.Context(), account.Setup{Token: bad, Password: bad})
					return err
				},
				"ticket":     func() error { _, err := h.RedeemTicket(t.Context(), bad); return err },
				"credential": func() error { _, err := h.Authenticate(t.Context(), bad); return err },
				"refresh":    func() error { _, err := h.Refresh(t.Context(), "lr_"+bad); return err },
			} {
				if err := try(); err == nil || fault.KindOf(err) == fault.Internal {
					t.Errorf("%s with %q: %v; want a fault of the caller's", name, bad, err)
				}
			}
		}
		_, err := h.Login(t.Context(), account.Attempt{Email: "olga@example.com", Password: password, IP: "192.0.2.8", UserAgent: "Mozilla\x00\xff/5"})
		wantCode(t, err, "")
	})
}
