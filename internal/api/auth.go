package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/internal/account"
)

// registerAccounts serves logging in, the caller's own account, keys and users.
func (s *Server) registerAccounts() {
	if s.Accounts == nil {
		return
	}
	s.registerAuth()
	s.registerSetupPage()
	s.registerMe()
	s.registerKeys()
	s.registerUsers()
}

// registerAuth serves what opens and ends a session. These routes are public: a
// password, a link or the cookie is their proof. All of them set or use a cookie,
// so all are closed to other sites.
func (s *Server) registerAuth() {
	guard := huma.Middlewares{s.sameSite}
	op := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: "/api/v1/auth/" + path, Summary: summary,
			Tags: []string{"Sessions"}, Middlewares: guard}
	}
	route(s, op("login", "login", "Log in with an e-mail address and a password"), public(), s.login)
	route(s, op("setup", "setup", "Choose a password with a one-time setup link"), public(), s.setup)
	route(s, op("refresh", "refresh", "Exchange the refresh cookie for a new session token"), public(), s.refresh)
	logout := op("logout", "logout", "End the session of the refresh cookie")
	logout.DefaultStatus = http.StatusNoContent
	route(s, logout, public(), s.logout)
}

type loginInput struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		Email    string `json:"email" maxLength:"254" doc:"The user's e-mail address." example:"olga@example.com"`
		Password string `json:"password" maxLength:"256" doc:"The user's password."`
		TenantID string `json:"tenantId,omitempty" maxLength:"100" doc:"Which organisation, after 409 tenant_required: the address and the password fit several."`
	}
}

// sessionOutput opens a session: the token in the body, the refresh token in a
// cookie that scripts cannot read.
type sessionOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Session
}

// Session is an opened session.
type Session struct {
	AccessToken string `json:"accessToken" doc:"Send as Authorization: Bearer."`
	TokenType   string `json:"tokenType" enum:"Bearer"`
	ExpiresIn   int    `json:"expiresIn" doc:"Seconds until the token ends. Refresh before."`
	ExpiresAt   string `json:"expiresAt" format:"date-time"`
	User        User   `json:"user"`
}

// login serves POST /api/v1/auth/login.
func (s *Server) login(ctx context.Context, in *loginInput) (*sessionOutput, error) {
	t, err := s.Accounts.Login(ctx, account.Attempt{Email: in.Body.Email, Password: in.Body.Password, TenantID: in.Body.TenantID, IP: remoteOf(ctx), UserAgent: in.UserAgent})
	if err != nil {
		return nil, err
	}
	return s.session(ctx, t), nil
}

type setupInput struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		Token    string `json:"token" maxLength:"100" doc:"From the setup link. It serves once."`
		Email    string `json:"email,omitempty" maxLength:"254" doc:"Required on the first start, where the owner has none yet."`
		Name     string `json:"name,omitempty" maxLength:"400" doc:"At most 100 characters; absent keeps the present one."`
		Password string `json:"password" maxLength:"256" doc:"At least 12 characters."`
	}
}

// setup serves POST /api/v1/auth/setup. The user is logged in afterwards.
func (s *Server) setup(ctx context.Context, in *setupInput) (*sessionOutput, error) {
	t, err := s.Accounts.CompleteSetup(ctx, account.Setup{Token: in.Body.Token, Email: in.Body.Email, Name: in.Body.Name,
		Password: in.Body.Password, UserAgent: in.UserAgent})
	if err != nil {
		return nil, err
	}
	return s.session(ctx, t), nil
}

type cookieInput struct {
	Refresh string `cookie:"linktor_refresh" doc:"Set by login, setup and refresh."`
}

// refresh serves POST /api/v1/auth/refresh. 409 refresh_superseded means that
// another tab was faster: try again after a second, with the cookie it got.
func (s *Server) refresh(ctx context.Context, in *cookieInput) (*sessionOutput, error) {
	t, err := s.Accounts.Refresh(ctx, in.Refresh)
	if err != nil {
		return nil, err
	}
	return s.session(ctx, t), nil
}

type logoutOutput struct {
	SetCookie string `header:"Set-Cookie"`
}

// logout serves POST /api/v1/auth/logout.
func (s *Server) logout(ctx context.Context, in *cookieInput) (*logoutOutput, error) {
	if err := s.Accounts.Logout(ctx, in.Refresh); err != nil {
		return nil, err
	}
	return &logoutOutput{SetCookie: s.refreshCookie(ctx, "", time.Time{})}, nil
}

func (s *Server) session(ctx context.Context, t account.Tokens) *sessionOutput {
	return &sessionOutput{
		SetCookie: s.refreshCookie(ctx, t.Refresh, t.RefreshExpires),
		Body: Session{AccessToken: t.Access, TokenType: "Bearer", ExpiresAt: rfc3339(t.AccessExpires),
			ExpiresIn: int(t.AccessExpires.Sub(s.Now()).Round(time.Second).Seconds()), User: renderUser(t.User)},
	}
}
