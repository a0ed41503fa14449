package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/api"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/telemetry"
)

// openHTTP makes the API and puts all services into the order in which they start.
func (s *server) openHTTP(ln net.Listener) {
	page := api.SimulatorPage{}
	if s.demo != nil {
		s.demo.registry, s.demo.templates, s.demo.tenantID = s.registry, s.templates, s.tenantID
		page = api.SimulatorPage{Handler: s.demo.sim.Control(), Open: s.cfg.Loopback()}
	}
	s.http = api.New(api.Deps{
		DB: s.db, Auth: s.accounts, Seal: s.box, Limit: s.limit, Log: s.log, Now: crash.Now, Version: s.version, PublicURL: s.cfg.BaseURL(),
		Roles: s.cfg.Roles, MaxBody: int64(s.cfg.MaxBodyBytes), TrustedProxies: s.cfg.TrustedProxies, OnRequest: s.countRequest, Checks: s.checks(), Metrics: s.metricsHandler(),
		Resources: api.Resources{
			Accounts: s.accounts, Registry: s.registry, Ingester: ingester{s}, Conversations: s.store, Templates: s.templates,
			Media: s.media, Spooler: s.spool, OnWebhook: s.countWebhook,
			Realtime:  api.Realtime{Hub: s.hub, Events: api.EventSource(s.events), OnConnection: s.countConnection, Origins: s.cfg.AllowedOrigins},
			Simulator: page, Rates: s.counter,
		},
	})
	s.order(ln)
}

// order lists the services as they start. They stop in reverse: sockets first, so
// that clients move to another node while everything else still works.
func (s *server) order(ln net.Listener) {
	add := func(name string, start func() error, stop func(context.Context) error) {
		s.services = append(s.services, Service{name, start, stop})
	}
	start, stop := background(s.accounts.Run)
	add("accounts", start, stop)
	if s.fanout != nil {
		add("fan-out", s.fanout.Start, s.fanout.Stop)
	}
	if s.sender != nil {
		add("sender", s.sender.Start, s.sender.Stop)
	}
	add("keeper", s.keeper.Start, s.keeper.Stop)
	add("bell", s.bell.Start, s.bell.Stop)
	if s.demo != nil {
		add("simulator", s.demo.Start, s.demo.Stop)
	}
	add("http", func() error {
		go func() {
			if err := s.http.App().Listener(ln); err != nil {
				s.log.Error("http", "err", err)
			}
		}()
		return nil
	}, s.stopHTTP)
	if s.hub != nil {
		add("realtime", func() error { return nil }, s.hub.Drain)
	}
}

// stopHTTP answers on for a while, with the word that this connection closes, so
// that callers which keep connections open move to another process without an
// error; then it stops listening and waits for what is in progress.
func (s *server) stopHTTP(ctx context.Context) error {
	s.http.Leave()
	select {
	case <-time.After(s.cfg.DrainTime):
	case <-ctx.Done():
	}
	return s.http.App().ShutdownWithContext(ctx)
}

// background runs fn from start to stop.
func background(fn func(context.Context)) (start func() error, stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	start = func() error {
		go func() {
			defer close(done)
			fn(ctx)
		}()
		return nil
	}
	stop = func(stopCtx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stopCtx.Done():
			return stopCtx.Err()
		}
	}
	return start, stop
}

// limit counts a request against the limits of its credential.
func (s *server) limit(ctx context.Context, p *account.Principal) (api.Decision, error) {
	if p.KeyID == "" {
		return api.Decision{Allowed: true}, nil
	}
	quotas, wait := s.counter.TakeRequest(ctx, p.KeyID, p.PerMinute, p.PerDay)
	d := api.Decision{Allowed: wait == 0, RetryAfter: wait}
	for _, q := range quotas {
		d.Quotas = append(d.Quotas, quota(q))
	}
	return d, nil
}

func quota(q limits.Quota) api.Quota {
	return api.Quota{Name: q.Name, Limit: q.Limit, Remaining: q.Remaining, Window: q.Window, Reset: q.Reset}
}

func (s *server) countRequest(route, method string, status int, took time.Duration) {
	s.metrics.HTTP.WithLabelValues(route, method, strconv.Itoa(status/100)+"xx").Inc()
	s.metrics.HTTPSeconds.WithLabelValues(route).Observe(took.Seconds())
}

func (s *server) countWebhook(result string, took time.Duration) {
	s.metrics.Ingest.WithLabelValues(result).Inc()
	s.metrics.IngestSeconds.Observe(took.Seconds())
}

// checks decide whether the server is ready for traffic. Without Redis it is:
// limits are counted per node, events and sends are found by looking.
func (s *server) checks() []api.Check {
	checks := []api.Check{
		{Name: "database", Test: func(ctx context.Context) error {
			have, newest, err := s.db.Version(ctx)
			if err == nil && have < newest { // a newer one is of a program that is being rolled out
				err = fmt.Errorf("schema version %d, this program needs %d", have, newest)
			}
			return err
		}},
		{Name: "disk", Test: func(context.Context) error {
			if s.db.Full(fullFor) {
				return errFull
			}
			return diskSpace(s.cfg.DataDir)
		}},
	}
	if !s.redis.InProcess {
		checks = append(checks, api.Check{Name: "redis", Soft: true, Test: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return s.redis.Check(ctx)
		}})
	}
	return checks
}

// metricsHandler serves /metrics to holders of the token, or to this machine.
func (s *server) metricsHandler() http.Handler {
	return telemetry.Guard(s.metrics.Handler(), s.cfg.MetricsToken.Reveal())
}
