package account_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

func TestLogin(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		tokens, err := h.login(t.Context(), " OLGA@example.com", password)
		if err != nil {
			t.Fatal(err)
		}
		p := h.must(t, tokens.Access)
		if p.TenantID != h.tenant || p.UserID != h.owner.UserID || p.Role != account.Owner || p.SessionID == h.owner.SessionID || p.KeyID != "" {
			t.Errorf("got %+v", p)
		}
		if got := tokens.AccessExpires.Sub(h.now()); got != 10*time.Minute {
			t.Errorf("token lives %v; want 10m", got)
		}
		u, _ := h.user(t, "off@example.com", account.Agent)
		if _, err := h.UpdateUser(t.Context(), h.owner, u.ID, account.UserPatch{Active: ptr(false)}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.CreateUser(t.Context(), h.owner, account.UserDraft{Email: "new@example.com", Name: "New", Role: account.Agent}); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string][2]string{
			"wrong password":   {"olga@example.com", "four random words there"},
			"empty password":   {"olga@example.com", ""},
			"unknown user":     {"nobody@example.com", password},
			"no user":          {"", password},
			"switched off":     {"off@example.com", password},
			"no password yet":  {"new@example.com", ""},
			"endless password": {"olga@example.com", strings.Repeat("x", 1<<20)},
			"endless address":  {strings.Repeat("x", 1<<20), password},
		} {
			_, err := h.login(t.Context(), c[0], c[1])
			if err == nil || fault.CodeOf(err) != "login_failed" || err.Error() != "The e-mail address or the password is wrong." {
				t.Errorf("%s: %v; want the one answer", name, err)
			}
		}
	})
}

func TestLoginThrottle(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	for range 6 {
		_, err := h.login(t.Context(), "olga@example.com", "wrong")
		wantCode(t, err, "login_failed")
	}
	_, err := h.login(t.Context(), "olga@example.com", password)
	wantCode(t, err, "too_many_attempts")
	if f, _ := errors.AsType[*fault.Error](err); f.RetryAfter != time.Second {
		t.Errorf("retry after %v; want 1s", f.RetryAfter)
	}
	_, err = h.Login(t.Context(), account.Attempt{Email: "olga@example.com", Password: password, IP: "192.0.2.99"})
	wantCode(t, err, "") // the owner at her own desk is not locked out
	h.add(time.Second)
	_, err = h.login(t.Context(), "olga@example.com", "wrong")
	wantCode(t, err, "login_failed")
	h.add(time.Second)
	_, err = h.login(t.Context(), "olga@example.com", password)
	wantCode(t, err, "too_many_attempts") // the wait has doubled
	h.add(time.Second)
	_, err = h.login(t.Context(), "olga@example.com", password)
	wantCode(t, err, "")
	h.add(time.Hour) // forgotten
	for i := range 31 {
		_, err = h.login(t.Context(), fmt.Sprintf("guess%d@example.com", i), "wrong")
		wantCode(t, err, "login_failed")
	}
	_, err = h.login(t.Context(), "fresh@example.com", "wrong")
	wantCode(t, err, "too_many_attempts") // the address as a whole
}

func TestLoginRenewsHash(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	stronger := account.NewStore(h.db, account.Options{JWTSecret: secret, Now: h.now, Hashing: account.Hashing{KiB: 128, Passes: 2, Lanes: 1}})
	if _, err := stronger.Login(t.Context(), account.Attempt{Email: "olga@example.com", Password: password}); err != nil {
		t.Fatal(err)
	}
	var phc string
	if err := h.db.Get(&phc, `SELECT password_hash FROM users WHERE email = 'olga@example.com'`); err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Errorf("%s, %v", phc, err)
	}
	_, err := h.login(t.Context(), "olga@example.com", password)
	wantCode(t, err, "")
}

