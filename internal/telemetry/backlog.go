package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Backlog is the work that waits, as the database knows it.
type Backlog struct {
	SendsDue       map[string]int64 // by state: queued, sending, uncertain
	OldestSend     time.Duration    // how long the oldest due send has waited
	ParkedStatuses int64            // statuses whose message is not known yet
	JournalFailed  int64            // webhooks with items that could not be applied
	MediaPending   int64            // files to be fetched from providers
	Spooled        int64            // webhooks on disk, waiting for the database
	PausedChannels int64
	Breakers       map[string]int64 // channels whose circuit breaker is not closed, by its state
	LaneBlocked    time.Duration    // how long the oldest message has waited behind one whose outcome is not known
}

// backlogEvery is how often the database is asked at most, however many scrapers
// there are.
const backlogEvery = 2 * time.Second

// WatchBacklog publishes what read returns. It is called during scrapes, with
// five seconds to answer; an error is logged and leaves the series out.
func (m *Metrics) WatchBacklog(log *slog.Logger, read func(context.Context) (Backlog, error)) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("linktor_"+name, help, labels, nil)
	}
	m.registry.MustRegister(&backlogCollector{
		log: log, read: read,
		due:      desc("outbox_due", "Sends that wait, by state.", "state"),
		oldest:   desc("outbox_oldest_seconds", "Age of the oldest send that is due."),
		open:     desc("uncertain_open", "Attempts whose outcome is not known."),
		parked:   desc("parked_statuses", "Statuses whose message is not known yet."),
		failed:   desc("journal_failed", "Webhooks with items that could not be applied."),
		media:    desc("media_pending", "Files to be fetched from providers."),
		spooled:  desc("spooled_webhooks", "Webhooks on disk, waiting for the database."),
		channels: desc("channels_paused", "Channels that send nothing until somebody acts."),
		breakers: desc("breaker_state", "Channels whose circuit breaker is open or tries again, by state.", "state"),
		lane:     desc("lane_blocked_seconds", "Age of the oldest message that waits behind one whose outcome is not known."),
	})
}

type backlogCollector struct {
	log  *slog.Logger
	read func(context.Context) (Backlog, error)

	due, oldest, open, parked, failed, media, spooled, channels, breakers, lane *prometheus.Desc

	mu   sync.Mutex
	last Backlog
	at   time.Time
}

func (c *backlogCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.due, c.oldest, c.open, c.parked, c.failed, c.media, c.spooled, c.channels, c.breakers, c.lane} {
		ch <- d
	}
}

func (c *backlogCollector) Collect(ch chan<- prometheus.Metric) {
	b, ok := c.current()
	if !ok {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, state := range []string{"queued", "sending", "uncertain"} {
		gauge(c.due, float64(b.SendsDue[state]), state)
	}
	gauge(c.open, float64(b.SendsDue["uncertain"]))
	gauge(c.oldest, b.OldestSend.Seconds())
	gauge(c.parked, float64(b.ParkedStatuses))
	gauge(c.failed, float64(b.JournalFailed))
	gauge(c.media, float64(b.MediaPending))
	gauge(c.spooled, float64(b.Spooled))
	gauge(c.channels, float64(b.PausedChannels))
	for _, state := range []string{"open", "probing"} {
		gauge(c.breakers, float64(b.Breakers[state]), state)
	}
	gauge(c.lane, b.LaneBlocked.Seconds())
}

// current returns the backlog, read again if the last reading is too old.
func (c *backlogCollector) current() (Backlog, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < backlogEvery {
		return c.last, true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	b, err := c.read(ctx)
	if err != nil {
		c.log.Warn("metrics: the backlog cannot be read", "error", err)
		return Backlog{}, false
	}
	c.last, c.at = b, time.Now()
	return b, true
}
