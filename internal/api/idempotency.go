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
	// releaseTimeout bounds the statement with which a key is released.
	releaseTimeout = 5 * time.Second
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
		k := claim{tenant: tenant, key: key}
		var err error
		if k.print, err = s.fingerprint(c, key, op.MaxBodyBytes); err == nil {
			var answer *keptAnswer
			if answer, err = s.claimKey(ctx.Context(), &k, takeover); err == nil && answer != nil {
				err = s.replay(c, k, answer)
				if err == nil {
					return
				}
			}
		}
		if err != nil {
			s.writeProblem(ctx, err)
			return
		}
		defer s.releaseKey(ctx.Context(), k, c) // also after a panic
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
}

// claim is a key that a request holds while it runs. Whoever takes the key over has
// another one: what the first request then says about the key has no effect.
type claim struct {
	tenant, key, print string
	at                 int64
}

// claimKey takes the key for this request (nil, nil), or returns the answer that
// was stored under it. A request that has not released the key after giveUp is
// taken for dead.
func (s *Server) claimKey(ctx context.Context, k *claim, giveUp time.Duration) (old *keptAnswer, err error) {
	now := s.Now()
	k.at = db.Micros(now)
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		res, err := tx.ExecContext(ctx, `
			INSERT INTO idempotency_keys (tenant_id, key, fingerprint, state, created_at, expires_at)
			VALUES ($1, $2, $3, 'running', $4, $5)
			ON CONFLICT (tenant_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, state = excluded.state,
				status = 0, response = '', message_id = '', created_at = excluded.created_at, expires_at = excluded.expires_at
			WHERE idempotency_keys.expires_at < excluded.created_at`,
			k.tenant, k.key, k.print, k.at, db.Micros(now.Add(giveUp)))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		old = &keptAnswer{}
		return tx.GetContext(ctx, old, `SELECT fingerprint, state, status, response
			FROM idempotency_keys WHERE tenant_id = $1 AND key = $2`, k.tenant, k.key)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows): // released in between
		return nil, inProgress()
	case err != nil:
		return nil, fmt.Errorf("claim idempotency key: %w", err)
	case old == nil:
		return nil, nil //nolint:nilnil // nobody has answered: the caller is the first
	case old.Fingerprint != k.print:
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

func (k claim) aad() string { return "idempotency_keys|response|" + k.tenant + "|" + k.key }

// openAnswer unseals a stored answer.
func (s *Server) openAnswer(k claim, old *keptAnswer) (answer kept, err error) {
	sealed, err := base64.StdEncoding.DecodeString(old.Response)
	if err != nil {
		return answer, fmt.Errorf("replay: %w", err)
	}
	plain, err := s.Seal.Open(sealed, k.aad())
	if err != nil {
		return answer, fmt.Errorf("replay: %w", err)
	}
	if err := json.Unmarshal(plain, &answer); err != nil {
		return answer, fmt.Errorf("replay: %w", err)
	}
	return answer, nil
}

func (s *Server) replay(c *fiber.Ctx, k claim, old *keptAnswer) error {
	answer, err := s.openAnswer(k, old)
	if err != nil {
		return err
	}
	c.Set("Idempotent-Replayed", "true")
	c.Set(fiber.HeaderContentType, answer.ContentType)
	return c.Status(old.Status).Send(answer.Body)
}

// releaseKey stores a success and forgets everything else. Should the database
// refuse, the key stays "running" and can be taken over later.
func (s *Server) releaseKey(ctx context.Context, k claim, c *fiber.Ctx) {
	status := c.Response().StatusCode()
	err := error(nil)
	if v := recover(); v != nil {
		defer panic(v)
		status = http.StatusInternalServerError
	}
	if status >= 300 {
		err = s.forgetKey(ctx, k)
	} else {
		err = s.keepAnswer(ctx, k, status, kept{string(c.Response().Header.ContentType()), c.Response().Body()})
	}
	if err != nil {
		s.Log.WarnContext(ctx, "idempotency key not released", "err", err)
	}
}

// forgetKey frees the key of a request that was refused, also of one whose time is up.
func (s *Server) forgetKey(ctx context.Context, k claim) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	_, err := s.DB.Exec(ctx, `DELETE FROM idempotency_keys
		WHERE tenant_id = $1 AND key = $2 AND fingerprint = $3 AND created_at = $4 AND state = 'running'`, k.tenant, k.key, k.print, k.at)
	return err
}

// keepAnswer stores the answer under the key, also if the request's time is up.
func (s *Server) keepAnswer(ctx context.Context, k claim, status int, answer kept) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	plain, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	sealed, err := s.Seal.Seal(plain, k.aad())
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, `UPDATE idempotency_keys SET state = 'done', status = $5, response = $6, expires_at = $7
		WHERE tenant_id = $1 AND key = $2 AND fingerprint = $3 AND created_at = $4 AND state = 'running'`,
		k.tenant, k.key, k.print, k.at, status, base64.StdEncoding.EncodeToString(sealed), db.Micros(s.Now().Add(idempotencyTTL)))
	return err
}