func TestRefresh(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.add(20 * time.Minute)
		if _, err := h.Authenticate(t.Context(), h.tokens.Access); err == nil {
			t.Error("the token lives longer than 10 minutes")
		}
		next, err := h.Refresh(t.Context(), h.tokens.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		if next.Refresh == h.tokens.Refresh || next.User.ID != h.owner.UserID {
			t.Error("not rotated")
		}
		if p := h.must(t, next.Access); p.SessionID != h.owner.SessionID {
			t.Error("another session")
		}
		for name, bad := range map[string]string{
			"empty": "", "word": "x", "cut": next.Refresh[:len(next.Refresh)-1], "other session": "lr_ses_x" + next.Refresh[10:],
			"access token": next.Access, "long": strings.Repeat("x", 10_000), "forged": "lr_" + h.owner.SessionID + ".secret.tag",
		} {
			if _, err := h.Refresh(t.Context(), bad); fault.CodeOf(err) != "session_ended" {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.must(t, next.Access) // none of these ended the session
	})
}

// Ensure an old refresh token ends the session, and that two tabs do not.
func TestRefreshReuse(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		second, err := h.Refresh(t.Context(), h.tokens.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		h.add(4 * time.Second)
		tab, err := h.Refresh(t.Context(), h.tokens.Refresh)
		wantCode(t, err, "refresh_superseded")
		if tab.Access != "" || tab.Refresh != "" {
			t.Error("a superseded token still opens the session")
		}
		third, err := h.Refresh(t.Context(), second.Refresh)
		wantCode(t, err, "")
		h.must(t, third.Access)

		_, err = h.Refresh(t.Context(), h.tokens.Refresh) // two generations old: no tab
		wantCode(t, err, "session_ended")
		_, err = h.Authenticate(t.Context(), third.Access)
		wantCode(t, err, "credential_invalid")
		_, err = h.Refresh(t.Context(), third.Refresh)
		wantCode(t, err, "session_ended")
		var reason string
		if err := d.Get(&reason, `SELECT revoke_reason FROM sessions WHERE id = $1`, h.owner.SessionID); err != nil || reason != "refresh_reused" {
			t.Errorf("reason %q, %v", reason, err)
		}
	})
}

// Ensure the grace for tabs ends: afterwards the previous token is a thief's.
func TestRefreshReuseAfterGrace(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	second, err := h.Refresh(t.Context(), h.tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	h.add(5 * time.Second)
	_, err = h.Refresh(t.Context(), h.tokens.Refresh)
	wantCode(t, err, "session_ended")
	_, err = h.Refresh(t.Context(), second.Refresh)
	wantCode(t, err, "session_ended")
}

func TestRefreshConcurrently(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		other := h.node()
		var won, superseded atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				store := h.Store
				if i%2 == 0 {
					store = other
				}
				_, err := store.Refresh(t.Context(), h.tokens.Refresh)
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, account.ErrSuperseded):
					superseded.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || superseded.Load() != 7 {
			t.Errorf("%d won, %d superseded; want 1, 7", won.Load(), superseded.Load())
		}
		h.must(t, h.tokens.Access)
	})
}

