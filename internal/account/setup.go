package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

const (
	// setupTTL is for links that appear on the operator's own terminal.
	setupTTL = 30 * time.Minute
	// inviteTTL is for links that travel to a colleague.
	inviteTTL = 72 * time.Hour
)

// Link lets one person choose a password, once. It does not print.
type Link struct {
	Token   string
	Expires time.Time
}

func (Link) String() string { return "[setup link]" }

// GoString keeps %#v from printing the token.
func (l Link) GoString() string { return l.String() }

// LogValue keeps slog from printing the token.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.String()) }

// Bootstrap makes the tenant "default" and its owner on the first start, and says
// so. As long as nobody has chosen a password, each call returns a new setup token,
// valid for 30 minutes, and the ones before it end; later the token is empty.
// Nodes may call it at the same time: there will be one tenant.
func (s *Store) Bootstrap(ctx context.Context) (first bool, tenantID, setupToken string, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if tx.Dialect == db.Postgres { // SQLite has one writer anyway
			const key = 5_310_774 // any number that is always the same
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, key); err != nil {
				return err
			}
		}
		err := tx.GetContext(ctx, &tenantID, `SELECT id FROM tenants ORDER BY created_at, id LIMIT 1`)
		if errors.Is(err, sql.ErrNoRows) {
			first = true
			tenantID, err = s.createTenant(ctx, tx)
		}
		if err != nil {
			return err
		}
		setupToken, err = s.pendingSetup(ctx, tx, tenantID)
		return err
	})
	if err != nil {
		return false, "", "", fmt.Errorf("bootstrap: %w", err)
	}
	return first, tenantID, setupToken, nil
}

func (s *Store) createTenant(ctx context.Context, tx *db.Tx) (tenantID string, err error) {
	tenantID = id.New(id.Tenant)
	now := db.Micros(s.now())
	if _, err := tx.ExecContext(ctx, `INSERT INTO tenants (id, name, created_at) VALUES ($1, 'default', $2)`, tenantID, now); err != nil {
		return "", err
	}
	return tenantID, insertUser(ctx, tx, userRow{ID: id.New(id.User), TenantID: tenantID, Name: "Owner", Role: Owner, Active: true, CreatedAt: now})
}

// pendingSetup returns a fresh token if nobody of the tenant can log in yet.
func (s *Store) pendingSetup(ctx context.Context, tx *db.Tx, tenantID string) (string, error) {
	var able int
	err := tx.GetContext(ctx, &able, `SELECT count(*) FROM users WHERE tenant_id = $1 AND password_hash <> ''`, tenantID)
	if err != nil || able > 0 {
		return "", err
	}
	var owner string
	err = tx.GetContext(ctx, &owner, `SELECT id FROM users WHERE tenant_id = $1 AND role = $2 AND active ORDER BY id LIMIT 1`, tenantID, Owner)
	if errors.Is(err, sql.ErrNoRows) { // a tenant that is used by keys alone
		return "", nil
	}
	if err != nil {
		return "", err
	}
	link, err := s.newLink(ctx, tx, tenantID, owner, setupTTL)
	return link.Token, err
}

