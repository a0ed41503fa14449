package egress_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/egress"
	"golang.org/x/net/dns/dnsmessage"
)

// forbidden are hosts that lead into some private place. Sources: the IANA
// special-purpose registries of IPv4 and IPv6 (RFC 6890), and the documents of
// the cloud providers about their metadata services.
var forbidden = []string{
	// loopback and this host, in every spelling
	"127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "0.0.0.0", "0.1.2.3", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
	"localhost", "LOCALHOST", "localhost.", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]",
	"127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "0",
	// private networks
	"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.255", "100.64.0.1", "100.127.255.254",
	"[fc00::1]", "[fd12:3456:789a::1]", "[fec0::1]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::1%25eth0]",
	"[::ffff:10.0.0.1]", "[::ffff:192.168.1.1]", "[::10.0.0.1]",
	// metadata services
	"169.254.169.254", "169.254.170.2", "169.254.0.1", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fd20:ce::254]",
	"100.100.100.200", "192.0.0.192", "168.63.129.16", "[::ffff:168.63.129.16]", "[::ffff:a83f:8110]",
	// IPv4 inside IPv6: NAT64 (both prefixes), 6to4, Teredo, ISATAP
	"[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::10.0.0.1]", "[2002:7f00:1::1]", "[2002:a9fe:a9fe::]", "[2002:c0a8:101::1]",
	"[2001:0:7f00:1::]", "[2001::1]", "[fe80::5efe:127.0.0.1]",
	// documentation, benchmarks, multicast, reserved
	"192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "198.19.255.255", "224.0.0.1", "239.255.255.250", "240.0.0.1",
	"255.255.255.255", "192.0.0.1", "192.88.99.1", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[ff02::1]", "[ff0e::1]", "[5f00::1]",
	// names that resolve inside
	"a.internal.test", "mixed.internal.test", "alias.internal.test", "six.internal.test", "metadata.google.internal",
}

// Ensure no forbidden host is ever connected to, whatever it is called.
func TestClientRefuses(t *testing.T) {
	if len(forbidden) < 60 {
		t.Fatalf("only %d hosts", len(forbidden))
	}
	var hits atomic.Int64
	port := trap(t, &hits)
	client := egress.Client(egress.Options{Timeout: 5 * time.Second, Resolver: resolver(t)})
	for _, host := range forbidden {
		for _, scheme := range []string{"http", "https"} {
			res, err := client.Get(scheme + "://" + host + ":" + port + "/")
			if err == nil {
				res.Body.Close()
				t.Errorf("%s: connected", host)
				continue
			}
			// A spelling that only a C library takes for an address is an unknown name.
			if _, unknown := errors.AsType[*net.DNSError](err); !errors.Is(err, egress.ErrRefused) && !unknown {
				t.Errorf("%s: %v; want ErrRefused", host, err)
			}
			if strings.Contains(egress.Cause(err).Error(), "10.9.8.7") {
				t.Errorf("%s: the error tells the address: %v", host, err)
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
}

// Ensure URLs that hide credentials, another scheme or a service port are refused.
func TestClientRefusesURL(t *testing.T) {
	var hits atomic.Int64
	port := trap(t, &hits)
	client := egress.Client(egress.Options{Timeout: 5 * time.Second, AllowLoopback: true})
	for _, u := range []string{"http://user:pass@127.0.0.1:" + port, "http://example.com@127.0.0.1:" + port, "ftp://127.0.0.1:" + port,
		"file:///etc/passwd", "gopher://127.0.0.1:" + port, "unix:///var/run/docker.sock"} {
		if res, err := client.Get(u); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: %v, %v; want ErrRefused", u, res, err)
		}
	}
	open := egress.Client(egress.Options{Timeout: 5 * time.Second})
	for _, p := range []string{"22", "25", "53", "110", "143", "445", "587", "993"} {
		if _, err := open.Get("http://8.8.8.8:" + p); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("port %s: %v; want ErrRefused", p, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
}

// Ensure a redirect is an answer, not an order.
func TestClientDoesNotRedirect(t *testing.T) {
	var hits atomic.Int64
	port := trap(t, &hits)
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:"+port+"/", status)
		}))
		res, err := egress.Client(egress.Options{AllowLoopback: true}).Get(srv.URL)
		if err != nil || res.StatusCode != status {
			t.Errorf("%d: %v, %v", status, res, err)
		}
		res.Body.Close()
		srv.Close()
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestClientAllows(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	defer srv.Close()
	here := netip.MustParseAddrPort(srv.Listener.Addr().String())
	for name, c := range map[string]struct {
		o  egress.Options
		ok bool
	}{
		"its address":    {egress.Options{AllowAddrs: []netip.AddrPort{here}}, true},
		"another port":   {egress.Options{AllowAddrs: []netip.AddrPort{netip.AddrPortFrom(here.Addr(), here.Port()-1)}}, false},
		"nothing":        {egress.Options{}, false},
		"loopback":       {egress.Options{AllowLoopback: true}, true},
		"its network":    {egress.Options{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, true},
		"other networks": {egress.Options{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::/0")}}, false},
	} {
		res, err := egress.Client(c.o).Get(srv.URL)
		if err == nil {
			res.Body.Close()
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: %v; want success %v", name, err, c.ok)
		}
	}
}

func TestClientIgnoresProxy(t *testing.T) {
	var hits atomic.Int64
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:"+trap(t, &hits))
	t.Setenv("http_proxy", "http://127.0.0.1:"+trap(t, &hits))
	if _, err := egress.Client(egress.Options{}).Get("http://10.0.0.1:8080/"); !errors.Is(err, egress.ErrRefused) {
		t.Errorf("got %v; want ErrRefused", err)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests to the proxy", n)
	}
}

// trap listens on one port of every address of this host and counts connections.
func trap(t *testing.T, hits *atomic.Int64) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			hits.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// resolver asks a name server of the test's own.
func resolver(t *testing.T) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := answer(buf[:n]); reply != nil {
				_, _ = pc.WriteTo(reply, from) // a lost answer fails the test by its error
			}
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	add := func(b dnsmessage.ResourceBody, name dnsmessage.Name) {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Class: q.Class}, Body: b})
	}
	a := func(ip ...byte) *dnsmessage.AResource { return &dnsmessage.AResource{A: [4]byte(ip)} }
	host := strings.ToLower(q.Name.String())
	switch {
	case q.Type == dnsmessage.TypeA && host == "a.internal.test.":
		add(a(10, 9, 8, 7), q.Name)
	case q.Type == dnsmessage.TypeA && host == "mixed.internal.test.":
		add(a(10, 9, 8, 7), q.Name)
		add(a(127, 0, 0, 1), q.Name)
	case q.Type == dnsmessage.TypeA && host == "alias.internal.test.":
		target := dnsmessage.MustNewName("a.internal.test.")
		add(&dnsmessage.CNAMEResource{CNAME: target}, q.Name)
		add(a(10, 9, 8, 7), target)
	case q.Type == dnsmessage.TypeAAAA && (host == "six.internal.test." || host == "mixed.internal.test."):
		add(&dnsmessage.AAAAResource{AAAA: [16]byte{15: 1}}, q.Name)
	case q.Type == dnsmessage.TypeA && host == "metadata.google.internal.":
		add(a(169, 254, 169, 254), q.Name)
	case !strings.HasSuffix(host, ".internal.test.") && !strings.HasSuffix(host, ".internal."):
		m.RCode = dnsmessage.RCodeNameError
	}
	reply, err := m.Pack()
	if err != nil {
		return nil
	}
	return reply
}
