package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

// Limits of a key that names none, in requests.
const (
	DefaultPerMinute = 60
	DefaultPerDay    = 10_000
)

// Key is an API key without its secret.
type Key struct {
	ID          string
	TenantID    string
	Name        string
	Description string
	Prefix      string // the first characters of the secret, to recognise it by
	Permissions []Permission
	ChannelIDs  []string // empty means every channel
	PerMinute   int64    // requests; 0 means unlimited
	PerDay      int64    // requests; 0 means unlimited
	Active      bool
	CreatedBy   string // id of a user or key; empty for the operator
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	LastUsedAt  time.Time // by the minute; zero: never
}

// Development reports whether k was made for development: its secret starts with
// lk_test_.
func (k Key) Development() bool { return strings.HasPrefix(k.Prefix, testPrefix) }

// KeyDraft is a new key.
type KeyDraft struct {
	Name        string
	Description string
	Permissions []Permission
	ChannelIDs  []string
	PerMinute   *int64 // nil means 60; for a development key, unlimited
	PerDay      *int64 // nil means 10,000; for a development key, unlimited
	ExpiresAt   time.Time
	Development bool
}

// KeyPatch changes a key; nil leaves alone.
type KeyPatch struct {
	Name        *string
	Description *string
	Permissions *[]Permission
	ChannelIDs  *[]string
	PerMinute   *int64
	PerDay      *int64
	Active      *bool
	ExpiresAt   *time.Time // the zero time: never
}

const keyColumns = `id, tenant_id, name, description, prefix, permissions, channel_ids, per_minute, per_day, active,
	created_by, created_at, updated_at, expires_at, last_used_at`

type keyRow struct {
	ID          string        `db:"id"`
	TenantID    string        `db:"tenant_id"`
	Name        string        `db:"name"`
	Description string        `db:"description"`
	Prefix      string        `db:"prefix"`
	Permissions string        `db:"permissions"` // JSON
	ChannelIDs  string        `db:"channel_ids"` // JSON
	PerMinute   int64         `db:"per_minute"`
	PerDay      int64         `db:"per_day"`
	Active      bool          `db:"active"`
	CreatedBy   string        `db:"created_by"`
	CreatedAt   int64         `db:"created_at"`
	UpdatedAt   int64         `db:"updated_at"`
	ExpiresAt   sql.NullInt64 `db:"expires_at"`
	LastUsedAt  sql.NullInt64 `db:"last_used_at"`
}

func (r keyRow) key() (Key, error) {
	permissions, err1 := list[Permission](r.Permissions, "permissions of key "+r.ID)
	channels, err2 := list[string](r.ChannelIDs, "channels of key "+r.ID)
	return Key{ID: r.ID, TenantID: r.TenantID, Name: r.Name, Description: r.Description, Prefix: r.Prefix,
		Permissions: permissions, ChannelIDs: channels, PerMinute: r.PerMinute, PerDay: r.PerDay, Active: r.Active,
		CreatedBy: r.CreatedBy, CreatedAt: db.Time(r.CreatedAt), UpdatedAt: db.Time(r.UpdatedAt),
		ExpiresAt: db.NullTime(r.ExpiresAt), LastUsedAt: db.NullTime(r.LastUsedAt)}, errors.Join(err1, err2)
}

// ListKeys returns at most limit keys after the id after, in the order of ids.
func (s *Store) ListKeys(ctx context.Context, tenantID, after string, limit int) ([]Key, error) {
	if err := checkAfter(after); err != nil {
		return nil, err
	}
	var rows []keyRow
	err := s.db.SelectContext(ctx, &rows, `SELECT `+keyColumns+` FROM api_keys WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		tenantID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys := make([]Key, len(rows))
	for i, r := range rows {
		if keys[i], err = r.key(); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// GetKey returns a key of the tenant.
func (s *Store) GetKey(ctx context.Context, tenantID, keyID string) (Key, error) {
	if !plausible(keyID) {
		return Key{}, fault.Missing("key")
	}
	var r keyRow
	err := s.db.GetContext(ctx, &r, `SELECT `+keyColumns+` FROM api_keys WHERE tenant_id = $1 AND id = $2`, tenantID, keyID)
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, fault.Missing("key")
	}
	if err != nil {
		return Key{}, fmt.Errorf("get key: %w", err)
	}
	return r.key()
}

// CreateKey makes a key in by's tenant. The secret is returned here and nowhere
// else. Nobody gives a key more than they have themselves.
func (s *Store) CreateKey(ctx context.Context, by *Principal, d KeyDraft) (k Key, secret string, err error) {
	now := s.now()
	minute, day := int64(DefaultPerMinute), int64(DefaultPerDay)
	if d.Development {
		minute, day = 0, 0
	}
	k = Key{ID: id.New(id.Key), TenantID: by.TenantID, Name: strings.TrimSpace(d.Name), Description: strings.TrimSpace(d.Description),
		Permissions: unique(d.Permissions), ChannelIDs: unique(d.ChannelIDs), PerMinute: or(d.PerMinute, minute), PerDay: or(d.PerDay, day),
		Active: true, CreatedBy: by.UserID + by.KeyID, CreatedAt: now.UTC(), UpdatedAt: now.UTC(), ExpiresAt: d.ExpiresAt.UTC()}
	if err := k.check(now); err != nil {
		return Key{}, "", err
	}
	secret, k.Prefix = newKeySecret(d.Development)
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := mayGrant(ctx, tx, by, k, nil); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO api_keys (id, tenant_id, name, description, prefix, secret_hash, permissions, channel_ids,
				per_minute, per_day, active, created_by, created_at, updated_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14)`,
			k.ID, k.TenantID, k.Name, k.Description, k.Prefix, hashToken(secret), array(k.Permissions), array(k.ChannelIDs),
			k.PerMinute, k.PerDay, k.Active, k.CreatedBy, db.Micros(now), db.NullMicros(k.ExpiresAt))
		return err
	})
	if err != nil {
		return Key{}, "", wrap("create key", err)
	}
	return k, secret, nil
}

