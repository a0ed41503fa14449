package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

// errCredential is the answer to every credential that does not work. Which part
// of it is wrong stays our secret.
func errCredential() error {
	return fault.New(fault.Unauthorized, "credential_invalid", "The API key or session token is not valid.")
}

// Authenticate returns the principal of an API key or a session token, or a fault
// of kind Unauthorized. The answer can be a second old. The principal is shared:
// do not change it.
func (s *Store) Authenticate(ctx context.Context, credential string) (*Principal, error) {
	if IsKey(credential) {
		if !wellFormedKey(credential) {
			return nil, errCredential()
		}
		hash := hashToken(credential)
		return s.cache.get(ctx, "hash "+hash, func(ctx context.Context) (*Principal, error) {
			return s.loadKey(ctx, `secret_hash = $1`, hash)
		})
	}
	c, err := s.parseToken(credential)
	if err != nil {
		return nil, errCredential()
	}
	return s.session(ctx, c.Tid, c.Sub, c.Sid)
}

// Alive reports whether an earlier principal is still what it was: not revoked,
// not expired, with the same permissions and channels. The answer can be a second
// old. While the database is away it is yes: a socket has nothing to read then,
// and closing them all would only add to the trouble.
func (s *Store) Alive(ctx context.Context, p *Principal) bool {
	now, err := s.current(ctx, p)
	if err != nil {
		return fault.KindOf(err) != fault.Unauthorized
	}
	return now.Role == p.Role && slices.Equal(now.Permissions, p.Permissions) && slices.Equal(now.ChannelIDs, p.ChannelIDs)
}

// current loads p's key or session again.
func (s *Store) current(ctx context.Context, p *Principal) (*Principal, error) {
	switch {
	case p.KeyID != "":
		return s.cache.get(ctx, "key "+p.TenantID+" "+p.KeyID, func(ctx context.Context) (*Principal, error) {
			return s.loadKey(ctx, `id = $1 AND tenant_id = $2`, p.KeyID, p.TenantID)
		})
	case p.SessionID != "":
		return s.session(ctx, p.TenantID, p.UserID, p.SessionID)
	}
	return nil, errCredential()
}

func (s *Store) loadKey(ctx context.Context, where string, args ...any) (*Principal, error) {
	var row keyRow
	err := s.db.GetContext(ctx, &row, `SELECT `+keyColumns+` FROM api_keys WHERE `+where, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errCredential()
	}
	if err != nil {
		return nil, fmt.Errorf("load API key: %w", err)
	}
	k, err := row.key()
	if err != nil {
		return nil, err
	}
	// Only the holder of the secret gets this far, so it may know why.
	if !k.Active {
		return nil, fault.New(fault.Unauthorized, "key_inactive", "This API key is switched off.")
	}
	if !k.ExpiresAt.IsZero() && !s.now().Before(k.ExpiresAt) {
		return nil, fault.New(fault.Unauthorized, "key_expired", "This API key has expired.")
	}
	s.markUsed(k.ID)
	return &Principal{TenantID: k.TenantID, KeyID: k.ID, Name: k.Name, Permissions: k.Permissions,
		ChannelIDs: k.ChannelIDs, PerMinute: k.PerMinute, PerDay: k.PerDay}, nil
}

const selectSession = `
	SELECT u.name, u.role FROM sessions s JOIN users u ON u.id = s.user_id AND u.tenant_id = s.tenant_id
	WHERE s.id = $1 AND s.user_id = $2 AND s.tenant_id = $3 AND s.revoked_at IS NULL AND s.expires_at > $4 AND u.active`

func (s *Store) session(ctx context.Context, tenantID, userID, sessionID string) (*Principal, error) {
	return s.cache.get(ctx, "session "+tenantID+" "+userID+" "+sessionID, func(ctx context.Context) (*Principal, error) {
		var u struct {
			Name string
			Role Role
		}
		err := s.db.GetContext(ctx, &u, selectSession, sessionID, userID, tenantID, db.Micros(s.now()))
		if errors.Is(err, sql.ErrNoRows) {
			return nil, errCredential()
		}
		if err != nil {
			return nil, fmt.Errorf("load session %s: %w", sessionID, err)
		}
		return &Principal{TenantID: tenantID, UserID: userID, SessionID: sessionID, Name: u.Name, Role: u.Role,
			Permissions: RolePermissions(u.Role)}, nil
	})
}

// list reads a JSON array from a column; an empty one is nil.
func list[T any](column, what string) ([]T, error) {
	if column == "[]" {
		return nil, nil
	}
	var out []T
	if err := json.Unmarshal([]byte(column), &out); err != nil {
		return nil, fmt.Errorf("account: %s: %w", what, err)
	}
	return out, nil
}
