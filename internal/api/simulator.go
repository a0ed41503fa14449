package api

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/linktor/linktor/internal/account"
)

// SimulatorPage is the simulator's page and the API behind it.
type SimulatorPage struct {
	Handler http.Handler // serves /simulator and below; nil means that there is none
	// Open admits callers without a credential as long as they call this machine by
	// a loopback address: for a server that listens nowhere else.
	Open bool
}

// registerSimulator serves the page to everybody and its API, which shows and sends
// messages, to whoever may use the simulator.
func (s *Server) registerSimulator() {
	if s.Simulator.Handler == nil {
		return
	}
	handler := adaptor.HTTPHandler(s.Simulator.Handler)
	for _, path := range []string{"/simulator", "/simulator/simulator.js", "/simulator/simulator.css"} {
		s.page(path, handler)
	}
	rule, guarded := need(account.UseSimulator), handler
	if s.Simulator.Open {
		rule, guarded = public(), s.onLoopback(handler)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		s.raw(method, "/simulator/api/*", rule, guarded)
	}
}

// onLoopback admits requests whose Host is this machine's own, and others with the
// permission only: a web page can make its name resolve to 127.0.0.1, but it
// cannot change the name that the browser then sends.
func (s *Server) onLoopback(handler fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if !isLoopbackHost(string(c.Context().Host())) {
			if _, err := s.admit(c, need(account.UseSimulator)); err != nil {
				return err
			}
		}
		return handler(c)
	}
}

func isLoopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
