package account_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

const password = "four random words here"

// clock is a clock that only the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// house is a database with a tenant whose owner has logged in.
type house struct {
	*account.Store
	*clock
	db     *db.DB
	tenant string
	owner  *account.Principal
	tokens account.Tokens
}

var cheap = account.Hashing{KiB: 64, Passes: 1, Lanes: 1}

var secret = []byte("a secret of at least thirty-two bytes")

func newHouse(t *testing.T, d *db.DB) *house {
	t.Helper()
	c := &clock{t: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	h := &house{Store: account.NewStore(d, account.Options{JWTSecret: secret, Now: c.now, Hashing: cheap}), clock: c, db: d}
	first, tenant, token, err := h.Bootstrap(t.Context())
	if err != nil || !first || token == "" {
		t.Fatalf("bootstrap: first %v, token %v, %v", first, token != "", err)
	}
	h.tenant = tenant
	h.tokens, err = h.CompleteSetup(t.Context(), account.Setup{Token: token, Email: "Olga@Example.com ", Name: "Olga", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	h.owner = h.must(t, h.tokens.Access)
	return h
}

// node is a second server on the same database.
func (h *house) node() *account.Store {
	return account.NewStore(h.db, account.Options{JWTSecret: secret, Now: h.now, Hashing: cheap})
}

func (h *house) must(t *testing.T, credential string) *account.Principal {
	t.Helper()
	p, err := h.Authenticate(t.Context(), credential)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// user adds a user with a password and logs in.
func (h *house) user(t *testing.T, email string, role account.Role) (account.User, account.Tokens) {
	t.Helper()
	u, link, err := h.CreateUser(t.Context(), h.owner, account.UserDraft{Email: email, Name: "Somebody", Role: role})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := h.CompleteSetup(t.Context(), account.Setup{Token: link.Token, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return u, tokens
}

// neighbour makes another tenant with a user and a key, past the API.
func (h *house) neighbour(t *testing.T) (p *account.Principal, key account.Key) {
	t.Helper()
	tenant, user := id.New(id.Tenant), id.New(id.User)
	h.exec(t, `INSERT INTO tenants (id, name, created_at) VALUES ($1, 'other', 1)`, tenant)
	h.exec(t, `INSERT INTO users (id, tenant_id, email, name, role, password_hash, created_at, updated_at)
		VALUES ($1, $2, 'nina@example.net', 'Nina', 'owner', 'x', 1, 1)`, user, tenant)
	p = &account.Principal{TenantID: tenant, UserID: user, Role: account.Owner, Permissions: account.AllPermissions()}
	key, _, err := h.CreateKey(t.Context(), p, account.KeyDraft{Name: "theirs", Permissions: []account.Permission{account.ViewMessages}})
	if err != nil {
		t.Fatal(err)
	}
	return p, key
}

func (h *house) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := h.db.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func (h *house) login(ctx context.Context, email, pass string) (account.Tokens, error) {
	return h.Login(ctx, account.Attempt{Email: email, Password: pass, IP: "192.0.2.1"})
}

// wantCode checks the code of a fault, "" meaning success.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("got %v; want success", err)
		}
		return
	}
	if err == nil || fault.CodeOf(err) != code {
		t.Errorf("got %v (%s); want %s", err, fault.CodeOf(err), code)
	}
	if err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "lk_")) {
		t.Errorf("the error tells a secret: %v", err)
	}
}

func ptr[T any](v T) *T { return &v }
