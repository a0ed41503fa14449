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
	refreshTTL = 30 * 24 * time.Hour // unused for that long, a session ends
	sessionMax = 90 * 24 * time.Hour // however it is used

	// supersededGrace is how long after a rotation the token before it is taken for
	// a second tab's and not for a thief's. It is answered 409 all the same: the
	// old token never yields anything. A tab tries again and finds the new cookie;
	// whoever has only the old token comes back after the grace and ends the session.
	supersededGrace = 5 * time.Second
)

// Tokens open a session. They do not print.
type Tokens struct {
	Access         string
	AccessExpires  time.Time
	Refresh        string
	RefreshExpires time.Time
	User           User
}

func (t Tokens) String() string { return "[tokens of " + t.User.ID + "]" }

// GoString keeps %#v from printing tokens.
func (t Tokens) GoString() string { return t.String() }

// LogValue keeps slog from printing tokens.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Attempt is somebody's try to log in.
type Attempt struct {
	Email     string
	TenantID  string // which of several organisations with this address; may be empty
	Password  string
	IP        string // slows down guessing
	UserAgent string // shown in the list of sessions
}

// Login opens a session. Unknown, switched off and passwordless users get the
// same answer after the same time as a wrong password. A person may have an account
// in several organisations, with one address: the password tells which is meant,
// and where it is the same in two of them, the caller has to say.
func (s *Store) Login(ctx context.Context, a Attempt) (Tokens, error) {
	email := normalEmail(a.Email)
	if len(email) > maxEmail || !isLine(email) {
		email = "" // no user has it
	}
	undo, err := s.admitAttempt(email, a.IP)
	if err != nil {
		return Tokens{}, err
	}
	u, outdated, err := s.whoLogsIn(ctx, email, a)
	if fault.KindOf(err) == fault.Unauthorized {
		return Tokens{}, err // this attempt counts
	}
	undo()
	if err != nil {
		return Tokens{}, wrap("login", err)
	}
	s.pairs.succeed(pairKey(email, a.IP))
	if outdated {
		s.renewHash(ctx, u, a.Password)
	}
	var t Tokens
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		t, err = s.openSession(ctx, tx, u.user(), a.UserAgent)
		return err
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("login: %w", err)
	}
	return t, nil
}

// maxAccounts bounds the passwords that one login compares: each takes 40 ms.
const maxAccounts = 5

// whoLogsIn returns the user with the address and the password, and whether the
// password's hash has other costs than today's.
func (s *Store) whoLogsIn(ctx context.Context, email string, a Attempt) (who userRow, outdated bool, err error) {
	var users []userRow
	err = s.db.SelectContext(ctx, &users, `SELECT `+userColumns+` FROM users
		WHERE email = $1 AND email <> '' AND ($2 = '' OR tenant_id = $2) ORDER BY id LIMIT $3`, email, line(a.TenantID, 100), maxAccounts)
	if err != nil {
		return who, false, err
	}
	if len(users) == 0 {
		users = []userRow{{}} // takes as long as one
	}
	var tenants []string
	for _, u := range users {
		phc := u.PasswordHash
		if !u.Active || len(a.Password) > maxPassword {
			phc = ""
		}
		ok, old, err := s.checkPassword(ctx, a.Password, phc)
		if err != nil {
			return who, false, err
		}
		if ok {
			who, outdated, tenants = u, old, append(tenants, u.TenantID)
		}
	}
	switch len(tenants) {
	case 0:
		return who, false, fault.New(fault.Unauthorized, "login_failed", "The e-mail address or the password is wrong.")
	case 1:
		return who, outdated, nil
	}
	return who, false, &fault.Error{Kind: fault.Conflict, Code: "tenant_required",
		Message: "You belong to several organisations with this address and password: send tenantId with one of " + strings.Join(tenants, ", ") + "."}
}

func pairKey(email, ip string) string { return email + " " + ip }

// admitAttempt counts an attempt for the address and for the address with the user.
func (s *Store) admitAttempt(email, ip string) (undo func(), err error) {
	wait, undoIP := s.addresses.attempt(ip)
	if wait == 0 {
		var undoPair func()
		if wait, undoPair = s.pairs.attempt(pairKey(email, ip)); wait == 0 {
			return func() { undoIP(); undoPair() }, nil
		}
		undoIP()
	}
	return nil, &fault.Error{Kind: fault.Limited, Code: "too_many_attempts", RetryAfter: wait,
		Message: "Too many failed logins. Wait for Retry-After seconds."}
}

// renewHash stores the password with today's costs. It can wait for the next login.
func (s *Store) renewHash(ctx context.Context, u userRow, password string) {
	phc, err := s.hashPassword(ctx, password)
	if err == nil {
		_, err = s.db.Exec(ctx, `UPDATE users SET password_hash = $1 WHERE id = $2 AND tenant_id = $3 AND password_hash = $4`,
			phc, u.ID, u.TenantID, u.PasswordHash)
	}
	if err != nil {
		s.log.WarnContext(ctx, "password hash not renewed", "userId", u.ID, "err", err)
	}
}

