package link

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/channels"
)

// maxAnswer bounds what we read of an answer, in bytes. A MessageResponse has a
// few hundred; a template a few thousand.
const maxAnswer = 64 << 10

// call is one request to LINK.
type call struct {
	method      string
	url         string
	body        io.Reader
	contentType string            // "" = application/json
	record      *channels.Capture // of content; nil: nobody will ask
	content     []byte            // of body, for the record
}

// answer is what LINK replied.
type answer struct {
	status     int
	body       []byte
	retryAfter time.Duration
}

// call makes a request with the account's credentials. The error is a *SendError
// that says whether LINK can have seen the request; it never holds the URL, the
// credentials or the body.
func (a *account) call(ctx context.Context, c call) (answer, error) {
	if a.http == nil {
		return answer{}, unsent(errors.New("link: account was opened without an HTTP client"))
	}
	var wrote atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport asks again only if it knows that nothing was processed.
		GetConn:      func(string) { wrote.Store(false) },
		WroteHeaders: func() { wrote.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, c.body)
	if err != nil {
		return answer{}, unsent(errors.New("link: the base URL is not usable"))
	}
	a.setHeaders(req, c)
	c.record.Request(req, c.content)
	resp, err := a.http.Do(req)
	if err != nil {
		c.record.Failed(err)
		if wrote.Load() {
			return answer{}, uncertain(withoutURL(err))
		}
		return answer{}, unsent(withoutURL(err))
	}
	defer resp.Body.Close()
	out := answer{status: resp.StatusCode, retryAfter: retryAfter(resp.Header, time.Now())}
	out.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	c.record.Response(resp, out.body, err)
	if err != nil && resp.StatusCode < 300 {
		return answer{}, uncertain(withoutURL(err)) // accepted, but the id is lost
	}
	return out, nil
}

func (a *account) setHeaders(req *http.Request, c call) {
	for name, value := range a.settings.ExtraHeaders {
		req.Header.Set(name, value)
	}
	if a.settings.APIKey != "" {
		req.Header.Set("x-api-key", a.settings.APIKey)
	}
	if c.body != nil {
		req.Header.Set("Content-Type", firstNonEmpty(c.contentType, "application/json; charset=utf-8"))
	}
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(a.settings.Username, a.settings.Password)
}

// withoutURL removes the URL that net/http puts into its errors: it holds the
// sender's number or a signature.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

func unsent(err error) *channels.SendError {
	return &channels.SendError{
		Class: channels.ClassNotSent, Code: "not_sent", Title: "LINK could not be reached",
		Action: "Nothing left this server; a message is sent again by itself. If it lasts, check the base URL.", Err: err,
	}
}

func uncertain(err error) *channels.SendError {
	return &channels.SendError{
		Class: channels.ClassUncertain, Code: "no_answer", Title: "The connection to LINK broke before its answer",
		Action: "Wait for a status report; it carries our reference.", Err: err,
	}
}

// refusal explains an answer that is no acceptance: by the result code if there
// is one, else by the HTTP status. Source: "HTTP status codes and response body".
func refusal(a answer) *channels.SendError {
	var m messageResponse
	e := &channels.SendError{HTTPStatus: a.status, RetryAfter: a.retryAfter}
	if json.Unmarshal(a.body, &m) == nil && m.ResultCode != "" {
		r := explain(string(m.ResultCode), string(m.Description), string(m.TranslatedDescription))
		e.Class, e.Scope, e.Code, e.Title, e.Action, e.NeedsTemplate = r.Class, r.Scope, r.Code, r.Title, r.Action, r.NeedsTemplate
		e.Detail = cut(firstNonEmpty(string(m.TranslatedDescription), string(m.Description)))
		if a.status == http.StatusTooManyRequests {
			e.Class, e.Scope = channels.ClassThrottled, channels.ScopeChannel
		}
		return e
	}
	e.Code = "http_" + strconv.Itoa(a.status)
	e.Class, e.Title, e.Action = statusMeaning(a.status, a.retryAfter > 0)
	if e.Class == channels.ClassThrottled {
		e.Scope = channels.ScopeChannel
	}
	return e
}

// statusMeaning classifies an HTTP status that came without a result code. LINK
// documents 200, 400, 401, 403 and 500; the others come from what lies before it.
func statusMeaning(status int, later bool) (class channels.Class, title, action string) {
	const retried = "Nothing to do; it is tried again."
	switch {
	case status == http.StatusUnauthorized:
		return channels.ClassChannel, codes.link["112400"].Title, codes.link["112400"].Action
	case status == http.StatusForbidden:
		return channels.ClassChannel, codes.link["112401"].Title, codes.link["112401"].Action
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status >= 300 && status < 400:
		return channels.ClassChannel, "The base URL is not LINK's message API", "Check the base URL in the channel's settings."
	case status == http.StatusTooManyRequests:
		return channels.ClassThrottled, "Too many requests to LINK", retried
	case status == http.StatusServiceUnavailable && later, status == http.StatusRequestTimeout: // nothing was processed
		return channels.ClassTransient, "LINK is unavailable", retried
	case status >= 500:
		return channels.ClassUncertain, "LINK failed without saying whether it took the message",
			"Wait for a status report; it carries our reference."
	}
	return channels.ClassRejected, "LINK refused the request", "Compare the message with LINK's document."
}

// retryAfter reads Retry-After: seconds or a date. Source: RFC 9110, 10.2.3.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(0, min(seconds, 86400))) * time.Second // at most a day: a larger wait is a mistake
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, min(at.Sub(now), 24*time.Hour))
	}
	return 0
}
