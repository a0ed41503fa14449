package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/account"
)

// serverFlags say which running server a command talks to.
type serverFlags struct {
	URL    string `help:"Address of the server. The one that the settings describe, if not given." env:"LINKTOR_BASE_URL" placeholder:"URL"`
	APIKey string `help:"API key. Without one, the command makes itself one in the database and deletes it at its end." env:"LINKTOR_API_KEY" placeholder:"lk_…"`
}

// client calls a running server.
type client struct {
	base, key string
	http      *http.Client
}

// withServer calls fn with a client of the server.
func (f *serverFlags) withServer(e *env, fn func(*client) error) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	c := &client{base: strings.TrimRight(f.URL, "/"), key: f.APIKey, http: &http.Client{}}
	if c.base == "" {
		c.base = "http://" + cfg.LocalAddress()
	}
	if c.key != "" {
		return fn(c)
	}
	return withAccounts(e, func(s *account.Store, tenantID string) error {
		k, secret, err := s.CreateKey(e.ctx, account.Operator(tenantID), account.KeyDraft{
			Name: "linktor command line", Permissions: account.AllPermissions(), Development: true,
			ExpiresAt: time.Now().Add(24 * time.Hour), // in case the command is killed
		})
		if err != nil {
			return err
		}
		c.key = secret
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), 5*time.Second)
		defer cancel()
		return errors.Join(fn(c), s.DeleteKey(ctx, tenantID, k.ID))
	})
}

// do sends a request and decodes the answer into out, unless out is nil.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	res, err := c.open(ctx, method, path, in, "application/json")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: the answer is not JSON: %w", method, path, err)
	}
	return nil
}

// open sends a request. The caller closes the body of the answer, which is a 2xx.
func (c *client) open(ctx context.Context, method, path string, in any, accept string) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Authorization", "Bearer "+c.key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s: start one with linktor serve, or name another with --url (%w)", c.base, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, problem(res)
}

// refusal is the server's answer to a request that it does not carry out.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// problem reads the server's explanation. Answers of 5xx are no refusals: the
// same request can succeed later.
func problem(res *http.Response) error {
	var p struct {
		Title, Detail string
		Error         string
		Errors        []struct{ Pointer, Message string }
	}
	text := "the server answered " + res.Status
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err == nil && json.Unmarshal(data, &p) == nil {
		text = cmp.Or(p.Detail, p.Title, p.Error, text)
	}
	for _, e := range p.Errors {
		text += "\n  " + e.Pointer + ": " + e.Message
	}
	if res.StatusCode >= 500 {
		return errors.New(text)
	}
	return &refusal{text}
}

// jsonValue is text as JSON if it is JSON, and as a string otherwise.
func jsonValue(text string) any {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}
