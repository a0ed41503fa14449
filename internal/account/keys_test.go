package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

// channel adds a channel row to a tenant.
func (h *house) channel(t *testing.T, tenant, channelID string) string {
	t.Helper()
	h.exec(t, `INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at) VALUES ($1, $2, 'whatsapp', 'x', '{}', $3, 1, 1)`,
		channelID, tenant, []byte{})
	return channelID
}

func TestKeyLife(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		ch := h.channel(t, h.tenant, "ch_a")
		k, key, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: " Shop ", Description: "the shop",
			Permissions: []account.Permission{account.SendText, account.ViewMessages, account.SendText}, ChannelIDs: []string{ch},
			ExpiresAt: h.now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(key, "lk_live_") || !strings.HasPrefix(key, k.Prefix) || len(k.Prefix) != 16 || len(key) < 8+8+32 {
			t.Errorf("key of %d characters, prefix %s", len(key), k.Prefix)
		}
		want := account.Key{ID: k.ID, TenantID: h.tenant, Name: "Shop", Description: "the shop", Prefix: k.Prefix,
			Permissions: []account.Permission{account.SendText, account.ViewMessages}, ChannelIDs: []string{ch}, PerMinute: 60, PerDay: 10_000,
			Active: true, CreatedBy: h.owner.UserID, CreatedAt: h.now(), UpdatedAt: h.now(), ExpiresAt: h.now().Add(time.Hour)}
		if diff := cmp.Diff(want, k); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		got, err := h.GetKey(t.Context(), h.tenant, k.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("stored (-want +got): %v\n%s", err, diff)
		}
		p := h.must(t, key)
		if diff := cmp.Diff(&account.Principal{TenantID: h.tenant, KeyID: k.ID, Name: "Shop", Permissions: want.Permissions,
			ChannelIDs: []string{ch}, PerMinute: 60, PerDay: 10_000}, p); diff != "" {
			t.Errorf("principal (-want +got):\n%s", diff)
		}
		if !p.Can(account.SendText) || p.Can(account.SendMedia) || !p.CanChannel(ch) || p.CanChannel("ch_b") {
			t.Error("can what it should not, or cannot what it should")
		}
		var stored string
		if err := d.Get(&stored, `SELECT secret_hash || name || prefix || description FROM api_keys`); err != nil || strings.Contains(stored, key[16:]) {
			t.Errorf("the secret is stored: %v", err)
		}
		h.add(time.Hour)
		_, err = h.Authenticate(t.Context(), key)
		wantCode(t, err, "key_expired")
		if h.Alive(t.Context(), p) {
			t.Error("alive after its expiry")
		}
		wantCode(t, h.DeleteKey(t.Context(), h.tenant, k.ID), "")
		wantCode(t, h.DeleteKey(t.Context(), h.tenant, k.ID), "not_found")
		_, err = h.GetKey(t.Context(), h.tenant, k.ID)
		wantCode(t, err, "not_found")
	})
}

func TestKeyRevocation(t *testing.T) {
	for name, revoke := range map[string]func(*testing.T, *house, string) error{
		"inactive": func(t *testing.T, h *house, k string) error {
			_, err := h.UpdateKey(t.Context(), h.owner, k, account.KeyPatch{Active: ptr(false)})
			return err
		},
		"deleted": func(t *testing.T, h *house, k string) error { return h.DeleteKey(t.Context(), h.tenant, k) },
		"expired": func(t *testing.T, h *house, k string) error {
			_, err := h.UpdateKey(t.Context(), h.owner, k, account.KeyPatch{ExpiresAt: ptr(h.now().Add(time.Millisecond))})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				h := newHouse(t, d)
				k, key, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: account.AllPermissions()})
				if err != nil {
					t.Fatal(err)
				}
				other := h.node()
				p, err := other.Authenticate(t.Context(), key)
				if err != nil || !other.Alive(t.Context(), p) {
					t.Fatal(err)
				}
				if err := revoke(t, h, k.ID); err != nil {
					t.Fatal(err)
				}
				h.add(time.Second)
				for _, s := range []*account.Store{h.Store, other} {
					if _, err := s.Authenticate(t.Context(), key); fault.KindOf(err) != fault.Unauthorized {
						t.Errorf("got %v; want a refusal", err)
					}
					if s.Alive(t.Context(), p) {
						t.Error("its socket stays open")
					}
				}
			})
		})
	}
}

