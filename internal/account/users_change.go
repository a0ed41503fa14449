package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

// UpdateUser changes a user. A new role and switching off end the user's sessions.
// The last active owner keeps both.
func (s *Store) UpdateUser(ctx context.Context, by *Principal, userID string, p UserPatch) (User, error) {
	if p.Name != nil {
		name := strings.TrimSpace(*p.Name)
		if err := checkName(name); err != nil {
			return User{}, err
		}
		p.Name = &name
	}
	if p.Role != nil && !p.Role.Valid() {
		return User{}, fault.Field("/role", "invalid", "The roles are owner, admin, supervisor, agent and viewer.")
	}
	var u userRow
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if u, err = s.lockUser(ctx, tx, by, userID); err != nil {
			return err
		}
		old := u
		if p.Name != nil {
			u.Name = *p.Name
		}
		if p.Role != nil {
			u.Role = *p.Role
		}
		if p.Active != nil {
			u.Active = *p.Active
		}
		return s.storeUser(ctx, tx, by, old, &u)
	})
	if err != nil {
		return User{}, wrap("update user", err)
	}
	s.cache.clear()
	return u.user(), nil
}

func (s *Store) storeUser(ctx context.Context, tx *db.Tx, by *Principal, old userRow, u *userRow) error {
	if u.Role != old.Role {
		if err := mayGrantRole(by, u.Role); err != nil {
			return err
		}
	}
	if u.Role != Owner || !u.Active {
		if err := keepOwner(ctx, tx, old); err != nil {
			return err
		}
	}
	u.UpdatedAt = db.Micros(s.now())
	_, err := tx.ExecContext(ctx, `UPDATE users SET name = $1, role = $2, active = $3, updated_at = $4 WHERE tenant_id = $5 AND id = $6`,
		u.Name, u.Role, u.Active, u.UpdatedAt, u.TenantID, u.ID)
	if err != nil || (u.Role == old.Role && (u.Active || !old.Active)) {
		return err
	}
	reason := "role_changed"
	if !u.Active {
		reason = "user_disabled"
		// Otherwise an old invitation would open the account when it is switched on again.
		if err := s.voidLinks(ctx, tx, u.TenantID, u.ID); err != nil {
			return err
		}
	}
	return s.revokeSessions(ctx, tx, u.TenantID, u.ID, "", reason)
}

// DeleteUser removes a user with all sessions and links, and takes the user's
// conversations away. Messages keep the id of their author.
func (s *Store) DeleteUser(ctx context.Context, by *Principal, userID string) error {
	var err error
	for range 5 { // a webhook may have locked the same conversations in another order
		if err = s.deleteUser(ctx, by, userID); !db.IsRetryable(err) {
			break
		}
	}
	if err != nil {
		return wrap("delete user", err)
	}
	s.cache.clear()
	return nil
}

func (s *Store) deleteUser(ctx context.Context, by *Principal, userID string) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		u, err := s.lockUser(ctx, tx, by, userID)
		if err != nil {
			return err
		}
		if err := keepOwner(ctx, tx, u); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM setup_links WHERE tenant_id = $1 AND user_id = $2`,
			`DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2`,
			`DELETE FROM users WHERE tenant_id = $1 AND id = $2`,
		} {
			if _, err := tx.ExecContext(ctx, query, by.TenantID, userID); err != nil {
				return err
			}
		}
		return conversations.Unassign(ctx, tx, by.TenantID, userID, s.now())
	})
}

// lockUser reads a user of by's tenant whom by may change. It locks the tenant, so
// that two owners cannot remove each other at the same moment.
func (s *Store) lockUser(ctx context.Context, tx *db.Tx, by *Principal, userID string) (userRow, error) {
	var u userRow
	if !plausible(userID) {
		return u, fault.Missing("user")
	}
	var locked string
	err := tx.GetContext(ctx, &locked, `SELECT id FROM tenants WHERE id = $1`+tx.ForUpdate("tenants"), by.TenantID)
	if err == nil {
		err = tx.GetContext(ctx, &u, `SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND id = $2`+tx.ForUpdate("users"), by.TenantID, userID)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return u, fault.Missing("user")
	}
	if err != nil {
		return u, err
	}
	return u, mayGrantRole(by, u.Role)
}

// keepOwner refuses to lose the last owner who can log in.
func keepOwner(ctx context.Context, tx *db.Tx, u userRow) error {
	if u.Role != Owner || !u.Active {
		return nil
	}
	var others int
	err := tx.GetContext(ctx, &others, `SELECT count(*) FROM users WHERE tenant_id = $1 AND role = $2 AND active AND id <> $3
		AND (password_hash <> '' OR $4)`, u.TenantID, Owner, u.ID, u.PasswordHash == "")
	if err != nil || others > 0 {
		return err
	}
	return fault.New(fault.Conflict, "last_owner", "This is the last active owner. Make somebody else an owner first.")
}

// ChangePassword sets a new password for p's user and ends all other sessions.
func (s *Store) ChangePassword(ctx context.Context, p *Principal, old, password string) error {
	if p.UserID == "" {
		return fault.New(fault.Forbidden, "user_needed", "Only a logged-in user has a password.")
	}
	var u userRow
	err := s.db.GetContext(ctx, &u, `SELECT `+userColumns+` FROM users WHERE tenant_id = $1 AND id = $2 AND active`, p.TenantID, p.UserID)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	if err := s.confirmPassword(ctx, u, old); err != nil {
		return wrap("change password", err)
	}
	if err := checkPasswordRules(password, u.Email); err != nil {
		return atPointer(err, "/newPassword")
	}
	phc, err := s.hashPassword(ctx, password)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE users SET password_hash = $1, updated_at = $2 WHERE tenant_id = $3 AND id = $4`,
			phc, db.Micros(s.now()), u.TenantID, u.ID); err != nil {
			return err
		}
		if err := s.voidLinks(ctx, tx, u.TenantID, u.ID); err != nil {
			return err
		}
		return s.revokeSessions(ctx, tx, u.TenantID, u.ID, p.SessionID, "password_changed")
	})
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	s.cache.clear()
	return nil
}

// confirmPassword checks the password of a user who is logged in, as slowly as a
// login: a stolen session must not be able to guess it.
func (s *Store) confirmPassword(ctx context.Context, u userRow, password string) error {
	key := "confirm " + u.ID
	wait, undo := s.pairs.attempt(key)
	if wait > 0 {
		return &fault.Error{Kind: fault.Limited, Code: "too_many_attempts", RetryAfter: wait, Message: "Too many wrong passwords. Wait for Retry-After seconds."}
	}
	if len(password) > maxPassword {
		password = ""
	}
	ok, _, err := s.checkPassword(ctx, password, u.PasswordHash)
	if err != nil {
		undo()
		return err
	}
	if !ok {
		return fault.Field("/currentPassword", "wrong", "The current password is wrong.")
	}
	s.pairs.succeed(key)
	return nil
}

// atPointer says that err is about another field than its rule thought.
func atPointer(err error, pointer string) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		for i := range f.Problems {
			f.Problems[i].Pointer = pointer
		}
	}
	return err
}

// wrap adds what was done to an error of ours; a fault says enough, and nil stays nil.
func wrap(doing string, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
