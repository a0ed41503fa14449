package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Roles of a process that have routes.
const (
	RoleAPI      = "api"      // REST, webhooks, media, pages
	RoleRealtime = "realtime" // the socket and the stream
)

// roleOf returns the role that a path belongs to; empty for what operators ask of
// every process.
func roleOf(path string) string {
	switch path = strings.TrimRight(path, "/"); path {
	case "/healthz", "/readyz", "/metrics":
		return ""
	case "/api/v1/realtime", "/api/v1/events/stream":
		return RoleRealtime
	}
	return RoleAPI
}

// ownRole refuses what other processes are for: a proxy that sends it here is set
// up wrongly, and should learn that from the answer.
func (s *Server) ownRole(c *fiber.Ctx) error {
	role := roleOf(c.Path())
	if role == "" || slices.Contains(s.Roles, role) {
		return c.Next()
	}
	p := newProblem(http.StatusServiceUnavailable, "role_missing", "This process has no role "+role+". Send the request to one that has.")
	p.Retryable = true
	return p
}
