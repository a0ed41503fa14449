package api

import (
	"context"
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
)

// access says who may call a route. Its zero value admits nobody and cannot be
// registered: use public, signedIn or need.
type access struct {
	open  bool                 // no credential needed
	any   bool                 // any valid credential
	needs []account.Permission // one of these
}

// public is for routes that carry their own proof (signatures, tokens) or none.
func public() access { return access{open: true} }

// signedIn is for routes about the caller's own account.
func signedIn() access { return access{any: true} }

// need asks for one of the permissions.
func need(one account.Permission, or ...account.Permission) access {
	return access{needs: append([]account.Permission{one}, or...)}
}

func (a access) String() string {
	switch {
	case a.open:
		return "public"
	case a.any:
		return "signed in"
	}
	words := make([]string, len(a.needs))
	for i, p := range a.needs {
		words[i] = string(p)
	}
	return strings.Join(words, "|")
}

func (a access) mustBeSet(method, path string) {
	if !a.open && !a.any && len(a.needs) == 0 {
		panic("api: " + method + " " + path + " says not who may call it")
	}
}

func (a access) admits(p *account.Principal) bool {
	for _, want := range a.needs {
		if p.Can(want) {
			return true
		}
	}
	return a.open || a.any
}

type principalKey struct{}

func withPrincipal(ctx context.Context, p *account.Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// principal returns the caller. It panics on a public route, which has none.
func principal(ctx context.Context) *account.Principal {
	return ctx.Value(principalKey{}).(*account.Principal)
}

// allowed checks a permission that depends on the request's content.
func allowed(p *account.Principal, want account.Permission) error {
	if p.Can(want) {
		return nil
	}
	return forbidden(string(want))
}

// allowedChannel checks a key's channel scope. Outside it a channel does not exist.
func allowedChannel(p *account.Principal, channelID string) error {
	if p.CanChannel(channelID) {
		return nil
	}
	return fault.Missing("channel")
}

func forbidden(permission string) error {
	return fault.New(fault.Forbidden, "permission_missing", "This needs the permission %s.", permission)
}

// admit authenticates c's caller, counts the request against the limits and
// checks the rule.
func (s *Server) admit(c *fiber.Ctx, rule access) (*account.Principal, error) {
	cred, err := credential(c)
	if err != nil {
		return nil, err
	}
	p, err := s.Auth.Authenticate(c.UserContext(), cred)
	if err != nil {
		return nil, err
	}
	c.Locals(localTenant, p.TenantID)
	c.Locals(localCaller, p.KeyID+p.UserID)
	if err := s.limit(c, p); err != nil {
		return nil, err
	}
	if !rule.admits(p) {
		return nil, forbidden(rule.String())
	}
	return p, nil
}

var errNoCredential = errors.New("no credential")

// credential reads X-API-Key or Authorization: Bearer. Credentials in URLs are
// not accepted: URLs are logged everywhere.
func credential(c *fiber.Ctx) (string, error) {
	if key := strings.TrimSpace(c.Get("X-API-Key")); key != "" {
		return key, nil
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(c.Get(fiber.HeaderAuthorization)), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" {
		return token, nil
	}
	return "", &fault.Error{Kind: fault.Unauthorized, Code: "credential_missing", Err: errNoCredential,
		Message: "Send an API key as X-API-Key, or a key or session token as Authorization: Bearer."}
}

// authenticated is admit as a middleware of an operation.
func (s *Server) authenticated(rule access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if rule.open {
			next(ctx)
			return
		}
		p, err := s.admit(humafiber.Unwrap(ctx), rule)
		if err != nil {
			s.writeProblem(ctx, err)
			return
		}
		next(huma.WithValue(ctx, principalKey{}, p))
	}
}
