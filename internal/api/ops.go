package api

import (
	"context"
	"embed"
	"encoding/json"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
)

// Check is one thing that must work for this node to be useful.
type Check struct {
	Name string
	Test func(context.Context) error
	Soft bool // the node is useful without it: a failure is shown, and no reason to send it no traffic
}

// checkTimeout bounds all checks of /readyz together.
const checkTimeout = 3 * time.Second

//go:embed docs
var docsFiles embed.FS

// registerOps serves what operators and readers need.
func (s *Server) registerOps() {
	s.page("/healthz", func(c *fiber.Ctx) error {
		return c.JSON(fiber.Map{"status": "ok", "version": s.Version})
	})
	s.page("/readyz", s.ready)
	if s.Metrics != nil {
		s.page("/metrics", adaptor.HTTPHandler(s.Metrics))
	}
	s.page("/openapi.json", s.openapi("application/openapi+json", func() ([]byte, error) {
		return json.Marshal(s.huma.OpenAPI())
	}))
	s.page("/openapi.yaml", s.openapi("application/openapi+yaml", s.huma.OpenAPI().YAML))
	for url, file := range map[string]string{
		"/docs": "docs/index.html", "/docs/docs.js": "docs/docs.js", "/docs/docs.css": "docs/docs.css",
	} {
		s.page(url, docsFile(file))
	}
}

// ready serves GET /readyz: 200 if every check passes but the soft ones, else 503,
// and what fails.
func (s *Server) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), checkTimeout)
	defer cancel()
	var wg sync.WaitGroup
	results := make([]string, len(s.Checks))
	for i, check := range s.Checks {
		wg.Go(func() {
			results[i] = "ok"
			if err := check.Test(ctx); err != nil {
				results[i] = "failed" // the reason can name hosts: it is in the log only
				if check.Soft {
					results[i] = "degraded"
				}
				s.Log.WarnContext(ctx, "not ready", "check", check.Name, "err", err)
			}
		})
	}
	wg.Wait()
	status, checks := fiber.StatusOK, fiber.Map{}
	for i, r := range results {
		checks[s.Checks[i].Name] = r
		if r == "failed" {
			status = fiber.StatusServiceUnavailable
		}
	}
	if s.leaving.Load() {
		status, checks["stopping"] = fiber.StatusServiceUnavailable, "failed"
	}
	return c.Status(status).JSON(fiber.Map{"ready": status == fiber.StatusOK, "checks": checks})
}

// openapi renders the document once: it is complete when New returns.
func (s *Server) openapi(contentType string, render func() ([]byte, error)) fiber.Handler {
	once := sync.OnceValues(render)
	return func(c *fiber.Ctx) error {
		doc, err := once()
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, contentType)
		return c.Send(doc)
	}
}

func docsFile(name string) fiber.Handler {
	data, err := docsFiles.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return func(c *fiber.Ctx) error {
		c.Type(strings.TrimPrefix(path.Ext(name), "."), "utf-8")
		c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'self'; frame-ancestors 'none'")
		return c.Send(data)
	}
}
