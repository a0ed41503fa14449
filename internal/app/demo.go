package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/seal"
	"github.com/linktor/linktor/internal/simulator"
	"github.com/linktor/linktor/internal/templates"
)

// demo runs the simulated providers on a loopback address of their own, with one
// channel of each kind. The channels are ordinary: the real adapters call them
// over HTTP, and they call our webhooks.
type demo struct {
	sim       *simulator.Simulator
	registry  *registry.Registry
	templates *templates.Store
	box       *seal.Box
	tenantID  string
	baseURL   string // of this server
	log       *slog.Logger

	listener net.Listener
	server   *http.Server
	WhatsApp *registry.Open
	Link     *registry.Open
}

// What identifies the demo channels. The numbers are from ranges that are not in
// use: 555 in North America, and Ofcom-like drama numbers in Sweden (PTS).
const (
	demoPhoneNumberID = "100000000000101"
	demoWABA          = "100000000000102"
	demoPhone         = "15550100100"
	demoSource        = "+46701740600"
	demoPlatformID    = "COMMON_API"
	demoPartnerID     = "10001"
	demoUser          = "linktor-demo"
	demoGate          = "demoGate"
)

// newDemo listens, so that the address is known before anything else starts.
func newDemo(ctx context.Context, box *seal.Box, baseURL string, log *slog.Logger) (*demo, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	d := &demo{box: box, baseURL: baseURL, log: log, listener: ln}
	d.sim = simulator.New(simulator.Options{Logger: log, BaseURL: d.address()})
	d.server = &http.Server{Handler: d.sim.Handler(), ReadHeaderTimeout: 10 * time.Second}
	return d, nil
}

func (d *demo) address() string { return "http://" + d.listener.Addr().String() }

// addrPort is the one address of this machine that channels may call.
func (d *demo) addrPort() netip.AddrPort { return d.listener.Addr().(*net.TCPAddr).AddrPort() }

// secret derives a secret of the simulated provider, the same at every start.
func (d *demo) secret(name string) string {
	return hex.EncodeToString(d.box.Sub("simulator " + name))[:32]
}

// Start serves the providers and makes sure that the demo channels exist and
// point at them: the port is another one at every start.
func (d *demo) Start() error {
	go func() {
		if err := d.server.Serve(d.listener); err != nil && err != http.ErrServerClosed {
			d.log.Error("simulator", "err", err)
		}
	}()
	d.sim.Start()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var err error
	if d.WhatsApp, err = d.ensure(ctx, "whatsapp", "WhatsApp (simulated)", d.whatsAppSettings()); err != nil {
		return err
	}
	if d.Link, err = d.ensure(ctx, "link", "LINK Mobility (simulated)", d.linkSettings()); err != nil {
		return err
	}
	d.sim.AddWhatsApp(simulator.WhatsAppNumber{
		PhoneNumberID: demoPhoneNumberID, WABAID: demoWABA, DisplayPhone: demoPhone, Name: "Linktor Demo",
		AppSecret: d.secret("app secret"), VerifyToken: d.secret("verify token"), AccessToken: d.secret("access token"),
		WebhookURL: d.baseURL + "/webhooks/whatsapp/" + d.WhatsApp.ID,
	})
	d.sim.AddLink(simulator.LinkAccount{
		Source: demoSource, Name: "Linktor Demo", Username: demoUser, Password: d.secret("password"),
		PlatformID: demoPlatformID, PlatformPartnerID: demoPartnerID, GateIDs: []string{demoGate},
		CallbackURL: d.baseURL + "/webhooks/link/" + d.Link.ID + "/" + d.Link.WebhookToken,
	})
	if _, err := d.templates.Sync(ctx, d.WhatsApp); err != nil {
		return fmt.Errorf("simulator: templates: %w", err)
	}
	return nil
}

// Stop ends the providers.
func (d *demo) Stop(ctx context.Context) error {
	err := d.sim.Stop(ctx)
	if serr := d.server.Shutdown(ctx); err == nil {
		err = serr
	}
	return err
}

func (d *demo) whatsAppSettings() map[string]string {
	return map[string]string{
		"phoneNumberId": demoPhoneNumberID, "businessAccountId": demoWABA, "graphBaseUrl": d.address() + "/graph",
		"accessToken": d.secret("access token"), "appSecret": d.secret("app secret"), "verifyToken": d.secret("verify token"),
	}
}

func (d *demo) linkSettings() map[string]any {
	return map[string]any{
		"baseUrl": d.address() + "/link", "username": demoUser, "password": d.secret("password"), "platformId": demoPlatformID,
		"platformPartnerId": demoPartnerID, "source": demoSource, "gateIds": []string{demoGate},
	}
}

// ensure finds the channel by its type and marker settings, or makes it.
func (d *demo) ensure(ctx context.Context, typ, name string, settings any) (*registry.Open, error) {
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	existing, err := d.find(ctx, typ)
	if err != nil {
		return nil, err
	}
	if existing == "" {
		ch, err := d.registry.Create(ctx, d.tenantID, registry.Draft{Type: typ, Name: name, Settings: fields})
		if err != nil {
			return nil, fmt.Errorf("simulator: demo channel %s: %w", typ, err)
		}
		return ch, nil
	}
	ch, err := d.registry.Update(ctx, d.tenantID, existing, registry.Patch{Settings: fields})
	if err != nil {
		return nil, fmt.Errorf("simulator: demo channel %s: %w", typ, err)
	}
	return ch, nil
}

// find returns the id of the tenant's demo channel of a type, or "".
func (d *demo) find(ctx context.Context, typ string) (string, error) {
	list, err := d.registry.List(ctx, d.tenantID, registry.Filter{Type: typ, Limit: 100})
	if err != nil {
		return "", fmt.Errorf("simulator: %w", err)
	}
	for _, c := range list {
		var mark struct{ PhoneNumberID, PlatformPartnerID, Source string }
		if err := json.Unmarshal(c.Settings, &mark); err != nil {
			return "", fmt.Errorf("simulator: settings of %s: %w", c.ID, err)
		}
		if mark.PhoneNumberID == demoPhoneNumberID || mark.Source == demoSource && mark.PlatformPartnerID == demoPartnerID {
			return c.ID, nil
		}
	}
	return "", nil
}

// greet lets a customer write on each demo channel that nobody has written on yet,
// so that a fresh installation has something to answer.
func (s *server) greet(ctx context.Context) {
	for line, ch := range map[string]*registry.Open{demoPhoneNumberID: s.demo.WhatsApp, demoSource: s.demo.Link} {
		f := conversations.ConversationFilter{ChannelIDs: []string{ch.ID}}
		known, err := s.store.ListConversations(ctx, s.tenantID, f, time.Time{}, "", 1)
		if err != nil {
			s.log.Warn("simulator: the first message is not written", "channelId", ch.ID, "err", err)
			continue
		}
		if len(known) == 0 {
			s.demo.sim.Greet(ctx, line)
		}
	}
}
