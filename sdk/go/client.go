package linktor

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Version of this package.
const Version = "0.1.0"

// Client is the Linktor API. Its methods may be called from many goroutines.
type Client struct {
	Messages      Messages
	DeadLetters   DeadLetters
	Conversations Conversations
	Contacts      Contacts
	Channels      Channels
	Templates     Templates
	Media         MediaFiles
	Journal       Journal
	Events        Events
	Realtime      Realtime
}

// Option changes how a Client works.
type Option func(*transport)

// WithAPIKey sets the key. Defaults to LINKTOR_API_KEY of the environment.
func WithAPIKey(key string) Option { return func(t *transport) { t.apiKey = key } }

// WithBaseURL sets the server. Defaults to LINKTOR_BASE_URL of the environment,
// then http://127.0.0.1:8080.
func WithBaseURL(base string) Option { return func(t *transport) { t.base = base } }

// WithHTTPClient sets the HTTP client, also of the realtime handshake. The
// default one follows no redirects.
func WithHTTPClient(c *http.Client) Option { return func(t *transport) { t.http = c } }

// WithMaxRetries sets how often a call is repeated after its first attempt.
// Defaults to 2.
func WithMaxRetries(n int) Option { return func(t *transport) { t.retries = n } }

// WithTimeout bounds each attempt. Defaults to 30 s.
func WithTimeout(d time.Duration) Option { return func(t *transport) { t.timeout = d } }

// New returns a client. It makes no call.
func New(options ...Option) (*Client, error) {
	t := &transport{
		apiKey:  os.Getenv("LINKTOR_API_KEY"),
		base:    os.Getenv("LINKTOR_BASE_URL"),
		retries: 2,
		timeout: 30 * time.Second,
		jitter:  jitter,
		http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the key goes to the named server only
		}},
	}
	for _, o := range options {
		o(t)
	}
	if t.apiKey == "" {
		return nil, errors.New("linktor: an API key is needed: WithAPIKey or LINKTOR_API_KEY")
	}
	if t.base == "" {
		t.base = "http://127.0.0.1:8080"
	}
	t.base = strings.TrimRight(t.base, "/")
	if u, err := url.Parse(t.base); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("linktor: the base URL begins with http:// or https://")
	}
	return &Client{
		Messages: Messages{t}, DeadLetters: DeadLetters{t}, Conversations: Conversations{t}, Contacts: Contacts{t}, Channels: Channels{t},
		Templates: Templates{t}, Media: MediaFiles{t}, Journal: Journal{t}, Events: Events{t}, Realtime: Realtime{t},
	}, nil
}

// CallOption changes one call.
type CallOption func(*call)

// WithIdempotencyKey names a call so that a repeat, even after a restart of the
// caller, does nothing twice. One is made up if absent.
func WithIdempotencyKey(key string) CallOption {
	return func(c *call) { c.key = key }
}

// WithHeader adds a header to one call.
func WithHeader(name, value string) CallOption {
	return func(c *call) { c.header.Set(name, value) }
}
