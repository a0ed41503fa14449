package world

import (
	"context"
	"net/url"
	"strings"
	"sync"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Proxy stands between the servers and one of their services.
type Proxy struct {
	URL string // of the service, through the proxy

	mu    sync.Mutex
	proxy *toxiproxy.Proxy
}

// startProxy puts a proxy before the service at rawURL.
func startProxy(rawURL string) (*Proxy, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Proxy{proxy: toxiproxy.NewProxy(server, u.Scheme, "127.0.0.1:0", u.Host)}
	if err := p.proxy.Start(); err != nil {
		return nil, err
	}
	u.Host = p.proxy.Listen
	p.URL = u.String()
	return p, nil
}

// Cut closes every connection and refuses new ones, until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proxy.Stop()
}

// Mend ends what Cut began.
func (p *Proxy) Mend() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proxy.Start()
}

// Freeze lets connections stand, and nothing through, until Clear: a network that
// drops packets rather than refusing them.
func (p *Proxy) Freeze() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	const silence = `{"type": "timeout", "stream": "downstream", "toxicity": 1, "attributes": {"timeout": 0}}` // 0: without an end
	_, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(silence))
	return err
}

// Clear ends what Freeze began.
func (p *Proxy) Clear(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proxy.Toxics.ResetToxics(ctx)
}

// Close ends the proxy.
func (p *Proxy) Close() { p.Cut() }
