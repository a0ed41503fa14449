package app

import (
	"context"
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/realtime"
)

// countCommits counts what transactions announce.
func (s *server) countCommits() {
	s.db.Listen(func(v any) {
		switch v := v.(type) {
		case conversations.Ingested:
			s.metrics.IngestBatch.Observe(float64(v.Bodies))
		case events.Appended:
			for typ, n := range v {
				s.metrics.Events.WithLabelValues(typ).Add(float64(n))
			}
		}
	})
}

// ingester is the store, with a count of what it could not apply. Replays are
// not counted: what they cannot apply has been.
type ingester struct{ *server }

func (i ingester) Ingest(ctx context.Context, w conversations.Webhook) (conversations.Applied, error) {
	applied, err := i.store.Ingest(ctx, w)
	if err == nil && !w.Replay && !applied.Duplicate {
		i.metrics.Poison.Add(float64(applied.Failed))
	}
	return applied, err
}

// hubOptions makes the hub report and count.
func (s *server) hubOptions() realtime.Options {
	return realtime.Options{
		SlowTimeout: s.cfg.RealtimeSlowTimeout,
		OnError:     func(tenant string, err error) { s.log.Warn("read the event log", "tenant", tenant, "err", err) },
		OnTailed: func(page []realtime.Event) {
			now := time.Now()
			for i := range page {
				s.metrics.DeliverSeconds.Observe(max(0, now.Sub(page[i].At)).Seconds())
			}
		},
		OnCatchUp: func(behind int64) { s.metrics.WSLag.Observe(float64(behind)) },
		OnReset:   func(reason string) { s.metrics.WSResets.WithLabelValues(reason).Inc() },
	}
}

// watchHub publishes the hub's totals.
func (s *server) watchHub() {
	for _, c := range []struct {
		name, help string
		read       func(realtime.Stats) int64
	}{
		{"realtime_opened_total", "Realtime connections that were opened.", func(st realtime.Stats) int64 { return st.Opened }},
		{"realtime_events_total", "Event frames written to connections.", func(st realtime.Stats) int64 { return st.Events }},
		{"realtime_bytes_total", "Bytes written to connections.", func(st realtime.Stats) int64 { return st.Bytes }},
		{"realtime_catchups_total", "Reads of the log for connections that had fallen behind.", func(st realtime.Stats) int64 { return st.CatchUps }},
		{"realtime_slow_total", "Connections closed because they did not keep up.", func(st realtime.Stats) int64 { return st.Slow }},
		{"realtime_revoked_total", "Connections closed because their credential ended.", func(st realtime.Stats) int64 { return st.Revoked }},
		{"realtime_errors_total", "Failed reads of the log.", func(st realtime.Stats) int64 { return st.Errors }},
	} {
		s.metrics.WatchCounter(c.name, c.help, func() int64 { return c.read(s.hub.Stats()) })
	}
	s.metrics.WatchGauge("events_tail_lag", "Events that this node knows of and has not read, of the organisation furthest behind.",
		func() int64 { return s.hub.Stats().TailLag })
}

func (s *server) countConnection(transport string, change int) {
	s.metrics.Connections.WithLabelValues(transport).Add(float64(change))
}
