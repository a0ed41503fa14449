package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config holds the settings of one process. It is read once, at start.
type Config struct {
	// Address and port on which the server listens. The default is reachable from
	// this machine only; use 0.0.0.0:8080 behind a proxy that terminates TLS.
	Listen string `key:"listen" default:"127.0.0.1:8080"`

	// Address of this server as providers, browsers and the links in messages see
	// it, such as https://chat.example.com. Providers require https. Empty means
	// http:// and the address of "listen".
	PublicURL string `key:"public_url" default:""`

	// Folder for what the server keeps on this machine: the SQLite database, the
	// key file, media, and webhooks that wait for a database that is away.
	DataDir string `key:"data_dir" default:"./linktor-data"`

	// PostgreSQL 14 or later, as postgres://user:password@host/name. Empty means an
	// SQLite file in the data folder. Without sslmode in the URL, TLS is required
	// unless the host is this machine. Changing it does not move data.
	DatabaseURL Secret `key:"database_url" default:""`

	// Most connections to PostgreSQL at once, per process. SQLite has one writer.
	DatabaseMaxConns int `key:"database_max_conns" default:"20" min:"2" max:"1000"`

	// Redis 6.2 or later, or Valkey, which carries hints, limits and doorbells and
	// may be emptied at any time: redis://user:password@host:6379/0, rediss:// for
	// TLS, redis-sentinel://user:password@host1:26379,host2:26379/0?master=name
	// for Sentinel, redis-cluster://user:password@host1:6379,host2:6379 for Cluster.
	// Both have a TLS form too (rediss-sentinel, rediss-cluster). Sentinels are given
	// the same user and password as the servers. A Cluster has no database but 0.
	// Empty means one inside the process, which is enough for a single node.
	RedisURL Secret `key:"redis_url" default:""`

	// Key that seals the secrets of channels at rest and from which the keys of
	// sessions and links are derived: a Tink keyset in JSON, or at least 32 random
	// bytes in base64. Empty means the file secret.key in the data folder, made on
	// the first start. Nodes that share a database need the same key. Keep a copy:
	// without it the tokens of channels have to be entered again.
	SecretKey Secret `key:"secret_key" default:""`

	// What this process does: api (REST, webhooks, media, pages), worker (sends,
	// media, housekeeping), realtime (WebSocket and SSE). Several processes may share
	// out the roles if they have PostgreSQL and Redis; each role has to run somewhere.
	// Every process answers /healthz, /readyz and /metrics, and answers 503
	// role_missing to what belongs to a role that it has not.
	Roles []string `key:"roles" default:"api,worker,realtime"`

	// Name of this process in logs and in the attempts of messages. Empty means
	// the host name.
	NodeName string `key:"node_name" default:""`

	// Least severe log line that is written: debug, info, warn or error. At no
	// level are message texts, phone numbers or secrets logged.
	LogLevel string `key:"log_level" default:"info" oneof:"debug info warn error"`

	// Form of log lines: text, json, or auto, which is text on a terminal and
	// json elsewhere.
	LogFormat string `key:"log_format" default:"auto" oneof:"auto text json"`

	// How long to wait, after SIGTERM or Ctrl-C, for requests and sends in
	// progress. What is unfinished then is taken up again by the next process.
	ShutdownTimeout time.Duration `key:"shutdown_timeout" default:"25s" min:"1s" max:"10m"`

	// How long, after SIGTERM or Ctrl-C, requests are still answered while /readyz
	// says no and each answer closes its connection: callers and load balancers move
	// to another process meanwhile. It is part of "shutdown_timeout", and at most half
	// of it.
	DrainTime time.Duration `key:"drain_time" default:"500ms" min:"0s" max:"10m"`

	// Simulated providers, with demo channels and a page at /simulator: on, off, or
	// auto, which is on in embedded mode while the server listens on this machine only.
	Simulator string `key:"simulator" default:"auto" oneof:"auto on off"`

	// How long a realtime client may take nothing of what is sent to it, or stay far
	// behind without coming nearer, before it is closed with 4008 and the cursor to
	// come back with.
	RealtimeSlowTimeout time.Duration `key:"realtime_slow_timeout" default:"60s" min:"1s" max:"1h"`

	// How long events can be read again: by a client that reconnects, and through
	// GET /api/v1/events.
	EventRetention time.Duration `key:"event_retention" default:"168h" min:"1h"`

	// How long the bodies of provider webhooks are kept as received, and what was
	// said to and by providers when messages were sent.
	JournalRetention time.Duration `key:"journal_retention" default:"168h" min:"1h"`

	// Bytes of a provider webhook's body that are kept once everything in it has
	// been applied. Of a larger one only its beginning is kept, and it cannot be
	// replayed; a body that could not be applied is kept whole.
	JournalMaxBytes int `key:"journal_max_bytes" default:"1048576" min:"1024" max:"268435456"`

	// Age, by the provider's clock, from which a message in a webhook is marked as
	// late (metadata.late). It is applied nevertheless: Meta delivers again for up to
	// 7 days, and repeats change nothing. 0 means never.
	WebhookMaxAge time.Duration `key:"webhook_max_age" default:"192h" min:"0s"`

	// Most provider webhooks, counted with the messages and statuses in them, that
	// are committed in one transaction. A webhook that is alone is not kept waiting;
	// under load the first of a group waits for others, 1 ms at most.
	IngestBatch int `key:"ingest_batch" default:"512" min:"1" max:"10000"`

	// How long reports of the provider are awaited on a send that broke off after its
	// request was written, before the message's onUncertain policy is applied.
	UncertainWait time.Duration `key:"uncertain_wait" default:"120s" min:"1s" max:"24h"`

	// Most calls to providers in progress at once, per process.
	SendWorkers int `key:"send_workers" default:"64" min:"1" max:"10000"`

	// Messages per second that a channel sends where neither the channel nor its
	// provider says otherwise. 80 is what a WhatsApp number starts with.
	ChannelThroughput float64 `key:"channel_throughput" default:"80" min:"0.01" max:"10000"`

	// Where media is kept: a folder, or s3://bucket/prefix with the optional
	// parameters endpoint, region and tls, such as
	// s3://linktor/media?endpoint=minio.internal:9000&tls=false. Empty means the
	// folder media in the data folder, which suits a single node. Without region the
	// server is asked for it. See docs/how-to/deploy.md for the rights that are needed.
	MediaURL string `key:"media_url" default:""`

	// Access key id of the bucket in "media_url". Empty means the credentials of
	// the environment: AWS variables, ~/.aws/credentials, or the role of the machine.
	MediaAccessKey string `key:"media_access_key" default:""`

	// Secret access key of the bucket in "media_url".
	MediaSecretKey Secret `key:"media_secret_key" default:""`

	// Largest file, in bytes, that is accepted as an upload or fetched from a
	// provider. The default is WhatsApp's limit for documents.
	MediaMaxBytes int64 `key:"media_max_bytes" default:"104857600" min:"1024"`

	// Largest body, in bytes, of a provider webhook or an API request other than a
	// media upload, where its own limit is not lower: 1 MiB for JSON, and for webhooks
	// what the provider sends at most, 3 MiB for Meta.
	MaxBodyBytes int `key:"max_body_bytes" default:"4194304" min:"65536" max:"268435456"`

	// Private address ranges, such as 10.20.0.0/16, that the server may call when
	// a URL from outside leads there (media links, provider addresses in channel
	// settings). Everything private is refused otherwise.
	AllowPrivateAddresses []netip.Prefix `key:"allow_private_addresses" default:""`

	// Origins of web pages, such as https://app.example.com, that may call the API
	// with a key or a session token and open the WebSocket from a browser. Pages of
	// this server always may.
	AllowedOrigins []string `key:"allowed_origins" default:""`

	// Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []netip.Prefix `key:"trusted_proxies" default:""`

	// Bearer token that /metrics asks for. Empty means that /metrics answers
	// requests from this machine only.
	MetricsToken Secret `key:"metrics_token" default:""`
}

