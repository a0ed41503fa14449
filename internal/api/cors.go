package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// What pages of allowed origins may send and read, beside what every page may.
const (
	corsMethods = "GET, POST, PATCH, PUT, DELETE"
	corsSends   = "Authorization, X-API-Key, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id"
	corsReads   = "X-Request-Id, Retry-After, Location, Idempotent-Replayed, RateLimit, RateLimit-Policy, " +
		"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
	corsMaxAge = "600" // seconds that a browser remembers the answer to a preflight
)

// cors lets pages of the allowed origins call the API. They send a key or a session
// token as header: cookies do not travel, and the routes that read one are left out.
// Source: WHATWG Fetch, 3.2 "HTTP extensions".
func (s *Server) cors(c *fiber.Ctx) error {
	origin, path := c.Get(fiber.HeaderOrigin), c.Path()
	if !slices.Contains(s.Realtime.Origins, origin) || !strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, authPath) {
		return c.Next()
	}
	c.Vary(fiber.HeaderOrigin)
	c.Set(fiber.HeaderAccessControlAllowOrigin, origin)
	if c.Method() != http.MethodOptions || c.Get(fiber.HeaderAccessControlRequestMethod) == "" {
		c.Set(fiber.HeaderAccessControlExposeHeaders, corsReads)
		return c.Next()
	}
	c.Set(fiber.HeaderAccessControlAllowMethods, corsMethods)
	c.Set(fiber.HeaderAccessControlAllowHeaders, corsSends)
	c.Set(fiber.HeaderAccessControlMaxAge, corsMaxAge)
	return c.SendStatus(fiber.StatusNoContent)
}
