package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

const (
	maxIdempotencyKey = 255
	// idempotencyTTL is how long a key is remembered.
	idempotencyTTL = 24 * time.Hour
	// takeover is when a request that never finished is given up: after its
	// deadline, with a margin for clocks that differ.
	takeover = 2 * requestTimeout
)

// ownIdempotency marks an operation that handles its key itself, in one
// transaction with what it creates.
const ownIdempotency = "ownIdempotency"

// kept is a stored answer, sealed: answers can hold secrets.
type kept struct {
	ContentType string `json:"contentType"`
	Body        []byte `json:"body"`
}

// idempotent makes a POST with an Idempotency-Key run once: a repeat gets the
// stored answer, a repeat while the first still runs 409, and the key with
// another request 422. Only successes are stored, so a refused request can be
// corrected under the same key.
func (s *Server) idempotent(op huma.Operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		key := ctx.Header("Idempotency-Key")
		if op.Method != http.MethodPost || key == "" || op.Metadata[ownIdempotency] != nil || ctx.Context().Value(principalKey{}) == nil {
			next(ctx)
			return
		}
		c := humafiber.Unwrap(ctx)
		tenant := principal(ctx.Context()).TenantID
		print, err := s.fingerprint(c, key, op.MaxBodyBytes)
		if err == nil {
			var answer *keptAnswer
			if answer, err = s.claimKey(ctx.Context(), tenant, key, print); err == nil && answer != nil {
				err = s.replay(c, tenant, key, answer)
				if err == nil {
					return
				}
			}
		}
		if err != nil {
			s.writeProblem(ctx, err)
			return
		}
		defer s.releaseKey(ctx.Context(), tenant, key, c) // also after a panic
		next(ctx)
	}
}

func checkIdempotencyKey(key string) error {
	if len(key) > maxIdempotencyKey {
		return fault.New(fault.Malformed, "invalid_idempotency_key", "Idempotency-Key is longer than %d characters.", maxIdempotencyKey)
	}
	return nil
}

// fingerprint reads the body, puts it back, and hashes the request.
func (s *Server) fingerprint(c *fiber.Ctx, key string, limit int64) (string, error) {
	if err := checkIdempotencyKey(key); err != nil {
		return "", err
	}
	body, err := readBody(c, limit)
	if err != nil {
		return "", err
	}
	c.Request().SetBodyStream(bytes.NewReader(body), len(body))
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", c.Method(), c.OriginalURL())
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readBody reads a streamed body and stops as soon as it passes limit.
func readBody(c *fiber.Ctx, limit int64) ([]byte, error) {
	tooLarge := fault.New(fault.TooLarge, "too_large", "The body is larger than %d bytes.", limit)
	n := int64(c.Request().Header.ContentLength())
	if n > limit {
		return nil, tooLarge
	}
	stream := c.Context().RequestBodyStream()
	if stream == nil { // already in memory; c.Body would also undo a Content-Encoding
		return bytes.Clone(c.Request().Body()), nil
	}
	buf := bytes.NewBuffer(make([]byte, 0, max(n, 512)))
	if _, err := io.Copy(buf, io.LimitReader(stream, limit+1)); err != nil {
		return nil, fault.New(fault.Malformed, "body_incomplete", "The body ended before its length was reached.")
	}
	if int64(buf.Len()) > limit {
		return nil, tooLarge
	}
	return buf.Bytes(), nil
}

type keptAnswer struct {
	Fingerprint string `db:"fingerprint"`
	State       string `db:"state"`
	Status      int    `db:"status"`
	Response    string `db:"response"`
	CreatedAt   int64  `db:"created_at"`
	ExpiresAt   int64  `db:"expires_at"`
}

// claimKey takes the key for this request (nil, nil), or returns the answer that
// was stored under it.
func (s *Server) claimKey(ctx context.Context, tenant, key, print string) (old *keptAnswer, err error) {
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `
			INSERT INTO idempotency_keys (tenant_id, key, fingerprint, state, created_at, expires_at)
			VALUES ($1, $2, $3, 'running', $4, $5)
			ON CONFLICT (tenant_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, state = excluded.state,
				status = 0, response = '', message_id = '', created_at = excluded.created_at, expires_at = excluded.expires_at
			WHERE idempotency_keys.expires_at < excluded.created_at
				OR (idempotency_keys.state = 'running' AND idempotency_keys.created_at < $6)`,
			tenant, key, print, db.Micros(now), db.Micros(now.Add(idempotencyTTL)), db.Micros(now.Add(-takeover)))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		old = &keptAnswer{}
		return tx.GetContext(ctx, old, `SELECT fingerprint, state, status, response, created_at, expires_at
			FROM idempotency_keys WHERE tenant_id = $1 AND key = $2`, tenant, key)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows): // released in between
		return nil, inProgress()
	case err != nil:
		return nil, fmt.Errorf("claim idempotency key: %w", err)
	case old == nil:
		return nil, nil //nolint:nilnil // nobody has answered: the caller is the first
	case old.Fingerprint != print:
		return nil, fault.New(fault.Invalid, "idempotency_mismatch", "This Idempotency-Key was used for another request. Use a new one.")
	case old.State != "done":
		return nil, inProgress()
	}
	return old, nil
}

