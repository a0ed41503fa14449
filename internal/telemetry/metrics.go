package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counters that the parts of one process keep. Labels hold kinds
// of things, never ids: a series per tenant or channel would grow without bound.
type Metrics struct {
	// Webhooks by what became of them: applied, duplicate, partial, failed, spooled, refused.
	Ingest *prometheus.CounterVec // result
	// Time from the arrival of a webhook to its commit.
	IngestSeconds prometheus.Histogram
	// Webhooks committed by one transaction.
	IngestBatch prometheus.Histogram
	// Webhook items that could not be applied and wait in the journal.
	Poison prometheus.Counter

	// Calls to providers by class: ok, not_sent, refused, throttled, uncertain.
	SendAttempts *prometheus.CounterVec // class
	// Duration of calls to providers.
	SendSeconds prometheus.Histogram
	// Sends whose worker vanished, taken up again by another.
	LeaseExpired prometheus.Counter
	// Messages sent again although the first attempt may have arrived.
	PossibleDuplicates prometheus.Counter

	// Events appended, by type.
	Events *prometheus.CounterVec // type
	// Open realtime connections by transport: websocket, sse.
	Connections *prometheus.GaugeVec // transport
	// How many events a connection was behind when it caught up from the log.
	WSLag prometheus.Histogram
	// Streams that had to start over: retention, epoch.
	WSResets *prometheus.CounterVec // reason
	// Time from that of an event, which is when its transaction began, to its being
	// handed to this node's connections.
	DeliverSeconds prometheus.Histogram

	// HTTP requests by route pattern, method and status class.
	HTTP *prometheus.CounterVec // route, method, status
	// Duration of HTTP requests by route pattern.
	HTTPSeconds *prometheus.HistogramVec // route

	registry *prometheus.Registry
}

// NewMetrics returns metrics of their own registry, with those of the Go runtime
// and the process beside them.
func NewMetrics(version string) *Metrics {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	b := builder{reg}
	m := &Metrics{
		registry:           reg,
		Ingest:             b.counters("ingest_total", "Provider webhooks by result.", "result"),
		IngestSeconds:      b.seconds("ingest_seconds", "Arrival of a webhook to its commit."),
		IngestBatch:        b.histogram("ingest_batch_size", "Webhooks committed by one transaction.", sizes()),
		Poison:             b.counter("poison_items_total", "Webhook items that could not be applied."),
		SendAttempts:       b.counters("send_attempts_total", "Calls to providers by class of outcome.", "class"),
		SendSeconds:        b.seconds("send_seconds", "Duration of calls to providers."),
		LeaseExpired:       b.counter("lease_expired_total", "Sends taken over from a worker that vanished."),
		PossibleDuplicates: b.counter("possible_duplicates_total", "Messages sent again that may have arrived before."),
		Events:             b.counters("events_total", "Events appended to the log.", "type"),
		Connections:        b.gauges("realtime_connections", "Open realtime connections.", "transport"),
		WSLag:              b.histogram("ws_lag_events", "Events a connection was behind when it fell back to the log.", sizes()),
		WSResets:           b.counters("ws_resets_total", "Streams that could not be resumed.", "reason"),
		DeliverSeconds:     b.seconds("realtime_deliver_seconds", "Time of an event to its being handed to this node's connections."),
		HTTP:               b.counters("http_requests_total", "HTTP requests.", "route", "method", "status"),
	}
	m.HTTPSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "linktor", Name: "http_request_seconds",
		Help: "Duration of HTTP requests.", Buckets: durations()}, []string{"route"})
	reg.MustRegister(m.HTTPSeconds)
	info := b.gauges("build_info", "Version of the server; the value is 1.", "version")
	info.WithLabelValues(version).Set(1)
	return m
}

// WatchCounter publishes a total that some other part counts.
func (m *Metrics) WatchCounter(name, help string, read func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "linktor", Name: name, Help: help},
		func() float64 { return float64(read()) }))
}

// WatchGauge publishes a value that some other part knows.
func (m *Metrics) WatchGauge(name, help string, read func() int64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "linktor", Name: name, Help: help},
		func() float64 { return float64(read()) }))
}

// Handler serves the metrics in the Prometheus text formats.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Timeout: 8 * time.Second})
}

// durations are the buckets of everything timed: from what a commit costs to
// where callers give up.
func durations() []float64 {
	return []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

func sizes() []float64 { return prometheus.ExponentialBuckets(1, 2, 12) }

// builder makes metrics of the namespace and registers them.
type builder struct{ reg *prometheus.Registry }

func (b builder) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "linktor", Name: name, Help: help})
	b.reg.MustRegister(c)
	return c
}

func (b builder) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "linktor", Name: name, Help: help}, labels)
	b.reg.MustRegister(c)
	return c
}

func (b builder) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "linktor", Name: name, Help: help}, labels)
	b.reg.MustRegister(g)
	return g
}

func (b builder) seconds(name, help string) prometheus.Histogram {
	return b.histogram(name, help, durations())
}

func (b builder) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "linktor", Name: name, Help: help, Buckets: buckets})
	b.reg.MustRegister(h)
	return h
}
