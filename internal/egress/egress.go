package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// ErrRefused means that we do not connect to this address.
var ErrRefused = errors.New("egress: connecting to this address is not allowed")

// Options of a Client. The zero value reaches the public internet only.
type Options struct {
	AllowLoopback bool             // this host on any port: for tests
	AllowAddrs    []netip.AddrPort // exactly these, such as the simulator's listener
	AllowPrivate  []netip.Prefix   // networks of the operator's own that may be reached, on any port

	Timeout        time.Duration // of a whole call including its body; 0 means 30 s, negative means none
	HeaderTimeout  time.Duration // from the request written to the response's header; 0 means 20 s
	MaxIdlePerHost int           // connections kept for reuse; 0 means 256

	Resolver *net.Resolver // nil means the system's
}

// azureWire is Azure's platform address: public by its number, and answering
// every virtual machine there with its credentials.
// Source: Microsoft, "What is IP address 168.63.129.16?"
var azureWire = netip.MustParsePrefix("168.63.129.16/32")

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Client returns a client for many goroutines. Make one for each purpose and keep
// it: it owns the connections.
func Client(o Options) *http.Client {
	g := newGuard(o)
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second, Resolver: o.Resolver, Control: g.control}
	idle := cmp.Or(o.MaxIdlePerHost, 256)
	return &http.Client{
		Transport: &transport{&http.Transport{
			Proxy:                 nil,
			DialContext:           dial(dialer),
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: cmp.Or(o.HeaderTimeout, 20*time.Second),
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConns:          4 * idle,
			MaxIdleConnsPerHost:   idle,
			// A custom dialer would switch HTTP/2 off. The pings find a dead
			// connection before all its streams have timed out.
			ForceAttemptHTTP2: true,
			HTTP2:             &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
			// Headers of a provider are a few hundred bytes.
			MaxResponseHeaderBytes: 64 << 10,
		}},
		Timeout:       max(cmp.Or(o.Timeout, 30*time.Second), 0),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dial gives every refusal the same text: the dialer's own would name the address
// that a name resolved to.
func dial(d *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, addr)
		if errors.Is(err, ErrRefused) {
			return nil, ErrRefused
		}
		return conn, err
	}
}

// transport refuses URLs that no address check can judge.
type transport struct{ *http.Transport }

// RoundTrip sends r if its URL is plain http or https without a user in it: net/http
// would turn that user into credentials.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if (r.URL.Scheme != "http" && r.URL.Scheme != "https") || r.URL.User != nil || r.URL.Hostname() == "" {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper closes it on errors too
		}
		return nil, ErrRefused
	}
	return t.Transport.RoundTrip(r)
}

// guard decides by address and port.
type guard struct {
	exact  []netip.AddrPort
	own    []netip.Prefix // allowed on any port
	public *ssrf.Guardian
}

func newGuard(o Options) *guard {
	g := &guard{exact: slices.Clone(o.AllowAddrs), own: slices.Clone(o.AllowPrivate), public: ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(azureWire))}
	if o.AllowLoopback {
		g.own = append(g.own, loopback...)
	}
	return g
}

// control is called with the resolved address, before the socket connects.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") {
		return ErrRefused
	}
	return g.check(ap.Addr(), ap.Port())
}

func (g *guard) check(addr netip.Addr, port uint16) error {
	addr = addr.Unmap() // ::ffff:10.0.0.1 connects to 10.0.0.1
	if slices.Contains(g.exact, netip.AddrPortFrom(addr, port)) {
		return nil
	}
	for _, p := range g.own {
		if p.Contains(addr.WithZone("")) {
			return nil
		}
	}
	// Below 1024 live mail, databases and shells that would read an HTTP request
	// as commands.
	if port != 80 && port != 443 && port < 1024 {
		return ErrRefused
	}
	if addr.Zone() != "" || g.public.SafeAddr(addr) != nil {
		return ErrRefused
	}
	return nil
}

// Cause is err without the URL that net/http wraps around it. A URL can hold a
// token in its query, so log and show Cause(err), never err.
func Cause(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
