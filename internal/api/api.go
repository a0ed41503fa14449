package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/db"
	"github.com/valyala/fasthttp"
)

// Authenticator turns a credential, an API key or a session token, into its
// principal. Anything else is a fault of kind Unauthorized.
type Authenticator interface {
	Authenticate(ctx context.Context, credential string) (*account.Principal, error)
}

// Sealer encrypts answers that are kept for replay: they can hold secrets.
type Sealer interface {
	Seal(plain []byte, aad string) ([]byte, error)
	Open(sealed []byte, aad string) ([]byte, error)
}

// Deps is what the API needs. Fields without a comment are required.
type Deps struct {
	DB   *db.DB
	Auth Authenticator
	Seal Sealer

	// Limit counts one request of p against its limits. Nil means no limits.
	Limit func(ctx context.Context, p *account.Principal) (Decision, error)
	// Log gets one line a request, with ids only. Defaults to slog.Default.
	Log *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Version of the program, shown in the OpenAPI document.
	Version string
	// PublicURL is where callers reach this server, e.g. https://api.example.com.
	// Webhook and media URLs start with it.
	PublicURL string

	// TrustedProxies may name the caller's address in X-Forwarded-For.
	TrustedProxies []netip.Prefix
	// OnRequest is told about each request, for metrics. It may be nil.
	OnRequest func(route, method string, status int, took time.Duration)
	// MaxBody bounds webhooks and JSON bodies further than their own limits do, in
	// bytes; 0 means not at all.
	MaxBody int64
	// Roles are what this process does, of RoleAPI and RoleRealtime: what belongs to
	// another role is answered 503. Empty means everything.
	Roles []string
	// Checks decide /readyz.
	Checks []Check
	// Metrics serves /metrics; nil means that there are none.
	Metrics http.Handler

	Resources
}

// requestTimeout bounds the work for one request, not its transfer.
const requestTimeout = 30 * time.Second

// How long the headers and then the body of a request may take to arrive: whoever
// sends one byte a second holds a connection no longer than that.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 2 * time.Minute
)

// prefetch is how much of a body is read before its handler starts, in bytes.
// Larger bodies are streamed, so that a handler can refuse them unread.
const prefetch = 64 << 10

// maxJSONBody is the limit of a JSON body, in bytes. The largest content that a
// channel carries is far below it.
const maxJSONBody = 1 << 20

// bodyLimit is a body's own limit, or the operator's if that is lower.
func (s *Server) bodyLimit(own int64) int64 {
	if s.MaxBody > 0 {
		return min(own, s.MaxBody)
	}
	return own
}

// Server is the HTTP server's routes.
type Server struct {
	Deps
	app     *fiber.App
	leaving atomic.Bool // see Leave
	huma    huma.API
	routes  []Route
}

// Route is one registered route and who may call it.
type Route struct {
	Method string
	Path   string // {name} for parameters
	Access string // public, signed in, or the permissions of which one is needed
}

// New returns a server with every route.
func New(deps Deps) *Server {
	if deps.Log == nil {
		deps.Log = slog.Default()
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	s := &Server{Deps: deps}
	s.app = fiber.New(fiber.Config{
		AppName:                      "Linktor",
		Immutable:                    true, // fasthttp reuses buffers: strings must outlive the handler
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true, // uploads are streamed, never parked in temporary files
		BodyLimit:                    prefetch,
		ReadBufferSize:               8 << 10, // the request line and all headers; each open socket keeps one
		ReadTimeout:                  headerTimeout,
		IdleTimeout:                  2 * time.Minute,
		DisableStartupMessage:        true,
		ErrorHandler:                 s.renderError,
	})
	s.app.Server().HeaderReceived = func(*fasthttp.RequestHeader) fasthttp.RequestConfig {
		return fasthttp.RequestConfig{ReadTimeout: bodyTimeout}
	}
	s.app.Use(s.frame)
	if len(s.Realtime.Origins) > 0 {
		s.app.Use(s.cors)
	}
	if len(s.Roles) > 0 {
		s.app.Use(s.ownRole)
	}
	s.huma = humafiber.New(s.app, s.humaConfig())
	s.register()
	// huma adds its own error type for each operation; ours is Problem.
	delete(s.huma.OpenAPI().Components.Schemas.Map(), "ErrorModel")
	delete(s.huma.OpenAPI().Components.Schemas.Map(), "ErrorDetail")
	return s
}

// App is the Fiber application, for the listener and for tests.
func (s *Server) App() *fiber.App { return s.app }

// Leave makes /readyz say no and closes each connection after its next answer: the
// server will soon stop.
func (s *Server) Leave() { s.leaving.Store(true) }

// Routes lists every route.
func (s *Server) Routes() []Route { return s.routes }

func (s *Server) humaConfig() huma.Config {
	strict := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decodeStrict}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Linktor",
				Version:     s.Version,
				Description: "Omnichannel conversations: send and receive messages, follow events.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key"},
					"bearer": {Type: "http", Scheme: "bearer", Description: "An API key or a session token."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": strict, "json": strict},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.transformError},
	}
}

// route registers one operation. The rule says who may call it; see access.go.
// handler gets a decoded and validated input; what it returns as an error is
// rendered by errors.go.
func route[I, O any](s *Server, op huma.Operation, rule access, handler func(context.Context, *I) (*O, error)) {
	rule.mustBeSet(op.Method, op.Path)
	if op.OperationID == "" {
		panic("api: " + op.Method + " " + op.Path + " has no operation id")
	}
	s.routes = append(s.routes, Route{op.Method, op.Path, rule.String()})
	s.describe(&op, rule)
	setBodyType[I](&op)
	op.Middlewares = append(huma.Middlewares{s.authenticated(rule), s.idempotent(op)}, op.Middlewares...)
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// page registers a file or page that everybody may GET, and HEAD: monitors ask so
// whether it is there, and some look at the size before they fetch.
func (s *Server) page(path string, handler fiber.Handler) {
	s.raw(http.MethodGet, path, public(), handler)
	s.raw(http.MethodHead, path, public(), handler) // the server of Fiber leaves out the body
}

// raw registers a handler that needs Fiber itself: streams, sockets, files.
// Parameters are written {name}, as in route.
func (s *Server) raw(method, path string, rule access, handler fiber.Handler) {
	rule.mustBeSet(method, path)
	s.routes = append(s.routes, Route{method, path, rule.String()})
	s.app.Add(method, fiberPath(path), func(c *fiber.Ctx) error {
		if rule.open {
			return handler(c)
		}
		p, err := s.admit(c, rule)
		if err != nil {
			return err
		}
		c.SetUserContext(withPrincipal(c.UserContext(), p))
		return handler(c)
	})
}
