package rig

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Accepted is a message that the fake provider took.
type Accepted struct {
	NumberID, ProviderID, Reference, To, Text string

	At time.Time // when the request arrived
}

// Provider is a fake Graph API that takes every message and keeps count by the
// reference that comes back in status webhooks.
type Provider struct {
	URL string

	latency  func() time.Duration
	onAccept func(Accepted)
	server   *fasthttp.Server
	ln       net.Listener

	mu     sync.Mutex
	counts map[string]int // by reference
	total  int
}

// StartProvider serves on a loopback address. latency, which may be nil, is how
// long the answer takes after the message was taken; onAccept, which may be nil,
// is called before it.
func StartProvider(latency func() time.Duration, onAccept func(Accepted)) (*Provider, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it returns at once
	if err != nil {
		return nil, err
	}
	p := &Provider{URL: "http://" + ln.Addr().String(), latency: latency, onAccept: onAccept, ln: ln, counts: map[string]int{}}
	p.server = &fasthttp.Server{Handler: p.serve, NoDefaultServerHeader: true}
	go func() {
		_ = p.server.Serve(ln) // ends with Stop
	}()
	return p, nil
}

// Stop ends the provider; calls under way are cut off.
func (p *Provider) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.server.ShutdownWithContext(ctx) // a connection that stays open harms nobody
}

type sendCall struct {
	To       string `json:"to"`
	Status   string `json:"status"` // a read receipt, not a message
	Callback string `json:"biz_opaque_callback_data"`
	Text     struct {
		Body string `json:"body"`
	} `json:"text"`
}

// serve answers POST /{version}/{number}/messages.
func (p *Provider) serve(c *fasthttp.RequestCtx) {
	at := time.Now()
	var call sendCall
	if err := json.Unmarshal(c.PostBody(), &call); err != nil {
		c.Error(`{"error":{"code":100,"message":"bad body"}}`, fasthttp.StatusBadRequest)
		return
	}
	c.SetContentType("application/json")
	if call.Status != "" {
		c.SetBodyString(`{"success":true}`)
		return
	}
	path := strings.Split(strings.Trim(string(c.Path()), "/"), "/")
	a := Accepted{ProviderID: "wamid.OUT" + rand.Text(), Reference: call.Callback, To: call.To, Text: call.Text.Body, At: at}
	if len(path) >= 2 {
		a.NumberID = path[len(path)-2]
	}
	p.mu.Lock()
	reference, _, _ := strings.Cut(call.Callback, ".") // an attempt may follow
	p.counts[reference]++
	p.total++
	p.mu.Unlock()
	if p.onAccept != nil {
		p.onAccept(a)
	}
	if p.latency != nil {
		if d := p.latency(); d > 0 {
			Pause(context.Background(), d)
		}
	}
	fmt.Fprintf(c, `{"messaging_product":"whatsapp","contacts":[{"input":%q,"wa_id":%q}],"messages":[{"id":%q}]}`, call.To, strings.TrimPrefix(call.To, "+"), a.ProviderID)
}

// Total is how many messages were taken.
func (p *Provider) Total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Count is how many times the message with that reference was taken.
func (p *Provider) Count(reference string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[reference]
}

// Repeated lists the references of messages taken more than once.
func (p *Provider) Repeated() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for ref, n := range p.counts {
		if n > 1 {
			list = append(list, ref)
		}
	}
	return list
}
