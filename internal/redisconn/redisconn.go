package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Conn is an open Redis.
type Conn struct {
	redis.UniversalClient
	InProcess bool

	dial func() redis.UniversalClient
	stop func()
}

// Check reports what keeps the Redis from being used: it takes no writes, as a replica
// or a Cluster without all of its slots, or a master of the Cluster is away.
func (c *Conn) Check(ctx context.Context) error {
	if cluster, ok := c.UniversalClient.(*redis.ClusterClient); ok {
		if err := cluster.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error { return m.Ping(ctx).Err() }); err != nil {
			return err
		}
	}
	return c.Set(ctx, "linktor:check", 1, time.Minute).Err()
}

// MakeRedisClient returns a further client of the same Redis, for a library that
// wants, and closes, one of its own.
func (c *Conn) MakeRedisClient() any { return c.dial() }

// Close closes the connection and, if it is inside the process, the Redis.
func (c *Conn) Close() error {
	err := c.UniversalClient.Close()
	c.stop()
	return err
}

// Open connects to the Redis at rawURL; empty means one inside the process. Forms:
// redis:// and rediss://user:password@host:6379/0,
// redis-sentinel://user:password@host1:26379,host2:26379/0?master=name,
// redis-cluster://user:password@host1:6379,host2:6379; rediss-sentinel and
// rediss-cluster for TLS. Sentinels get the same user and password. A server that does
// not answer is not an error: the program works without it, and finds it when it is
// back.
func Open(rawURL string) (*Conn, error) {
	if rawURL == "" {
		return inProcess(), nil
	}
	opts, cluster, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	dial := func() redis.UniversalClient {
		switch {
		case cluster:
			return redis.NewClusterClient(opts.Cluster())
		case opts.MasterName != "":
			return redis.NewFailoverClient(opts.Failover())
		}
		return redis.NewClient(opts.Simple())
	}
	return &Conn{UniversalClient: dial(), dial: dial, stop: func() {}}, nil
}

func parse(rawURL string) (opts *redis.UniversalOptions, cluster bool, err error) {
	rawURL, more := cutHosts(rawURL)
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, false, errors.New("redis_url: cannot be parsed as a URL") // err would quote the password
	}
	opts = &redis.UniversalOptions{
		Addrs: append([]string{u.Host}, more...), Username: u.User.Username(),
		DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout,
		ContextTimeoutEnabled: true, // a Redis that says nothing holds up its caller no longer than that wants
	}
	opts.Password, _ = u.User.Password()
	if db := strings.Trim(u.Path, "/"); db != "" {
		if opts.DB, err = strconv.Atoi(db); err != nil {
			return nil, false, errors.New("redis_url: the path must be the number of a database, such as /0")
		}
	}
	kind, port := u.Scheme, "6379"
	if rest, ok := strings.CutPrefix(kind, "rediss"); ok {
		kind = "redis" + rest
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12} // each server proves the name that it is called by
	}
	if kind == "redis-sentinel" {
		port = "26379"
	}
	opts.Dialer = dialer(opts.TLSConfig)
	for i, a := range opts.Addrs {
		if _, _, err := net.SplitHostPort(a); err != nil { // it names no port
			opts.Addrs[i] = net.JoinHostPort(strings.Trim(a, "[]"), port)
		}
	}
	switch kind {
	case "redis":
		return opts, false, nil
	case "redis-cluster":
		if opts.DB != 0 {
			return nil, false, errors.New("redis_url: a Cluster has no database but 0")
		}
		return opts, true, nil
	case "redis-sentinel":
		opts.MasterName = u.Query().Get("master")
		opts.MaxRetries = -1 // or a silent Sentinel is tried again until the caller's time is over, and never left
		opts.SentinelUsername, opts.SentinelPassword = opts.Username, opts.Password
		if opts.MasterName == "" {
			return nil, false, errors.New("redis_url: a Sentinel URL needs ?master=name")
		}
		return opts, false, nil
	}
	return nil, false, fmt.Errorf("redis_url: unknown scheme %q; use redis, rediss, redis-sentinel or redis-cluster", u.Scheme)
}

// timeout bounds each step of a call: connecting, writing, reading. A call takes
// several if it is tried again, or the master is asked for first.
const timeout = time.Second

// dialer connects until the context ends, which the library does only without TLS,
// and notices within minutes that the other end is gone, not within the hour.
func dialer(config *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout}
	dial := d.DialContext
	if config != nil {
		dial = (&tls.Dialer{NetDialer: d, Config: config}).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, unreachable{err}
		}
		return conn, nil
	}
}

// unreachable says that a server cannot be connected to. It hides that this may have
// been for lack of time: the library then takes it for the caller's impatience, and
// asks a Sentinel that vanished for the master for ever.
type unreachable struct{ err error }

func (u unreachable) Error() string { return u.err.Error() }

// Timeout reports whether it was for lack of time, which decides about another try.
func (u unreachable) Timeout() bool {
	e, ok := errors.AsType[net.Error](u.err)
	return ok && e.Timeout()
}

// cutHosts leaves the first host of several in the URL: net/url knows of one.
func cutHosts(rawURL string) (first string, more []string) {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	at := strings.LastIndex(authority, "@") + 1 // a password may hold a comma
	hosts := strings.Split(authority[at:], ",")
	return scheme + "://" + authority[:at] + hosts[0] + path, hosts[1:]
}

// inProcess starts a Redis inside the process, reached through pipes. Its clock
// for expiry stands still unless moved, so a ticker moves it.
func inProcess() *Conn {
	m := miniredis.NewMiniRedis()
	dial := func() redis.UniversalClient {
		return redis.NewClient(&redis.Options{
			Addr:   "in-process",
			Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() },
		})
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		const step = time.Second
		tick := time.NewTicker(step)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				m.FastForward(step)
			case <-done:
				return
			}
		}
	})
	return &Conn{UniversalClient: dial(), InProcess: true, dial: dial, stop: func() {
		close(done)
		wg.Wait()
		m.Close()
	}}
}
