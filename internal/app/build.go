package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/all"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/api"
	"github.com/linktor/linktor/internal/config"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/egress"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/redisconn"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/seal"
	"github.com/linktor/linktor/internal/spool"
	"github.com/linktor/linktor/internal/tasks"
	"github.com/linktor/linktor/internal/telemetry"
	"github.com/linktor/linktor/internal/templates"
	"github.com/linktor/linktor/realtime"
)

// server is everything that one process runs.
type server struct {
	cfg     *config.Config
	log     *slog.Logger
	version string
	node    string

	db        *db.DB
	redis     *redisconn.Conn
	box       *seal.Box
	metrics   *telemetry.Metrics
	accounts  *account.Store
	registry  *registry.Registry
	templates *templates.Store
	media     *media.Store
	store     *conversations.Store
	spool     *spool.Spool
	counter   *limits.Counter
	ledger    *limits.Ledger
	events    *events.Log
	hub       *realtime.Hub
	fanout    *fanout
	sender    *tasks.Sender
	keeper    *tasks.Keeper
	bell      *tasks.Bell
	demo      *demo
	http      *api.Server

	tenantID   string
	firstStart bool
	setupToken string
	devKey     string
	services   []Service
}

// build opens everything and starts nothing.
func build(ctx context.Context, cfg *config.Config, log *slog.Logger, version string, ln net.Listener) (_ *server, err error) {
	s := &server{cfg: cfg, log: log, version: version, node: nodeName(cfg), metrics: telemetry.NewMetrics(version)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for _, step := range []func(context.Context) error{s.openStorage, s.openAccounts, s.openChannels, s.openMessages, s.openRealtime, s.openWork} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.openHTTP(ln)
	return s, nil
}

// close releases what build opened, after the services have stopped.
func (s *server) close() (err error) {
	if s.store != nil {
		s.store.Stop()
	}
	if s.ledger != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err = errors.Join(err, s.ledger.Leave(ctx))
	}
	if s.redis != nil {
		err = errors.Join(err, s.redis.Close())
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

func (s *server) openStorage(ctx context.Context) (err error) {
	if s.db, err = db.Open(ctx, s.cfg.Database(), s.cfg.DatabaseMaxConns); err != nil {
		return err
	}
	if _, err = s.db.Migrate(ctx); err != nil {
		return err
	}
	if err = s.db.SyncClock(ctx); err != nil {
		return err
	}
	if s.redis, err = redisconn.Open(s.cfg.RedisURL.Reveal()); err != nil {
		return err
	}
	if s.cfg.SecretKey != "" {
		s.box, err = seal.New(s.cfg.SecretKey.Reveal())
	} else {
		s.box, err = seal.Open(s.cfg.KeyFile())
	}
	return err
}

func (s *server) openAccounts(ctx context.Context) (err error) {
	s.accounts = account.NewStore(s.db, account.Options{JWTSecret: s.box.Sub("session tokens"), Log: s.log, Now: crash.Now})
	s.firstStart, s.tenantID, s.setupToken, err = s.accounts.Bootstrap(ctx)
	if err != nil || !s.firstStart || !s.cfg.Embedded() {
		return err
	}
	_, s.devKey, err = s.accounts.CreateKey(ctx, account.Operator(s.tenantID), account.KeyDraft{Name: "Development",
		Description: "Made on the first start. Unlimited: not for production.", Permissions: account.AllPermissions(), Development: true})
	return err
}

// providerTimeout bounds a call to a provider, a little longer than the Sender
// waits, so that it is the Sender that gives up.
const providerTimeout = 35 * time.Second

func (s *server) openChannels(ctx context.Context) (err error) {
	var simulator []netip.AddrPort
	if s.cfg.SimulatorOn() && s.cfg.HasRole(api.RoleAPI) { // it calls this process's webhooks
		if s.demo, err = newDemo(ctx, s.box, "http://"+s.cfg.LocalAddress(), s.log); err != nil {
			return err
		}
		simulator = append(simulator, s.demo.addrPort())
	}
	client := egress.Client(egress.Options{AllowAddrs: simulator, AllowPrivate: s.cfg.AllowPrivateAddresses,
		Timeout: providerTimeout, MaxIdlePerHost: max(64, s.cfg.SendWorkers)})
	s.registry = registry.New(s.db, s.box, all.Adapters(), channels.Env{HTTP: client}, crash.Now, s.log)
	s.templates = templates.NewStore(s.db, crash.Now)
	blobs, err := media.OpenBlobs(MediaPlace(s.cfg))
	if err != nil {
		return err
	}
	s.media = media.NewStore(media.Options{DB: s.db, Blobs: blobs, Registry: s.registry, Key: s.box.Sub("media"),
		PublicURL: s.cfg.BaseURL(), Now: crash.Now, MaxBytes: s.cfg.MediaMaxBytes})
	return nil
}

// MediaPlace is where the settings want media to be.
func MediaPlace(cfg *config.Config) media.Place {
	place := media.Place{URL: cfg.MediaURL, AccessKey: cfg.MediaAccessKey, SecretKey: cfg.MediaSecretKey.Reveal()}
	if dir := cfg.MediaDir(); dir != "" {
		place.URL = dir
	}
	return place
}

func (s *server) openMessages(ctx context.Context) (err error) {
	s.countCommits()
	s.events = events.NewLog(s.db)
	s.store = conversations.NewStore(s.db, conversations.Options{
		Now: s.db.Now, Node: s.node, Seal: s.box.Seal, Unseal: s.box.Open, MaxBatch: s.cfg.IngestBatch, MaxKept: s.cfg.JournalMaxBytes, LateAfter: s.cfg.WebhookMaxAge,
		UncertainWait: s.cfg.UncertainWait, Log: s.log,
		MediaURL: func(id string) string { return s.media.SignedURL(id, s.cfg.EventRetention) },
	})
	if s.spool, err = spool.New(s.cfg.SpoolDir(), s.box); err != nil {
		return err
	}
	if s.db.Dialect == db.SQLite { // this process owns the file: every claim in it is of a run that ended
		n, err := s.store.Abandon(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			s.log.Info("sends were cut off by the last stop; their outcome is awaited", "count", n)
		}
	}
	s.metrics.WatchBacklog(s.log, func(ctx context.Context) (telemetry.Backlog, error) {
		b, err := backlog(ctx, s.db)
		b.Spooled = s.spool.Waiting()
		return b, err
	})
	return s.registry.Preload(ctx)
}

func (s *server) openRealtime(context.Context) error {
	var hear func(string, int64)
	if s.cfg.HasRole("realtime") {
		s.hub = realtime.NewHub(api.EventSource(s.events), s.hubOptions())
		s.watchHub()
		hear = s.hub.Notify
		s.events.Notify(s.hub.Notify)
	}
	if !s.redis.InProcess {
		s.fanout = newFanout(s.redis, hear, s.log)
		s.events.Notify(s.fanout.tell)
	}
	return nil
}

func (s *server) info(cfg *config.Config, version string) Info {
	i := Info{Version: version, Embedded: cfg.Embedded(), DataDir: cfg.DataDir, BaseURL: cfg.BaseURL(), DevKey: s.devKey}
	if s.setupToken != "" {
		i.SetupURL = cfg.BaseURL() + "/setup#t=" + s.setupToken
	}
	if s.demo != nil {
		i.SimulatorURL = cfg.BaseURL() + "/simulator"
		i.Customer, i.DemoTo, i.DemoChannel = "Ada", "+16505550101", s.demo.WhatsApp.ID
	}
	return i
}
