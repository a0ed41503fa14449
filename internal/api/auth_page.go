package api

import (
	"embed"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
)

//go:embed setup
var setupFiles embed.FS

// registerSetupPage serves the page behind setup links.
func (s *Server) registerSetupPage() {
	for url, file := range map[string]string{
		"/setup": "setup/index.html", "/setup/setup.js": "setup/setup.js", "/setup/setup.css": "setup/setup.css",
	} {
		data, err := setupFiles.ReadFile(file)
		if err != nil {
			panic(err) // it is embedded
		}
		s.page(url, func(c *fiber.Ctx) error {
			c.Type(strings.TrimPrefix(path.Ext(file), "."), "utf-8")
			c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'self'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'")
			return c.Send(data)
		})
	}
}

// SetupURL is the page where the holder of a setup token chooses a password. The
// token is in the fragment, which browsers neither send nor log.
func SetupURL(publicURL, token string) string {
	return strings.TrimSuffix(publicURL, "/") + "/setup#t=" + token
}