func TestSessionExpiry(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	idle, err := h.login(t.Context(), "olga@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	busy := h.tokens
	for range 3 {
		h.add(29 * 24 * time.Hour)
		if busy, err = h.Refresh(t.Context(), busy.Refresh); err != nil {
			t.Fatal(err)
		}
	}
	if left := busy.RefreshExpires.Sub(h.now()); left != 3*24*time.Hour {
		t.Errorf("%v left of 90 days after 87", left)
	}
	_, err = h.Refresh(t.Context(), idle.Refresh)
	wantCode(t, err, "session_ended")
	h.add(3 * 24 * time.Hour)
	_, err = h.Refresh(t.Context(), busy.Refresh)
	wantCode(t, err, "session_ended")
}

// Ensure everything that should end a session ends it on every node within a second.
func TestRevocation(t *testing.T) {
	for name, revoke := range map[string]func(*testing.T, *house, account.User, account.Tokens) error{
		"logout": func(t *testing.T, h *house, _ account.User, tok account.Tokens) error {
			return h.Logout(t.Context(), tok.Refresh)
		},
		"role": func(t *testing.T, h *house, u account.User, _ account.Tokens) error {
			_, err := h.UpdateUser(t.Context(), h.owner, u.ID, account.UserPatch{Role: ptr(account.Viewer)})
			return err
		},
		"disabled": func(t *testing.T, h *house, u account.User, _ account.Tokens) error {
			_, err := h.UpdateUser(t.Context(), h.owner, u.ID, account.UserPatch{Active: ptr(false)})
			return err
		},
		"deleted": func(t *testing.T, h *house, u account.User, _ account.Tokens) error {
			return h.DeleteUser(t.Context(), h.owner, u.ID)
		},
		"password reset": func(t *testing.T, h *house, u account.User, _ account.Tokens) error {
			token, _, err := h.NewSetupLink(t.Context(), h.tenant, u.Email)
			if err != nil {
				return err
			}
			_, err = h.CompleteSetup(t.Context(), account.Setup{Token: token, Password: "another four words"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Run(t, func(t *testing.T, d *db.DB) {
				h := newHouse(t, d)
				u, tokens := h.user(t, "ann@example.com", account.Agent)
				other := h.node()
				p, err := other.Authenticate(t.Context(), tokens.Access)
				if err != nil || !other.Alive(t.Context(), p) {
					t.Fatal(err)
				}
				if err := revoke(t, h, u, tokens); err != nil {
					t.Fatal(err)
				}
				_, err = h.Authenticate(t.Context(), tokens.Access)
				wantCode(t, err, "credential_invalid") // at once on the node that knows
				h.add(time.Second)
				_, err = other.Authenticate(t.Context(), tokens.Access)
				wantCode(t, err, "credential_invalid")
				if other.Alive(t.Context(), p) {
					t.Error("its socket stays open")
				}
				_, err = other.Refresh(t.Context(), tokens.Refresh)
				wantCode(t, err, "session_ended")
				h.must(t, h.tokens.Access)
			})
		})
	}
}

func TestChangePassword(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		elsewhere, err := h.login(t.Context(), "olga@example.com", password)
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.ChangePassword(t.Context(), h.owner, "wrong", "another four words"), "validation_error")
		wantCode(t, h.ChangePassword(t.Context(), h.owner, password, "short"), "validation_error")
		wantCode(t, h.ChangePassword(t.Context(), h.owner, password, "another four words"), "")
		h.must(t, h.tokens.Access)
		_, err = h.Authenticate(t.Context(), elsewhere.Access)
		wantCode(t, err, "credential_invalid")
		_, err = h.login(t.Context(), "olga@example.com", password)
		wantCode(t, err, "login_failed")
		_, err = h.login(t.Context(), "olga@example.com", "another four words")
		wantCode(t, err, "")
		wantCode(t, h.ChangePassword(t.Context(), &account.Principal{TenantID: h.tenant, KeyID: "key_x"}, "", ""), "user_needed")
	})
}

func TestTokensDoNotPrint(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	got := fmt.Sprintf("%v %+v %#v %s", h.tokens, h.tokens, h.tokens, h.tokens)
	if strings.Contains(got, h.tokens.Access) || strings.Contains(got, h.tokens.Refresh) {
		t.Error(got)
	}
}

// One person in two organisations: the password tells which is meant, and if it is
// the same in both the person has to say. Neither learns of the other.
func TestLoginWithOneAddressInTwoTenants(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		theirs, _ := h.neighbour(t)
		_, link, err := h.CreateUser(t.Context(), theirs, account.UserDraft{Email: "olga@example.com", Name: "Olga", Role: account.Agent})
		if err != nil {
			t.Fatalf("the address counts as taken: %v", err)
		}
		login := func(tenant, pass, wantTenant, code string) {
			t.Helper()
			tokens, err := h.Login(t.Context(), account.Attempt{Email: "olga@example.com", TenantID: tenant, Password: pass, IP: "192.0.2.1"})
			if fault.CodeOf(err) != code && err != nil || tokens.User.TenantID != wantTenant {
				t.Errorf("tenant %q: logged in to %q, %v; want %q, %s", tenant, tokens.User.TenantID, err, wantTenant, code)
			}
		}
		login("", password, h.tenant, "") // the other one has no password yet
		if _, err := h.CompleteSetup(t.Context(), account.Setup{Token: link.Token, Password: "another four random words"}); err != nil {
			t.Fatal(err)
		}
		login("", password, h.tenant, "")
		login("", "another four random words", theirs.TenantID, "")
		login("", "neither of the two", "", "login_failed")
		login(theirs.TenantID, password, "", "login_failed")

		token, _, err := h.NewSetupLink(t.Context(), theirs.TenantID, "olga@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.CompleteSetup(t.Context(), account.Setup{Token: token, Password: password}); err != nil {
			t.Fatal(err)
		}
		login("", password, "", "tenant_required")
		login(h.tenant, password, h.tenant, "")
		login(theirs.TenantID, password, theirs.TenantID, "")
	})
}