// UpdateKey changes a key of by's tenant. What by could not have given a new key
// it cannot give this one either.
func (s *Store) UpdateKey(ctx context.Context, by *Principal, keyID string, p KeyPatch) (k Key, err error) {
	if !plausible(keyID) {
		return k, fault.Missing("key")
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var r keyRow
		err := tx.GetContext(ctx, &r, `SELECT `+keyColumns+` FROM api_keys WHERE tenant_id = $1 AND id = $2`+tx.ForUpdate("api_keys"),
			by.TenantID, keyID)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("key")
		}
		if err != nil {
			return err
		}
		if k, err = r.key(); err != nil {
			return err
		}
		if err := s.change(ctx, tx, by, &k, p); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE api_keys SET name = $1, description = $2, permissions = $3, channel_ids = $4,
			per_minute = $5, per_day = $6, active = $7, updated_at = $8, expires_at = $9 WHERE tenant_id = $10 AND id = $11`,
			k.Name, k.Description, array(k.Permissions), array(k.ChannelIDs), k.PerMinute, k.PerDay, k.Active, db.Micros(k.UpdatedAt),
			db.NullMicros(k.ExpiresAt), by.TenantID, keyID)
		return err
	})
	if err != nil {
		return Key{}, wrap("update key", err)
	}
	s.cache.clear()
	return k, nil
}

// change applies p to k if by may.
func (s *Store) change(ctx context.Context, tx *db.Tx, by *Principal, k *Key, p KeyPatch) error {
	had := k.ChannelIDs
	p.apply(k)
	k.UpdatedAt = s.now().UTC()
	since := k.UpdatedAt
	if p.ExpiresAt == nil {
		since = time.Time{} // an expired key may still be renamed
	}
	if err := k.check(since); err != nil {
		return err
	}
	if p.widens() {
		return mayGrant(ctx, tx, by, *k, had)
	}
	return nil
}

// widens reports whether p can give a key more than it had. Switching off does not.
func (p KeyPatch) widens() bool {
	return p.Permissions != nil || p.ChannelIDs != nil || p.PerMinute != nil || p.PerDay != nil || p.ExpiresAt != nil ||
		(p.Active != nil && *p.Active)
}

func (p KeyPatch) apply(k *Key) {
	k.Name, k.Description = strings.TrimSpace(or(p.Name, k.Name)), strings.TrimSpace(or(p.Description, k.Description))
	k.Permissions, k.ChannelIDs = unique(or(p.Permissions, k.Permissions)), unique(or(p.ChannelIDs, k.ChannelIDs))
	k.PerMinute, k.PerDay = or(p.PerMinute, k.PerMinute), or(p.PerDay, k.PerDay)
	k.Active, k.ExpiresAt = or(p.Active, k.Active), or(p.ExpiresAt, k.ExpiresAt).UTC()
}

// DeleteKey removes a key of the tenant for good.
func (s *Store) DeleteKey(ctx context.Context, tenantID, keyID string) error {
	if !plausible(keyID) {
		return fault.Missing("key")
	}
	n, err := s.db.Exec(ctx, `DELETE FROM api_keys WHERE tenant_id = $1 AND id = $2`, tenantID, keyID)
	if err != nil {
		return fmt.Errorf("delete key: %w", err)
	}
	if n == 0 {
		return fault.Missing("key")
	}
	s.cache.clear()
	return nil
}