// newLink makes a link for a user and ends the ones before it.
func (s *Store) newLink(ctx context.Context, tx *db.Tx, tenantID, userID string, ttl time.Duration) (Link, error) {
	if err := s.voidLinks(ctx, tx, tenantID, userID); err != nil {
		return Link{}, err
	}
	now := s.now()
	l := Link{Token: "ls_" + random(secretSize), Expires: now.Add(ttl).UTC()}
	_, err := tx.ExecContext(ctx, `INSERT INTO setup_links (token_hash, tenant_id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		hashToken(l.Token), tenantID, userID, db.Micros(now), db.Micros(l.Expires))
	return l, err
}

func (s *Store) voidLinks(ctx context.Context, tx *db.Tx, tenantID, userID string) error {
	_, err := tx.ExecContext(ctx, `UPDATE setup_links SET used_at = $1 WHERE tenant_id = $2 AND user_id = $3 AND used_at IS NULL`,
		db.Micros(s.now()), tenantID, userID)
	return err
}

// NewSetupLink makes a link, valid for 30 minutes, with which the user of an
// address in a tenant chooses a new password. It serves whoever runs the server's
// commands; an empty address means the owner who has not been set up yet.
func (s *Store) NewSetupLink(ctx context.Context, tenantID, email string) (token string, expires time.Time, err error) {
	var link Link
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var u userRow
		email = normalEmail(email)
		if !isLine(email) {
			return fault.Missing("active user")
		}
		err := tx.GetContext(ctx, &u, `SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND email = $2 AND active`, tenantID, email)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("active user")
		}
		if err != nil {
			return err
		}
		link, err = s.newLink(ctx, tx, u.TenantID, u.ID, setupTTL)
		return err
	})
	return link.Token, link.Expires, wrap("new setup link", err)
}

// NewUserLink makes a new invitation for a user of by's tenant, for example
// because the first one has expired or a password is forgotten.
func (s *Store) NewUserLink(ctx context.Context, by *Principal, userID string) (link Link, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		u, err := s.lockUser(ctx, tx, by, userID)
		if err != nil {
			return err
		}
		if !u.Active {
			return fault.New(fault.Conflict, "user_inactive", "The user is switched off. Switch it on first.")
		}
		link, err = s.newLink(ctx, tx, u.TenantID, u.ID, inviteTTL)
		return err
	})
	return link, wrap("new user link", err)
}

// Setup is what a person enters behind a setup link.
type Setup struct {
	Token     string
	Email     string // needed where the user has none yet; otherwise empty or the same
	Name      string // empty keeps the present one
	Password  string
	UserAgent string
}

// CompleteSetup uses up a setup link: it sets the password, ends the user's
// sessions and opens a new one.
func (s *Store) CompleteSetup(ctx context.Context, in Setup) (t Tokens, err error) {
	u, err := s.linkUser(ctx, in.Token)
	if err != nil {
		return t, err
	}
	in.Email, in.Name = normalEmail(in.Email), strings.TrimSpace(in.Name)
	if err := u.complete(in); err != nil {
		return t, err
	}
	if u.PasswordHash, err = s.hashPassword(ctx, in.Password); err != nil {
		return t, fmt.Errorf("complete setup: %w", err)
	}
	now := db.Micros(s.now())
	u.UpdatedAt = now
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE setup_links SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $1`,
			now, hashToken(in.Token))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errLink())
		}
		_, err = tx.ExecContext(ctx, `UPDATE users SET email = $1, name = $2, password_hash = $3, updated_at = $4 WHERE tenant_id = $5 AND id = $6`,
			u.Email, u.Name, u.PasswordHash, now, u.TenantID, u.ID)
		if err != nil {
			return err
		}
		if err := s.revokeSessions(ctx, tx, u.TenantID, u.ID, "", "password_changed"); err != nil {
			return err
		}
		t, err = s.openSession(ctx, tx, u.user(), in.UserAgent)
		return err
	})
	if db.IsUnique(err) {
		return Tokens{}, fault.Field("/email", "taken", "A user with this e-mail address exists already.")
	}
	if err != nil {
		return Tokens{}, wrap("complete setup", err)
	}
	s.cache.clear()
	return t, nil
}

func errLink() error {
	return fault.New(fault.Unauthorized, "setup_link_invalid",
		"The setup link is unknown, used or expired. Make a new one with: linktor user reset-link")
}

// linkUser returns the user of a link that still works.
func (s *Store) linkUser(ctx context.Context, token string) (u userRow, err error) {
	err = s.db.GetContext(ctx, &u, `SELECT `+userColumns+` FROM users WHERE active AND id = (
		SELECT user_id FROM setup_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2)`, hashToken(token), db.Micros(s.now()))
	if errors.Is(err, sql.ErrNoRows) {
		return u, errLink()
	}
	if err != nil {
		return u, fmt.Errorf("complete setup: %w", err)
	}
	return u, nil
}

// complete checks in and takes over its name and address.
func (r *userRow) complete(in Setup) error {
	if r.Email == "" {
		r.Email = in.Email
	} else if in.Email != "" && in.Email != r.Email {
		return fault.Field("/email", "mismatch", "The link is for another e-mail address.")
	}
	if in.Name != "" {
		r.Name = in.Name
	}
	if err := errors.Join(checkEmail(r.Email), checkName(r.Name), checkPasswordRules(in.Password, r.Email)); err != nil {
		return firstFault(err)
	}
	return nil
}