func inProgress() error {
	return &fault.Error{Kind: fault.Conflict, Code: "idempotency_in_progress", RetryAfter: time.Second,
		Message: "The first request with this Idempotency-Key is still running. Try again."}
}

func aadOf(tenant, key string) string { return "idempotency_keys|response|" + tenant + "|" + key }

// openAnswer unseals a stored answer.
func (s *Server) openAnswer(tenant, key string, old *keptAnswer) (k kept, err error) {
	sealed, err := base64.StdEncoding.DecodeString(old.Response)
	if err != nil {
		return k, fmt.Errorf("replay: %w", err)
	}
	plain, err := s.Seal.Open(sealed, aadOf(tenant, key))
	if err != nil {
		return k, fmt.Errorf("replay: %w", err)
	}
	if err := json.Unmarshal(plain, &k); err != nil {
		return k, fmt.Errorf("replay: %w", err)
	}
	return k, nil
}

func (s *Server) replay(c *fiber.Ctx, tenant, key string, old *keptAnswer) error {
	k, err := s.openAnswer(tenant, key, old)
	if err != nil {
		return err
	}
	c.Set("Idempotent-Replayed", "true")
	c.Set(fiber.HeaderContentType, k.ContentType)
	return c.Status(old.Status).Send(k.Body)
}

// releaseKey stores a success and forgets everything else. Should the database
// refuse, the key stays "running" and can be taken over later.
func (s *Server) releaseKey(ctx context.Context, tenant, key string, c *fiber.Ctx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	status := c.Response().StatusCode()
	err := error(nil)
	if v := recover(); v != nil {
		defer panic(v)
		status = http.StatusInternalServerError
	}
	if status >= 300 {
		err = s.forgetKey(ctx, tenant, key)
	} else {
		err = s.keepAnswer(ctx, tenant, key, status, kept{string(c.Response().Header.ContentType()), c.Response().Body()})
	}
	if err != nil {
		s.Log.WarnContext(ctx, "idempotency key not released", "requestId", requestID(ctx), "err", err)
	}
}

// forgetKey frees the key of a request that was refused.
func (s *Server) forgetKey(ctx context.Context, tenant, key string) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 AND state = 'running'`, tenant, key)
	return err
}

func (s *Server) keepAnswer(ctx context.Context, tenant, key string, status int, k kept) error {
	plain, err := json.Marshal(k)
	if err != nil {
		return err
	}
	sealed, err := s.Seal.Seal(plain, aadOf(tenant, key))
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, `UPDATE idempotency_keys SET state = 'done', status = $3, response = $4
		WHERE tenant_id = $1 AND key = $2 AND state = 'running'`, tenant, key, status, base64.StdEncoding.EncodeToString(sealed))
	return err
}
