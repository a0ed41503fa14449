package linktor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	maxAnswer     = 64 << 20 // bytes; no answer of the API comes near
	maxRetryAfter = time.Minute
	firstDelay    = 500 * time.Millisecond
	maxDelay      = 8 * time.Second
)

// transport sends calls: authentication, timeout, retries, errors.
type transport struct {
	apiKey, base string
	http         *http.Client
	retries      int
	timeout      time.Duration
	jitter       func(attempt int, first, most time.Duration) time.Duration
}

// call is one logical call, whatever the number of attempts.
type call struct {
	method, path string
	query        url.Values
	body         []byte
	contentType  string
	key          string
	header       http.Header
}

// do performs a call with in as its JSON body (nil for none) and reads the
// answer into out (nil to ignore it).
func (t *transport) do(ctx context.Context, method, path string, query url.Values, in, out any, options []CallOption) error {
	c := &call{method: method, path: path, query: query, header: http.Header{}}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		c.body, c.contentType = body, "application/json"
	}
	return t.send(ctx, c, out, options)
}

func (t *transport) send(ctx context.Context, c *call, out any, options []CallOption) error {
	if c.method == http.MethodPost {
		c.key = rand.Text()
	}
	for _, o := range options {
		o(c)
	}
	for attempt := 0; ; attempt++ {
		err := t.attempt(ctx, c, out)
		delay, again := t.retryDelay(err, attempt)
		if err == nil || !again || attempt >= t.retries || ctx.Err() != nil {
			return err
		}
		if err := wait(ctx, delay); err != nil {
			return err
		}
	}
}

func (t *transport) attempt(ctx context.Context, c *call, out any) error {
	bounded, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	target := t.base + c.path
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(bounded, c.method, target, bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	t.fill(req.Header)
	for name, values := range c.header {
		req.Header[name] = values
	}
	if c.contentType != "" {
		req.Header.Set("Content-Type", c.contentType)
	}
	if c.key != "" {
		req.Header.Set("Idempotency-Key", c.key)
	}
	lost := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &ConnectionError{c.method, c.path, err}
	}
	res, err := t.http.Do(req)
	if err != nil {
		return lost(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return lost(err)
	}
	if res.StatusCode >= 300 {
		return apiError(res.StatusCode, res.Header, body)
	}
	if out == nil || len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return lost(err)
	}
	return nil
}

// fill sets what every request carries.
func (t *transport) fill(h http.Header) {
	h.Set("Authorization", "Bearer "+t.apiKey)
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "linktor-go/"+Version)
}

// retryDelay says how long to wait before the next attempt, if one is of use. A
// very long Retry-After is the caller's decision, not a reason to hang.
func (t *transport) retryDelay(err error, attempt int) (time.Duration, bool) {
	backoff := t.jitter(attempt, firstDelay, maxDelay)
	if errors.Is(err, ErrConnection) {
		return backoff, true
	}
	var e *APIError
	if !errors.As(err, &e) {
		return 0, false
	}
	again := e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests ||
		e.Status >= 500 || e.Code == "idempotency_in_progress"
	if e.RetryAfter > 0 {
		return e.RetryAfter, again && e.RetryAfter <= maxRetryAfter
	}
	return backoff, again
}

// jitter is anything up to the doubled delay, so that clients which lost the
// same server do not come back together.
func jitter(attempt int, first, most time.Duration) time.Duration {
	return mathrand.N(min(most, first<<min(attempt, 16))) + 1
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