// Ensure a socket ends when its key may do less, or more, than when it opened.
func TestAliveNoticesChanges(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	ch := h.channel(t, h.tenant, "ch_a")
	k, key, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: []account.Permission{account.ViewEvents, account.ViewMessages}})
	if err != nil {
		t.Fatal(err)
	}
	for _, patch := range []account.KeyPatch{{Permissions: &[]account.Permission{account.ViewEvents}}, {ChannelIDs: &[]string{ch}}} {
		p := h.must(t, key)
		if !h.Alive(t.Context(), p) {
			t.Fatal("not alive")
		}
		if _, err := h.UpdateKey(t.Context(), h.owner, k.ID, patch); err != nil {
			t.Fatal(err)
		}
		if h.Alive(t.Context(), p) {
			t.Errorf("alive after %+v", patch)
		}
	}
}

// Ensure the database is asked at most once a second about one key.
func TestCacheAge(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	k, key, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: []account.Permission{account.ViewMessages}})
	if err != nil {
		t.Fatal(err)
	}
	h.must(t, key)
	h.exec(t, `UPDATE api_keys SET active = FALSE WHERE id = $1`, k.ID)
	h.add(999 * time.Millisecond)
	h.must(t, key)
	h.add(time.Millisecond)
	_, err = h.Authenticate(t.Context(), key)
	wantCode(t, err, "key_inactive")
}

func TestMalformedKeys(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	_, key, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: []account.Permission{account.ViewMessages}})
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(key)
	flipped[20] ^= 1
	for _, bad := range []string{"lk_", "lk_live_", key[:len(key)-1], key + "x", " " + key, strings.ToLower(key), string(flipped),
		"lk_test_" + key[8:], "lk_prod_" + key[8:], strings.Repeat("lk_", 10_000)} {
		_, err := h.Authenticate(t.Context(), bad)
		wantCode(t, err, "credential_invalid")
	}
}

func TestDevelopmentKey(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	k, key, err := h.CreateKey(t.Context(), account.Operator(h.tenant), account.KeyDraft{Name: "dev", Permissions: account.AllPermissions(), Development: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(key, "lk_test_") || !k.Development() || k.PerMinute != 0 || k.PerDay != 0 || k.CreatedBy != "" {
		t.Errorf("got %+v", k)
	}
	if p := h.must(t, key); p.PerMinute != 0 || p.PerDay != 0 {
		t.Error("limited")
	}
}

func TestCreateKeyRefuses(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		theirs, _ := h.neighbour(t)
		foreign := h.channel(t, theirs.TenantID, "ch_foreign")
		ours, ours2 := h.channel(t, h.tenant, "ch_ours"), h.channel(t, h.tenant, "ch_ours2")
		h.exec(t, `UPDATE channels SET deleted_at = 1 WHERE id = $1`, h.channel(t, h.tenant, "ch_gone"))
		view := []account.Permission{account.ViewMessages}
		admin := &account.Principal{TenantID: h.tenant, UserID: "user_a", Role: account.Admin, Permissions: account.RolePermissions(account.Admin)}
		scoped := &account.Principal{TenantID: h.tenant, KeyID: "key_a", Permissions: account.AllPermissions(), ChannelIDs: []string{ours}}
		for name, c := range map[string]struct {
			by    *account.Principal
			draft account.KeyDraft
			code  string
		}{
			"no name":           {h.owner, account.KeyDraft{Name: " ", Permissions: view}, "validation_error"},
			"long name":         {h.owner, account.KeyDraft{Name: strings.Repeat("x", 101), Permissions: view}, "validation_error"},
			"no permission":     {h.owner, account.KeyDraft{Name: "x"}, "validation_error"},
			"unknown one":       {h.owner, account.KeyDraft{Name: "x", Permissions: []account.Permission{"root"}}, "validation_error"},
			"negative limit":    {h.owner, account.KeyDraft{Name: "x", Permissions: view, PerDay: ptr(int64(-1))}, "validation_error"},
			"expired":           {h.owner, account.KeyDraft{Name: "x", Permissions: view, ExpiresAt: h.now()}, "validation_error"},
			"unknown channel":   {h.owner, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{"ch_none"}}, "validation_error"},
			"foreign channel":   {h.owner, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{foreign}}, "validation_error"},
			"deleted channel":   {h.owner, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{"ch_gone"}}, "validation_error"},
			"more than itself":  {admin, account.KeyDraft{Name: "x", Permissions: account.AllPermissions()}, "permission_missing"},
			"beyond its scope":  {scoped, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{ours2}}, "validation_error"},
			"without its scope": {scoped, account.KeyDraft{Name: "x", Permissions: view}, "validation_error"},
			"within its scope":  {scoped, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{ours}}, ""},
			"admin":             {admin, account.KeyDraft{Name: "x", Permissions: account.RolePermissions(account.Admin)}, ""},
		} {
			_, _, err := h.CreateKey(t.Context(), c.by, c.draft)
			if err != nil {
				t.Log(name)
			}
			wantCode(t, err, c.code)
		}
		_, _, err1 := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{foreign}})
		_, _, err2 := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: view, ChannelIDs: []string{"ch_none"}})
		if err1.Error() != err2.Error() {
			t.Errorf("%v differs from %v", err1, err2)
		}
	})
}