// openSession stores a new session of u, unless u was switched off meanwhile.
func (s *Store) openSession(ctx context.Context, tx *db.Tx, u User, userAgent string) (Tokens, error) {
	now := s.now()
	res, err := tx.ExecContext(ctx, `UPDATE users SET last_login_at = $1 WHERE id = $2 AND tenant_id = $3 AND active`,
		db.Micros(now), u.ID, u.TenantID)
	if err != nil {
		return Tokens{}, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return Tokens{}, errors.Join(err, errCredential())
	}
	u.LastLoginAt = now.UTC()
	sid := id.New(id.Session)
	t := Tokens{User: u, Refresh: s.newRefreshToken(sid), RefreshExpires: now.Add(refreshTTL)}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO sessions (id, tenant_id, user_id, refresh_hash, rotated_at, user_agent, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $5, $7)`,
		sid, u.TenantID, u.ID, hashToken(t.Refresh), db.Micros(now), line(userAgent, 200), db.Micros(t.RefreshExpires))
	if err != nil {
		return Tokens{}, err
	}
	t.Access, t.AccessExpires, err = s.signToken(u.TenantID, u.ID, sid, now)
	return t, err
}

// ErrSuperseded is in the fault of a refresh that another tab has just made.
var ErrSuperseded = errors.New("account: the refresh token was rotated a moment ago")

var errReused = errors.New("account: an old refresh token was presented")

type sessionRow struct {
	TenantID     string        `db:"tenant_id"`
	UserID       string        `db:"user_id"`
	RefreshHash  string        `db:"refresh_hash"`
	PreviousHash string        `db:"previous_hash"`
	RotatedAt    int64         `db:"rotated_at"`
	CreatedAt    int64         `db:"created_at"`
	ExpiresAt    int64         `db:"expires_at"`
	RevokedAt    sql.NullInt64 `db:"revoked_at"`
}

// Refresh exchanges a refresh token for new tokens. A token serves once: whoever
// presents an older one of the session, of whatever age, ends the session, because
// then two parties have had its tokens.
func (s *Store) Refresh(ctx context.Context, token string) (Tokens, error) {
	bad := fault.New(fault.Unauthorized, "session_ended", "The session has ended. Log in again.")
	sid, ok := s.refreshSession(token)
	if !ok {
		return Tokens{}, bad
	}
	var t Tokens
	var refused error
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		var row sessionRow
		err := tx.GetContext(ctx, &row, `SELECT tenant_id, user_id, refresh_hash, previous_hash, rotated_at, created_at, expires_at,
			revoked_at FROM sessions WHERE id = $1`+tx.ForUpdate("sessions"), sid)
		if errors.Is(err, sql.ErrNoRows) {
			refused = bad
			return nil
		}
		if err != nil {
			return err
		}
		t, refused, err = s.rotate(ctx, tx, sid, row, hashToken(token))
		return err
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("refresh session %s: %w", sid, err)
	}
	if errors.Is(refused, errReused) {
		s.cache.clear()
	}
	return t, refused // the transaction has committed: a revocation must stay
}

// rotate decides about a refresh of the locked session sid.
func (s *Store) rotate(ctx context.Context, tx *db.Tx, sid string, row sessionRow, hash string) (t Tokens, refused, err error) {
	now := s.now()
	bad := fault.New(fault.Unauthorized, "session_ended", "The session has ended. Log in again.")
	switch {
	case row.RevokedAt.Valid || !now.Before(db.Time(row.ExpiresAt)):
		return t, bad, nil
	case hash == row.RefreshHash:
	case hash == row.PreviousHash && now.Before(db.Time(row.RotatedAt).Add(supersededGrace)):
		return t, &fault.Error{Kind: fault.Conflict, Code: "refresh_superseded", RetryAfter: time.Second, Err: ErrSuperseded,
			Message: "Another request has just refreshed this session. Try again with the cookie that it got."}, nil
	default:
		_, err = tx.ExecContext(ctx, `UPDATE sessions SET revoked_at = $1, revoke_reason = 'refresh_reused' WHERE id = $2`, db.Micros(now), sid)
		s.log.WarnContext(ctx, "an old refresh token was presented: session revoked", "sessionId", sid, "userId", row.UserID)
		bad.Err = errReused
		return t, bad, err
	}
	var u userRow
	err = tx.GetContext(ctx, &u, `SELECT `+userColumns+` FROM users WHERE id = $1 AND tenant_id = $2 AND active`, row.UserID, row.TenantID)
	if errors.Is(err, sql.ErrNoRows) {
		return t, bad, nil
	}
	if err != nil {
		return t, nil, err
	}
	t = Tokens{User: u.user(), Refresh: s.newRefreshToken(sid), RefreshExpires: now.Add(refreshTTL)}
	if last := db.Time(row.CreatedAt).Add(sessionMax); t.RefreshExpires.After(last) {
		t.RefreshExpires = last
	}
	_, err = tx.ExecContext(ctx, `UPDATE sessions SET refresh_hash = $1, previous_hash = $2, rotated_at = $3, expires_at = $4 WHERE id = $5`,
		hashToken(t.Refresh), hash, db.Micros(now), db.Micros(t.RefreshExpires), sid)
	if err != nil {
		return t, nil, err
	}
	t.Access, t.AccessExpires, err = s.signToken(row.TenantID, row.UserID, sid, now)
	return t, nil, err
}

// Logout ends the session of a refresh token. An unknown one is no error: the
// session is over either way.
func (s *Store) Logout(ctx context.Context, token string) error {
	sid, ok := s.refreshSession(token)
	if !ok {
		return nil
	}
	n, err := s.db.Exec(ctx, `UPDATE sessions SET revoked_at = $1, revoke_reason = 'logout' WHERE id = $2 AND revoked_at IS NULL`,
		db.Micros(s.now()), sid)
	if err != nil {
		return fmt.Errorf("logout: %w", err)
	}
	if n > 0 {
		s.cache.clear()
	}
	return nil
}

// revokeSessions ends all sessions of a user but one; except may be empty.
func (s *Store) revokeSessions(ctx context.Context, tx *db.Tx, tenantID, userID, except, reason string) error {
	_, err := tx.ExecContext(ctx, `UPDATE sessions SET revoked_at = $1, revoke_reason = $2
		WHERE tenant_id = $3 AND user_id = $4 AND id <> $5 AND revoked_at IS NULL`,
		db.Micros(s.now()), reason, tenantID, userID, except)
	return err
}