// Embedded reports whether the process needs nothing else to run.
func (c *Config) Embedded() bool { return c.DatabaseURL == "" && c.RedisURL == "" }

// Database is what db.Open takes: the URL, or the path of the SQLite file.
func (c *Config) Database() string {
	if c.DatabaseURL != "" {
		return c.DatabaseURL.Reveal()
	}
	return filepath.Join(c.DataDir, "linktor.db")
}

// KeyFile is where the secret key lives when it is not a setting.
func (c *Config) KeyFile() string { return filepath.Join(c.DataDir, "secret.key") }

// MediaDir is the folder of media, or empty if media lives in a bucket.
func (c *Config) MediaDir() string {
	switch {
	case strings.HasPrefix(c.MediaURL, "s3://"):
		return ""
	case c.MediaURL != "":
		return c.MediaURL
	}
	return filepath.Join(c.DataDir, "media")
}

// SpoolDir is where webhooks wait for a database that is away.
func (c *Config) SpoolDir() string { return filepath.Join(c.DataDir, "spool") }

// BaseURL is the address of the server as others see it, with no slash at its end.
func (c *Config) BaseURL() string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	return "http://" + c.LocalAddress()
}

// LocalAddress is Listen as a program on this machine dials it.
func (c *Config) LocalAddress() string {
	ap, err := netip.ParseAddrPort(c.Listen)
	switch {
	case strings.HasPrefix(c.Listen, ":"):
		return "127.0.0.1" + c.Listen
	case err == nil && ap.Addr().IsUnspecified():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
	}
	return c.Listen
}

// Loopback reports whether only this machine can reach the server.
func (c *Config) Loopback() bool {
	if strings.HasPrefix(c.Listen, "localhost:") {
		return true
	}
	ap, err := netip.ParseAddrPort(c.Listen)
	return err == nil && ap.Addr().IsLoopback()
}

// SimulatorOn reports whether the simulator runs in this process.
func (c *Config) SimulatorOn() bool {
	return c.Simulator == "on" || c.Simulator == "auto" && c.Embedded() && c.Loopback()
}

// HasRole reports whether the process has the role.
func (c *Config) HasRole(role string) bool { return slices.Contains(c.Roles, role) }
