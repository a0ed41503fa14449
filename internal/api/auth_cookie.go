package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/fault"
)

const (
	refreshCookieName = "linktor_refresh"
	// authPath keeps the cookie away from every other route.
	authPath = "/api/v1/auth"
	// csrfHeader is one that another site cannot send without our consent (CORS).
	csrfHeader = "X-Linktor-CSRF"
)

type visitorKey struct{}

// visitor is what a session route must know about its request.
type visitor struct {
	remote string
	secure bool
}

func remoteOf(ctx context.Context) string {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v.remote
}

// sameSite refuses requests that another site made a browser send. SameSite=Lax
// does not suffice: it lets sibling subdomains through. A request must carry
// X-Linktor-CSRF: 1 or a JSON body, and what the browser says about its origin must
// be this server. Programs other than browsers say nothing about it.
func (s *Server) sameSite(ctx huma.Context, next func(huma.Context)) {
	c := humafiber.Unwrap(ctx)
	if !s.ownOrigin(c) {
		s.writeProblem(ctx, fault.New(fault.Forbidden, "cross_site", "Session routes answer pages of this server only."))
		return
	}
	mediaType, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";")
	if c.Get(csrfHeader) != "1" && !strings.EqualFold(strings.TrimSpace(mediaType), fiber.MIMEApplicationJSON) {
		s.writeProblem(ctx, fault.New(fault.Forbidden, "csrf_header_missing", "Send the header X-Linktor-CSRF: 1, or a JSON body."))
		return
	}
	next(huma.WithValue(ctx, visitorKey{}, visitor{
		remote: s.remote(c).String(),
		secure: c.Context().IsTLS() || strings.HasPrefix(s.PublicURL, "https://"),
	}))
}

// ownOrigin compares the Origin with the host that was called and with the public
// URL; the latter counts behind a proxy that rewrites Host.
func (s *Server) ownOrigin(c *fiber.Ctx) bool {
	switch c.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return true
	}
	o, err := url.Parse(origin)
	if err != nil || o.Host == "" || (o.Scheme != "http" && o.Scheme != "https") {
		return false
	}
	if strings.EqualFold(o.Host, string(c.Context().Host())) {
		return true
	}
	public, err := url.Parse(s.PublicURL)
	return err == nil && strings.EqualFold(o.Host, public.Host) && o.Scheme == public.Scheme
}

// refreshCookie returns the Set-Cookie header that stores a refresh token, or
// removes it if token is empty.
func (s *Server) refreshCookie(ctx context.Context, token string, expires time.Time) string {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	c := http.Cookie{Name: refreshCookieName, Value: token, Path: authPath, HttpOnly: true, Secure: v.secure,
		SameSite: http.SameSiteLaxMode, MaxAge: -1}
	if token != "" {
		c.MaxAge = max(int(expires.Sub(s.Now()).Seconds()), 1)
	}
	return c.String()
}
