package account

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// Options of a Store.
type Options struct {
	// JWTSecret signs session and refresh tokens: at least 32 random bytes, the
	// same on every node. Without it a random one is made: tokens then end with
	// this Store, which suits command line tools.
	JWTSecret []byte
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Log gets what happens to sessions, with ids only. Defaults to slog.Default.
	Log *slog.Logger
	// Hashing is the cost of passwords. Defaults to 46 MiB, one pass.
	Hashing Hashing
}

// Store keeps accounts. It may be used by many goroutines.
type Store struct {
	db  *db.DB
	log *slog.Logger
	now func() time.Time

	tokenKey   []byte
	refreshKey []byte

	hashing   Hashing
	hashSlots chan struct{}

	pairs     *throttle // by email and address
	addresses *throttle

	cache *cache

	mu   sync.Mutex
	used map[string]time.Time // key id → the minute of its last use that is not stored yet
}

// hashingAtOnce bounds the memory of logins: two at 46 MiB each.
const hashingAtOnce = 2

// NewStore returns a Store on d. Call Run once, so that it stores when keys were
// used and forgets what has expired.
func NewStore(d *db.DB, opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if len(opts.JWTSecret) < 32 {
		opts.JWTSecret = make([]byte, 32)
		_, _ = rand.Read(opts.JWTSecret) // never fails: crypto/rand ends the program instead
	}
	h := opts.Hashing.orDefault()
	return &Store{
		db: d, now: opts.Now, log: opts.Log,
		tokenKey: subkey(opts.JWTSecret, "session token"), refreshKey: subkey(opts.JWTSecret, "refresh token"),
		hashing: h, hashSlots: make(chan struct{}, hashingAtOnce),
		pairs: newThrottle(opts.Now, 5, 15*time.Minute), addresses: newThrottle(opts.Now, 30, time.Minute),
		cache: newCache(opts.Now), used: map[string]time.Time{},
	}
}

const (
	flushEvery = 20 * time.Second
	purgeEvery = time.Hour
)

// Run stores when keys were last used and removes what expired long ago, until
// ctx ends.
func (s *Store) Run(ctx context.Context) {
	flush, purge := time.NewTicker(flushEvery), time.NewTicker(purgeEvery)
	defer flush.Stop()
	defer purge.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := s.Flush(last); err != nil {
				s.log.WarnContext(last, "the last use of API keys is not stored", "err", err)
			}
			return
		case <-flush.C:
			err = s.Flush(ctx)
		case <-purge.C:
			err = s.Purge(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "account upkeep", "err", err)
		}
	}
}

// markUsed remembers the use of a key, by the minute.
func (s *Store) markUsed(keyID string) {
	minute := s.now().Truncate(time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[keyID] = minute
}

const storeUsed = `
	WITH {{rows}} UPDATE api_keys SET last_used_at = v.at FROM v
	WHERE api_keys.id = v.id AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < v.at)`

// Flush stores when keys were last used. Run calls it.
func (s *Store) Flush(ctx context.Context) error {
	s.mu.Lock()
	used := s.used
	s.used = map[string]time.Time{}
	s.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	rows := db.NewRows("id text", "at bigint")
	for id, at := range used {
		rows.Add(id, db.Micros(at))
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecRows(ctx, storeUsed, rows)
		return err
	})
	if err != nil { // keep them for the next time
		s.mu.Lock()
		defer s.mu.Unlock()
		for id, at := range used {
			if at.After(s.used[id]) {
				s.used[id] = at
			}
		}
	}
	return err
}

// keepDead is how long ended sessions and links stay as evidence.
const keepDead = 30 * 24 * time.Hour

// Purge removes tickets that have expired, and sessions and setup links that
// ended 30 days ago. Run calls it.
func (s *Store) Purge(ctx context.Context) error {
	now := s.now()
	_, err1 := s.db.Exec(ctx, `DELETE FROM tickets WHERE expires_at < $1`, db.Micros(now))
	_, err2 := s.db.Exec(ctx, `DELETE FROM sessions WHERE expires_at < $1 OR revoked_at < $1`, db.Micros(now.Add(-keepDead)))
	_, err3 := s.db.Exec(ctx, `DELETE FROM setup_links WHERE expires_at < $1`, db.Micros(now.Add(-keepDead)))
	return errors.Join(err1, err2, err3)
}

// Operator is the principal of whoever runs the server's own commands: it may do
// everything in the tenant.
func Operator(tenantID string) *Principal {
	return &Principal{TenantID: tenantID, Name: "operator", Permissions: AllPermissions()}
}

// DefaultTenant returns the oldest tenant, which Bootstrap made.
func (s *Store) DefaultTenant(ctx context.Context) (string, error) {
	var tenantID string
	err := s.db.GetContext(ctx, &tenantID, `SELECT id FROM tenants ORDER BY created_at, id LIMIT 1`)
	return tenantID, err
}
