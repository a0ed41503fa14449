package account_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

func TestBootstrap(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := &clock{t: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
		s := account.NewStore(d, account.Options{Now: c.now, Hashing: cheap})
		type result struct {
			first         bool
			tenant, token string
		}
		results := make([]result, 6)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				first, tenant, token, err := s.Bootstrap(t.Context())
				if err != nil {
					t.Error(err)
				}
				results[i] = result{first, tenant, token}
			})
		}
		wg.Wait()
		firsts, works := 0, 0
		for _, r := range results {
			if r.first {
				firsts++
			}
			if r.tenant != results[0].tenant || r.token == "" {
				t.Errorf("got %+v", r)
			}
		}
		if firsts != 1 {
			t.Errorf("%d first starts; want 1", firsts)
		}
		for i, r := range results { // only the newest link works
			_, err := s.CompleteSetup(t.Context(), account.Setup{Token: r.token, Email: fmt.Sprintf("o%d@example.com", i), Password: password})
			if err == nil {
				works++
			}
		}
		if works != 1 {
			t.Errorf("%d links worked; want 1", works)
		}
		first, tenant, token, err := s.Bootstrap(t.Context())
		if err != nil || first || tenant != results[0].tenant || token != "" {
			t.Errorf("after the setup: %v %v %v %v", first, tenant, token != "", err)
		}
		if got, err := s.DefaultTenant(t.Context()); err != nil || got != tenant {
			t.Errorf("default tenant %s, %v", got, err)
		}
	})
}

func TestSetupLink(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		old, _, err := h.NewSetupLink(t.Context(), h.tenant, "olga@example.com")
		if err != nil {
			t.Fatal(err)
		}
		token, expires, err := h.NewSetupLink(t.Context(), h.tenant, "OLGA@example.com")
		if err != nil || expires.Sub(h.now()) != 30*time.Minute {
			t.Fatalf("expires %v, %v", expires, err)
		}
		for name, c := range map[string]struct {
			in   account.Setup
			code string
		}{
			"replaced":      {account.Setup{Token: old, Password: password}, "setup_link_invalid"},
			"unknown":       {account.Setup{Token: "ls_x", Password: password}, "setup_link_invalid"},
			"empty":         {account.Setup{Password: password}, "setup_link_invalid"},
			"short":         {account.Setup{Token: token, Password: "hunter2"}, "validation_error"},
			"own address":   {account.Setup{Token: token, Password: "olga@Example.com"}, "validation_error"},
			"endless":       {account.Setup{Token: token, Password: strings.Repeat("x", 257)}, "validation_error"},
			"other address": {account.Setup{Token: token, Email: "eve@example.com", Password: password}, "validation_error"},
		} {
			if _, err := h.CompleteSetup(t.Context(), c.in); fault.CodeOf(err) != c.code {
				t.Errorf("%s: %v; want %s", name, err, c.code)
			}
		}
		var won, lost int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 4 { // the link serves once, whoever is first
			wg.Go(func() {
				_, err := h.CompleteSetup(t.Context(), account.Setup{Token: token, Password: password})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if fault.CodeOf(err) == "setup_link_invalid" {
					lost++
				}
			})
		}
		wg.Wait()
		if won != 1 || lost != 3 {
			t.Errorf("%d won, %d lost; want 1, 3", won, lost)
		}
		late, _, err := h.NewSetupLink(t.Context(), h.tenant, "olga@example.com")
		if err != nil {
			t.Fatal(err)
		}
		h.add(30 * time.Minute)
		_, err = h.CompleteSetup(t.Context(), account.Setup{Token: late, Password: password})
		wantCode(t, err, "setup_link_invalid")
		_, _, err = h.NewSetupLink(t.Context(), h.tenant, "nobody@example.com")
		wantCode(t, err, "not_found")
		var stored int
		if err := d.Get(&stored, `SELECT count(*) FROM setup_links WHERE token_hash LIKE 'ls_%'`); err != nil || stored != 0 {
			t.Errorf("%d links are stored as they are, %v", stored, err)
		}
	})
}

