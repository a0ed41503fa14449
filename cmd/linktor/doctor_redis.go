package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/redisconn"
)

// slowRedis is when the limits, which ask Redis before each send, begin to hurt.
const slowRedis = 20 * time.Millisecond

// redis checks the server that carries limits and doorbells. Without it the
// server works, more slowly, so nothing here is worse than a warning unless
// somebody configured it wrongly.
func (x *examination) redis() {
	if x.cfg.RedisURL == "" {
		if x.cfg.DatabaseURL != "" {
			x.unfit("redis", "set redis_url if there is more than one node", "each process has its own: fine for a single node")
			return
		}
		x.ok("redis", "in process")
		return
	}
	redisconn.LogTo(slog.New(slog.DiscardHandler)) // the finding says it
	conn, err := redisconn.Open(x.cfg.RedisURL.Reveal())
	if err != nil {
		x.fail("redis", "see docs/reference/config.md for the forms of redis_url", "%v", err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(x.ctx, 10*time.Second)
	defer cancel()
	best := time.Hour
	for range 5 { // the first opens the connection
		before := time.Now()
		if err := conn.Ping(ctx).Err(); err != nil {
			x.fail("redis", "check redis_url and that the server runs; until then sends are slower and limits are per process", "it does not answer: %v", err)
			return
		}
		best = min(best, time.Since(before))
	}
	scheme, _, _ := strings.Cut(x.cfg.RedisURL.Reveal(), "://")
	if err := rightMode(ctx, conn, scheme); err != nil {
		x.fail("redis", "see docs/reference/config.md for the forms of redis_url", "%v", err)
		return
	}
	if err := conn.Check(ctx); err != nil {
		x.fail("redis", "mend it, or check redis_url; until then sends are slower and limits are per process", "it cannot be used: %v", err)
		return
	}
	info, err := conn.Info(ctx).Result()
	if err != nil {
		x.warn("redis", "allow the user to call INFO", "its version and memory policy cannot be read: %v", err)
		return
	}
	version := infoField(info, "redis_version")
	switch policy := infoField(info, "maxmemory_policy"); {
	case infoField(info, "valkey_version") == "" && older(version, "6.2"):
		x.fail("redis", "upgrade it", "version %s is older than 6.2", version)
	case policy != "" && policy != "noeviction":
		x.warn("redis", "set maxmemory-policy to noeviction", "it may throw out limits and doorbells when its memory is full (%s)", policy)
	case best > slowRedis:
		x.warn("redis", "run it nearer to this machine", "a round trip takes %s", best.Round(time.Millisecond))
	default:
		x.ok("redis", "version %s, a round trip takes %s", version, best.Round(10*time.Microsecond))
	}
}

// rightMode reports a server that answers and is not what the URL's scheme says: a
// Cluster's member refuses most keys, and a Sentinel all of them.
func rightMode(ctx context.Context, conn *redisconn.Conn, scheme string) error {
	info, err := conn.Info(ctx, "server").Result()
	if err != nil {
		return nil //nolint:nilerr // INFO may be forbidden; what follows says so
	}
	switch mode := infoField(info, "redis_mode"); {
	case strings.HasSuffix(scheme, "-cluster"):
	case mode == "cluster":
		return errors.New("the server belongs to a Cluster: the URL must begin with redis-cluster://")
	case mode == "sentinel":
		return errors.New("the server is a Sentinel: the URL must begin with redis-sentinel://")
	}
	return nil
}

// infoField returns one line of the answer to INFO.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
