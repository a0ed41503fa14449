package api

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
	"github.com/linktor/linktor/internal/telemetry"
)

// Names of values kept on the Fiber context for the access log.
const (
	localTenant = "tenant"
	localCaller = "caller"
)

// ownRequestID accepts what callers send as X-Request-Id if it is harmless in
// logs and headers: 8 to 64 letters, digits, '-' and '_'.
func ownRequestID(s string) bool {
	if len(s) < 8 || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return false
		}
	}
	return true
}

// frame is around every request: request id, deadline, security headers, panics,
// errors and the access log.
func (s *Server) frame(c *fiber.Ctx) error {
	start := time.Now()
	rid := c.Get("X-Request-Id")
	if !ownRequestID(rid) {
		rid = id.New(id.Request)
	}
	c.Set("X-Request-Id", rid)
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set("X-Frame-Options", "DENY")
	c.Set("Referrer-Policy", "no-referrer")
	if strings.HasPrefix(c.Path(), "/api/") {
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	ctx, cancel := context.WithTimeout(telemetry.WithRequestID(context.Background(), rid), requestTimeout)
	defer cancel()
	c.SetUserContext(ctx)

	err := checkText(c)
	if err == nil {
		err = s.next(c)
	}
	if err != nil {
		if err := s.renderError(c, err); err != nil {
			return err
		}
	}
	if status, ok := c.Locals(localStatus).(int); ok {
		c.Status(status)
	}
	if s.leaving.Load() {
		c.Context().SetConnectionClose()
	}
	s.closeUnread(c)
	took := time.Since(start)
	if s.OnRequest != nil {
		s.OnRequest(c.Route().Path, c.Method(), c.Response().StatusCode(), took)
	}
	s.logAccess(c, took)
	return nil
}

// checkText refuses what no database can look for: NUL and bytes that are no UTF-8,
// in the path, a parameter or an Idempotency-Key.
func checkText(c *fiber.Ctx) error {
	if !storable(string(c.Request().URI().Path())) {
		return fault.Missing("resource")
	}
	if !storable(c.Get("Idempotency-Key")) {
		return fault.New(fault.Malformed, "invalid_idempotency_key", "Idempotency-Key is not UTF-8.")
	}
	for name, value := range c.Context().QueryArgs().All() {
		if !storable(string(name)) || !storable(string(value)) {
			return fault.New(fault.Malformed, "malformed_query", "A parameter holds NUL or bytes that are not UTF-8.")
		}
	}
	return nil
}

// storable reports whether PostgreSQL can hold s as text.
func storable(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }

// next runs the rest of the chain and turns a panic into an error.
func (s *Server) next(c *fiber.Ctx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.Log.ErrorContext(c.UserContext(), "panic in a handler",
				"route", c.Route().Path, "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			c.Response().ResetBody()
			err = fault.New(fault.Internal, "", "panic")
		}
	}()
	return c.Next()
}

// closeUnread closes the connection after a refused request whose body may be
// partly unread: its rest would be taken for the next request.
func (s *Server) closeUnread(c *fiber.Ctx) {
	n := c.Request().Header.ContentLength()
	if c.Response().StatusCode() >= 400 && (n > prefetch || n == -1) {
		c.Context().SetConnectionClose()
	}
}

// logAccess writes ids and the route's pattern: paths can hold tokens.
func (s *Server) logAccess(c *fiber.Ctx, took time.Duration) {
	level := slog.LevelInfo
	path := c.Route().Path
	status := c.Response().StatusCode()
	if status < 400 && (strings.HasPrefix(path, "/webhooks/") || strings.HasSuffix(path, "z")) {
		level = slog.LevelDebug // thousands a second, and probes
	}
	ctx := c.UserContext()
	if !s.Log.Enabled(ctx, level) {
		return
	}
	tenant, _ := c.Locals(localTenant).(string)
	caller, _ := c.Locals(localCaller).(string)
	s.Log.LogAttrs(ctx, level, "request", slog.String("method", c.Method()),
		slog.String("route", path), slog.Int("status", status), slog.Duration("took", took),
		slog.String("tenantId", tenant), slog.String("callerId", caller))
}

// fiberPath writes {name} as :name.
func fiberPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