func TestUsers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		u, link, err := h.CreateUser(t.Context(), h.owner, account.UserDraft{Email: " Ann@Example.com", Name: " Ann ", Role: account.Agent})
		if err != nil {
			t.Fatal(err)
		}
		want := account.User{ID: u.ID, TenantID: h.tenant, Email: "ann@example.com", Name: "Ann", Role: account.Agent, Active: true, Pending: true,
			CreatedAt: h.now(), UpdatedAt: h.now()}
		if diff := cmp.Diff(want, u); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		if link.Expires.Sub(h.now()) != 72*time.Hour || strings.Contains(fmt.Sprintf("%v %+v %#v", link, link, link), link.Token) {
			t.Errorf("link %v until %v", link, link.Expires)
		}
		again, err := h.NewUserLink(t.Context(), h.owner, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.CompleteSetup(t.Context(), account.Setup{Token: link.Token, Password: password})
		wantCode(t, err, "setup_link_invalid")
		if _, err = h.CompleteSetup(t.Context(), account.Setup{Token: again.Token, Password: password}); err != nil {
			t.Fatal(err)
		}
		u, err = h.UpdateUser(t.Context(), h.owner, u.ID, account.UserPatch{Name: ptr("Anna"), Role: ptr(account.Admin)})
		if err != nil || u.Name != "Anna" || u.Role != account.Admin || u.Pending {
			t.Errorf("got %+v, %v", u, err)
		}
		users, err := h.ListUsers(t.Context(), h.tenant, "", 10)
		if err != nil || len(users) != 2 {
			t.Errorf("%d users, %v", len(users), err)
		}
		for name, c := range map[string]account.UserDraft{
			"taken": {Email: "ann@example.com", Name: "x", Role: account.Agent}, "no address": {Email: "ann", Name: "x", Role: account.Agent},
			"named address": {Email: "Ann <a@example.com>", Name: "x", Role: account.Agent}, "no name": {Email: "b@example.com", Role: account.Agent},
			"no role": {Email: "b@example.com", Name: "x"}, "odd role": {Email: "b@example.com", Name: "x", Role: "root"},
		} {
			if _, _, err := h.CreateUser(t.Context(), h.owner, c); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		wantCode(t, h.DeleteUser(t.Context(), h.owner, u.ID), "")
		wantCode(t, h.DeleteUser(t.Context(), h.owner, u.ID), "not_found")
		_, err = h.GetUser(t.Context(), h.tenant, u.ID)
		wantCode(t, err, "not_found")
	})
}

// Ensure nobody makes, changes or removes somebody more powerful.
func TestUsersEscalation(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		u, tokens := h.user(t, "adam@example.com", account.Admin)
		admin := h.must(t, tokens.Access)
		scoped := &account.Principal{TenantID: h.tenant, KeyID: "key_a", Permissions: account.AllPermissions(), ChannelIDs: []string{"ch_a"}}
		for name, try := range map[string]func() error{
			"make an owner": func() error {
				_, _, err := h.CreateUser(t.Context(), admin, account.UserDraft{Email: "e@example.com", Name: "x", Role: account.Owner})
				return err
			},
			"become owner": func() error {
				_, err := h.UpdateUser(t.Context(), admin, u.ID, account.UserPatch{Role: ptr(account.Owner)})
				return err
			},
			"rename the owner": func() error {
				_, err := h.UpdateUser(t.Context(), admin, h.owner.UserID, account.UserPatch{Name: ptr("x")})
				return err
			},
			"remove the owner": func() error { return h.DeleteUser(t.Context(), admin, h.owner.UserID) },
			"reset the owner":  func() error { _, err := h.NewUserLink(t.Context(), admin, h.owner.UserID); return err },
			"key with a scope": func() error { return h.DeleteUser(t.Context(), scoped, u.ID) },
		} {
			if err := try(); fault.CodeOf(err) != "permission_missing" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestLastOwner(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		try := func(by *account.Principal, code string) {
			t.Helper()
			_, err := h.UpdateUser(t.Context(), by, by.UserID, account.UserPatch{Role: ptr(account.Admin)})
			wantCode(t, err, code)
			_, err = h.UpdateUser(t.Context(), by, by.UserID, account.UserPatch{Active: ptr(false)})
			wantCode(t, err, code)
			wantCode(t, h.DeleteUser(t.Context(), by, by.UserID), code)
		}
		try(h.owner, "last_owner")
		if _, _, err := h.CreateUser(t.Context(), h.owner, account.UserDraft{Email: "p@example.com", Name: "Pending", Role: account.Owner}); err != nil {
			t.Fatal(err)
		}
		try(h.owner, "last_owner") // an owner who cannot log in does not count
		_, tokens := h.user(t, "owen@example.com", account.Owner)
		second := h.must(t, tokens.Access)

		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, pair := range [][2]*account.Principal{{h.owner, second}, {second, h.owner}} {
			wg.Go(func() {
				_, errs[i] = h.UpdateUser(t.Context(), pair[0], pair[1].UserID, account.UserPatch{Role: ptr(account.Viewer)})
			})
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("both owners demoted each other: %v, %v", errs[0], errs[1])
		}
	})
}

func TestUsersOfAnotherTenant(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		theirs, _ := h.neighbour(t)
		for _, userID := range []string{theirs.UserID, "user_unknown"} {
			_, err := h.GetUser(t.Context(), h.tenant, userID)
			wantCode(t, err, "not_found")
			_, err = h.UpdateUser(t.Context(), h.owner, userID, account.UserPatch{Active: ptr(false)})
			wantCode(t, err, "not_found")
			_, err = h.NewUserLink(t.Context(), h.owner, userID)
			wantCode(t, err, "not_found")
			wantCode(t, h.DeleteUser(t.Context(), h.owner, userID), "not_found")
		}
		users, err := h.ListUsers(t.Context(), h.tenant, "", 100)
		if err != nil || len(users) != 1 {
			t.Errorf("%d users, %v; want ours only", len(users), err)
		}
		if u, err := h.GetUser(t.Context(), theirs.TenantID, theirs.UserID); err != nil || !u.Active {
			t.Errorf("changed: %+v, %v", u, err)
		}
	})
}