func TestUpdateKey(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		ch := h.channel(t, h.tenant, "ch_a")
		k, _, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: account.AllPermissions(), ChannelIDs: []string{ch}, ExpiresAt: h.now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		h.exec(t, `UPDATE channels SET deleted_at = 1`)
		got, err := h.UpdateKey(t.Context(), h.owner, k.ID, account.KeyPatch{Name: ptr("y"), Description: ptr("z"), PerMinute: ptr(int64(7)), ExpiresAt: &time.Time{}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != "y" || got.Description != "z" || got.PerMinute != 7 || got.PerDay != 10_000 || !got.ExpiresAt.IsZero() || len(got.ChannelIDs) != 1 {
			t.Errorf("got %+v", got)
		}
		weak := &account.Principal{TenantID: h.tenant, KeyID: "key_w", Permissions: []account.Permission{account.ManageKeys}}
		_, err = h.UpdateKey(t.Context(), weak, k.ID, account.KeyPatch{Active: ptr(false)})
		wantCode(t, err, "")
		_, err = h.UpdateKey(t.Context(), weak, k.ID, account.KeyPatch{Active: ptr(true)})
		wantCode(t, err, "permission_missing")
		_, err = h.UpdateKey(t.Context(), weak, k.ID, account.KeyPatch{PerDay: ptr(int64(0))})
		wantCode(t, err, "permission_missing")
		_, err = h.UpdateKey(t.Context(), h.owner, k.ID, account.KeyPatch{Permissions: &[]account.Permission{}})
		wantCode(t, err, "validation_error")
	})
}

func TestKeysOfAnotherTenant(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		_, theirs := h.neighbour(t)
		for _, keyID := range []string{theirs.ID, "key_unknown"} {
			_, err := h.GetKey(t.Context(), h.tenant, keyID)
			wantCode(t, err, "not_found")
			_, err = h.UpdateKey(t.Context(), h.owner, keyID, account.KeyPatch{Active: ptr(false)})
			wantCode(t, err, "not_found")
			wantCode(t, h.DeleteKey(t.Context(), h.tenant, keyID), "not_found")
		}
		keys, err := h.ListKeys(t.Context(), h.tenant, "", 100)
		if err != nil || len(keys) != 0 {
			t.Errorf("%d foreign keys, %v", len(keys), err)
		}
		got, err := h.GetKey(t.Context(), theirs.TenantID, theirs.ID)
		if diff := cmp.Diff(theirs, got); err != nil || diff != "" {
			t.Errorf("changed: %v %s", err, diff)
		}
	})
}

func TestListKeysPages(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	for range 5 {
		if _, _, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: []account.Permission{account.ViewMessages}}); err != nil {
			t.Fatal(err)
		}
	}
	seen, after := map[string]bool{}, ""
	for {
		keys, err := h.ListKeys(t.Context(), h.tenant, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		for _, k := range keys {
			seen[k.ID], after = true, k.ID
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d keys; want 5", len(seen))
	}
}

func TestLastUsed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		k, key, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: []account.Permission{account.ViewMessages}})
		if err != nil {
			t.Fatal(err)
		}
		h.add(90 * time.Second)
		h.must(t, key)
		if got, _ := h.GetKey(t.Context(), h.tenant, k.ID); !got.LastUsedAt.IsZero() {
			t.Error("written on the hot path")
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := h.GetKey(t.Context(), h.tenant, k.ID)
		if want := h.now().Truncate(time.Minute); err != nil || !got.LastUsedAt.Equal(want) {
			t.Errorf("last used %v, %v; want %v", got.LastUsedAt, err, want)
		}
	})
}

// Ensure a server that stops stores what it still knows.
func TestRunFlushesAtTheEnd(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	k, key, err := h.CreateKey(t.Context(), h.owner, account.KeyDraft{Name: "x", Permissions: []account.Permission{account.ViewMessages}})
	if err != nil {
		t.Fatal(err)
	}
	h.must(t, key)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.Run(ctx)
	if got, err := h.GetKey(t.Context(), h.tenant, k.ID); err != nil || got.LastUsedAt.IsZero() {
		t.Errorf("last used %v, %v", got.LastUsedAt, err)
	}
}
