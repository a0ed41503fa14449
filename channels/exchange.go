package channels

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Exchange is one call to a provider as it may be shown to people who may see
// messages: what was sent and what came back. It holds message content, and no
// secret of the account.
type Exchange struct {
	Method   string            `json:"method"`
	URL      string            `json:"url"`                // without the values of its query
	Request  string            `json:"request,omitempty"`  // the body, cut to MaxExchange bytes
	Status   int               `json:"status,omitempty"`   // 0: there was no answer
	Header   map[string]string `json:"header,omitempty"`   // of the answer, see shownHeaders
	Response string            `json:"response,omitempty"` // the body, cut to MaxExchange bytes
	Error    string            `json:"error,omitempty"`    // why there was no answer, or only a part of one
	TookMs   float64           `json:"tookMs"`
}

// MaxExchange is how much of a body an Exchange keeps, in bytes: sends and their
// answers have a few hundred.
const MaxExchange = 4 << 10

// String keeps content out of logs.
func (x *Exchange) String() string { return "[exchange]" }

// LogValue keeps content out of logs.
func (x *Exchange) LogValue() slog.Value { return slog.StringValue(x.String()) }

// shownHeaders are the headers of an answer that help to explain it: support ids,
// limits and what kind of thing answered.
var shownHeaders = []string{
	"Content-Type", "Date", "Retry-After", "Server", "Via", "Www-Authenticate", "X-Request-Id", "X-Correlation-Id",
	"X-Fb-Trace-Id", "X-Fb-Request-Id", "X-Fb-Debug", "X-Fb-Rev", "X-App-Usage", "X-Business-Use-Case-Usage",
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset",
}

const (
	redacted = "[removed]"
	// minSecret is the length from which a secret is looked for: a shorter one is
	// part of ordinary words.
	minSecret = 4
)

// Redactor removes the secrets of one account from texts.
type Redactor struct{ forms []string } // the longest first: one may begin with another

// NewRedactor returns a Redactor of secrets, in each form in which a provider may
// repeat them.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		if len(s) >= minSecret {
			quoted, _ := json.Marshal(s) // a string cannot fail
			r.forms = append(r.forms, s, string(quoted[1:len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s))
		}
	}
	slices.SortFunc(r.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	r.forms = slices.Compact(r.forms)
	return r
}

// clean returns s without the secrets. It holds none but by a provider's mistake:
// to look for them costs far less than a strings.Replacer does.
func (r *Redactor) clean(s string) string {
	for _, form := range r.forms {
		s = strings.ReplaceAll(s, form, redacted)
	}
	return s
}

// body returns b without secrets and queries, cut to MaxExchange bytes.
func (r *Redactor) body(b []byte) string {
	s := withoutQueries(r.clean(string(b)))
	if len(s) <= MaxExchange {
		return s
	}
	n := MaxExchange
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// withoutQueries removes the queries of the addresses in s: they hold signatures
// that open files.
func withoutQueries(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "://")
		if i < 0 {
			break
		}
		end := i + 3 + addressEnd(s[i+3:])
		if q := strings.IndexByte(s[i:end], '?'); q >= 0 {
			b.WriteString(s[:i+q+1] + redacted)
		} else {
			b.WriteString(s[:end])
		}
		s = s[end:]
	}
	if b.Len() == 0 {
		return s
	}
	return b.String() + s
}

// addressEnd is where an address in JSON or text ends.
func addressEnd(s string) int {
	if i := strings.IndexAny(s, "\"'<> \\\t\r\n"); i >= 0 {
		return i
	}
	return len(s)
}

// address is u without credentials and without the values of its query.
func (r *Redactor) address(u *url.URL) string {
	shown := *u
	shown.User, shown.Fragment, shown.RawQuery = nil, "", ""
	s := r.clean(shown.String())
	if u.RawQuery != "" {
		s += "?" + redacted
	}
	return s
}

// Capture records one call. A nil Capture records nothing, so that calls about
// which nobody will ask cost nothing.
type Capture struct {
	redact *Redactor
	made   *Exchange
	began  time.Time
}

// Capture returns a record that is empty.
func (r *Redactor) Capture() *Capture { return &Capture{redact: r} }

// Request notes what is about to be sent.
func (c *Capture) Request(req *http.Request, body []byte) {
	if c == nil {
		return
	}
	c.began = time.Now()
	c.made = &Exchange{Method: req.Method, URL: c.redact.address(req.URL), Request: c.redact.body(body)}
}

// Response notes the answer. err says why its body is not whole; it may be nil.
func (c *Capture) Response(resp *http.Response, body []byte, err error) {
	if c == nil || c.made == nil {
		return
	}
	c.done(err)
	c.made.Status, c.made.Response = resp.StatusCode, c.redact.body(body)
	for _, name := range shownHeaders {
		if values := resp.Header[name]; len(values) > 0 {
			if c.made.Header == nil {
				c.made.Header = map[string]string{}
			}
			c.made.Header[name] = c.redact.body([]byte(values[0]))
		}
	}
}

// Failed notes that no answer came.
func (c *Capture) Failed(err error) {
	if c != nil && c.made != nil {
		c.done(err)
	}
}

func (c *Capture) done(err error) {
	c.made.TookMs = float64(time.Since(c.began).Microseconds()) / 1000
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the rest repeats the URL
	}
	if err != nil {
		c.made.Error = c.redact.body([]byte(err.Error()))
	}
}

// Attach adds the record to the outcome of a send.
func (c *Capture) Attach(sent *Sent, err error) {
	sent.Exchange = c.made
	if e, ok := errors.AsType[*SendError](err); ok {
		e.Exchange = c.made
	}
}