func TestRoles(t *testing.T) {
	sizes := map[account.Role]int{}
	for _, r := range account.Roles() {
		seen := map[account.Permission]bool{}
		for _, p := range account.RolePermissions(r) {
			if seen[p] || !p.Valid() {
				t.Errorf("%s: %s twice or unknown", r, p)
			}
			seen[p] = true
		}
		sizes[r] = len(seen)
	}
	want := map[account.Role]int{account.Owner: 20, account.Admin: 19, account.Supervisor: 16, account.Agent: 12, account.Viewer: 6}
	if diff := cmp.Diff(want, sizes); diff != "" {
		t.Error(diff)
	}
	if account.RolePermissions("root") != nil || (*account.Principal)(nil).Can(account.ViewMessages) || (*account.Principal)(nil).CanChannel("ch_a") {
		t.Error("nobody can something")
	}
}

func TestTickets(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		token, expires, err := h.NewTicket(t.Context(), h.owner)
		if err != nil || expires.Sub(h.now()) != 30*time.Second {
			t.Fatalf("expires %v, %v", expires, err)
		}
		p, err := h.node().RedeemTicket(t.Context(), token)
		if diff := cmp.Diff(h.owner, p); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		_, err = h.RedeemTicket(t.Context(), token)
		wantCode(t, err, "ticket_invalid")
		_, err = h.RedeemTicket(t.Context(), "")
		wantCode(t, err, "ticket_invalid")

		late, _, err := h.NewTicket(t.Context(), h.owner)
		if err != nil {
			t.Fatal(err)
		}
		h.add(30 * time.Second)
		_, err = h.RedeemTicket(t.Context(), late)
		wantCode(t, err, "ticket_invalid")

		ended, _, err := h.NewTicket(t.Context(), h.owner)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Logout(t.Context(), h.tokens.Refresh); err != nil {
			t.Fatal(err)
		}
		_, err = h.RedeemTicket(t.Context(), ended)
		wantCode(t, err, "credential_invalid")
	})
}

func TestTicketConcurrently(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		token, _, err := h.NewTicket(t.Context(), h.owner)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		won := 0
		for range 8 {
			wg.Go(func() {
				if _, err := h.RedeemTicket(t.Context(), token); err == nil {
					mu.Lock()
					won++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("redeemed %d times", won)
		}
	})
}

func TestPurge(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		if _, _, err := h.NewTicket(t.Context(), h.owner); err != nil {
			t.Fatal(err)
		}
		if err := h.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.must(t, h.tokens.Access)
		h.add(100 * 24 * time.Hour)
		if err := h.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"tickets", "sessions", "setup_links"} {
			var n int
			if err := d.Get(&n, `SELECT count(*) FROM `+table); err != nil || n != 0 {
				t.Errorf("%d rows in %s, %v", n, table, err)
			}
		}
	})
}

func TestDeletedUserLosesConversations(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		u, _ := h.user(t, "ann@example.com", account.Agent)
		h.exec(t, `INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at) VALUES ('ch_1', $1, 'x', 'x', '{}', '', 0, 0)`, h.tenant)
		h.exec(t, `INSERT INTO contacts (id, tenant_id, created_at, updated_at) VALUES ('cont_1', $1, 0, 0)`, h.tenant)
		for id, assignee := range map[string]string{"conv_1": u.ID, "conv_2": u.ID, "conv_3": h.owner.UserID} {
			h.exec(t, `INSERT INTO conversations (id, tenant_id, channel_id, contact_id, status, assignee_id, last_message_at, created_at, updated_at)
				VALUES ($1, $2, 'ch_1', 'cont_1', 'resolved', $3, 0, 0, 0)`, id, h.tenant, assignee)
		}
		wantCode(t, h.DeleteUser(t.Context(), h.owner, u.ID), "")
		var assigned []string
		if err := d.Select(&assigned, `SELECT id FROM conversations WHERE assignee_id <> '' ORDER BY id`); err != nil || len(assigned) != 1 || assigned[0] != "conv_3" {
			t.Errorf("still assigned: %v, %v; want conv_3, which is somebody else's", assigned, err)
		}
		var told []string
		err := d.Select(&told, `SELECT conversation_id FROM events WHERE type = 'conversation.updated' AND tenant_id = $1 ORDER BY conversation_id`, h.tenant)
		if diff := cmp.Diff([]string{"conv_1", "conv_2"}, told); err != nil || diff != "" {
			t.Errorf("announced (-want +got):\n%s%v", diff, err)
		}
	})
}
