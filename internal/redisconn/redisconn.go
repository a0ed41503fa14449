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
// rediss-cluster for TLS. A server that does not answer is not an error: the
// program works without it, and finds it when it is back.
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
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, false, errors.New("redis_url: cannot be parsed as a URL") // err would quote the password
	}
	opts = &redis.UniversalOptions{
		Addrs: strings.Split(u.Host, ","), Username: u.User.Username(),
		DialTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second,
	}
	opts.Password, _ = u.User.Password()
	for i, a := range opts.Addrs {
		if !strings.Contains(a, ":") {
			opts.Addrs[i] = net.JoinHostPort(a, "6379")
		}
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if opts.DB, err = strconv.Atoi(db); err != nil {
			return nil, false, errors.New("redis_url: the path must be the number of a database, such as /0")
		}
	}
	kind := u.Scheme
	if rest, ok := strings.CutPrefix(kind, "rediss"); ok {
		kind = "redis" + rest
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	}
	switch kind {
	case "redis":
		return opts, false, nil
	case "redis-cluster":
		return opts, true, nil
	case "redis-sentinel":
		opts.MasterName = u.Query().Get("master")
		opts.SentinelUsername, opts.SentinelPassword = opts.Username, opts.Password
		if opts.MasterName == "" {
			return nil, false, errors.New("redis_url: a Sentinel URL needs ?master=name")
		}
		return opts, false, nil
	}
	return nil, false, fmt.Errorf("redis_url: unknown scheme %q; use redis, rediss, redis-sentinel or redis-cluster", u.Scheme)
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
