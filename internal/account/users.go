package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

// User is a person in a tenant.
type User struct {
	ID          string
	TenantID    string
	Email       string // lower case; empty for an owner who has not set up the account yet
	Name        string
	Role        Role
	Active      bool
	Pending     bool // has no password yet
	CreatedAt   time.Time
	UpdatedAt   time.Time
	LastLoginAt time.Time // zero: never
}

// UserDraft is a new user.
type UserDraft struct {
	Email string
	Name  string
	Role  Role
}

// UserPatch changes a user; nil leaves alone.
type UserPatch struct {
	Name   *string
	Role   *Role
	Active *bool
}

const userColumns = `id, tenant_id, email, name, role, password_hash, active, created_at, updated_at, last_login_at`

type userRow struct {
	ID           string        `db:"id"`
	TenantID     string        `db:"tenant_id"`
	Email        string        `db:"email"`
	Name         string        `db:"name"`
	Role         Role          `db:"role"`
	PasswordHash string        `db:"password_hash"`
	Active       bool          `db:"active"`
	CreatedAt    int64         `db:"created_at"`
	UpdatedAt    int64         `db:"updated_at"`
	LastLoginAt  sql.NullInt64 `db:"last_login_at"`
}

func (r userRow) user() User {
	return User{ID: r.ID, TenantID: r.TenantID, Email: r.Email, Name: r.Name, Role: r.Role, Active: r.Active,
		Pending: r.PasswordHash == "", CreatedAt: db.Time(r.CreatedAt), UpdatedAt: db.Time(r.UpdatedAt), LastLoginAt: db.NullTime(r.LastLoginAt)}
}

const (
	maxEmail    = 254 // bytes; RFC 5321, 4.5.3.1.3 less the brackets
	maxName     = 100 // characters
	minPassword = 12  // characters; above the 8 of NIST SP 800-63B, because there is no second factor
	maxPassword = 256 // bytes: hashing must stay cheap
)

func normalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func checkEmail(email string) error {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > maxEmail || !isLine(email) {
		return fault.Field("/email", "invalid", "This is not an e-mail address.")
	}
	return nil
}

func checkName(name string) error {
	if name == "" || utf8.RuneCountInString(name) > maxName || !isLine(name) {
		return fault.Field("/name", "invalid", "A name is one line of 1 to 100 characters.")
	}
	return nil
}

func checkPasswordRules(password, email string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return fault.Field("/password", "too_short", "A password has at least 12 characters. Four random words are easy to keep in mind.")
	case len(password) > maxPassword:
		return fault.Field("/password", "too_long", "A password has at most 256 bytes.")
	case strings.EqualFold(password, email):
		return fault.Field("/password", "too_easy", "The password must not be the e-mail address.")
	}
	return nil
}

// ListUsers returns at most limit users after the id after, in the order of ids.
func (s *Store) ListUsers(ctx context.Context, tenantID, after string, limit int) ([]User, error) {
	if err := checkAfter(after); err != nil {
		return nil, err
	}
	var rows []userRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		tenantID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users := make([]User, len(rows))
	for i, r := range rows {
		users[i] = r.user()
	}
	return users, nil
}

// GetUser returns a user of the tenant.
func (s *Store) GetUser(ctx context.Context, tenantID, userID string) (User, error) {
	if !plausible(userID) {
		return User{}, fault.Missing("user")
	}
	var r userRow
	err := s.db.GetContext(ctx, &r, `SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND id = $2`, tenantID, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, fault.Missing("user")
	}
	if err != nil {
		return User{}, fmt.Errorf("get user: %w", err)
	}
	return r.user(), nil
}

// CreateUser adds a user without a password, and returns a token for CompleteSetup
// with which the person chooses one.
func (s *Store) CreateUser(ctx context.Context, by *Principal, d UserDraft) (u User, link Link, err error) {
	d.Email, d.Name = normalEmail(d.Email), strings.TrimSpace(d.Name)
	if err := errors.Join(checkEmail(d.Email), checkName(d.Name)); err != nil {
		return u, link, firstFault(err)
	}
	if !d.Role.Valid() {
		return u, link, fault.Field("/role", "invalid", "The roles are owner, admin, supervisor, agent and viewer.")
	}
	if err := mayGrantRole(by, d.Role); err != nil {
		return u, link, err
	}
	now := db.Micros(s.now())
	row := userRow{ID: id.New(id.User), TenantID: by.TenantID, Email: d.Email, Name: d.Name, Role: d.Role, Active: true, CreatedAt: now, UpdatedAt: now}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := insertUser(ctx, tx, row); err != nil {
			return err
		}
		link, err = s.newLink(ctx, tx, row.TenantID, row.ID, inviteTTL)
		return err
	})
	if db.IsUnique(err) {
		return u, Link{}, fault.Field("/email", "taken", "A user with this e-mail address exists already.")
	}
	if err != nil {
		return u, Link{}, fmt.Errorf("create user: %w", err)
	}
	return row.user(), link, nil
}

func insertUser(ctx context.Context, tx *db.Tx, r userRow) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, tenant_id, email, name, role, active, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`, r.ID, r.TenantID, r.Email, r.Name, r.Role, r.Active, r.CreatedAt)
	return err
}

// mayGrantRole keeps everybody from making or touching somebody more powerful. A
// key that is limited to channels manages no users: users are not.
func mayGrantRole(by *Principal, r Role) error {
	for _, p := range RolePermissions(r) {
		if !by.Can(p) {
			return fault.New(fault.Forbidden, "permission_missing", "A user with role %s can do more than you: you may not make or change one.", r)
		}
	}
	if len(by.ChannelIDs) > 0 {
		return fault.New(fault.Forbidden, "permission_missing", "A key that is limited to channels may not manage users.")
	}
	return nil
}

// firstFault turns a joined error into its first fault, with the problems of all.
func firstFault(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var out *fault.Error
	for _, e := range joined.Unwrap() {
		f, ok := errors.AsType[*fault.Error](e)
		switch {
		case !ok:
			return e
		case out == nil:
			out = f
		default:
			out.Problems = append(slices.Clip(out.Problems), f.Problems...)
			out.Message = fmt.Sprintf("The request has %d invalid fields.", len(out.Problems))
		}
	}
	return out
}
