package redisconn

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// LogTo sends what the client library says to log: by itself it writes to the
// standard error stream. It holds for the whole process, so that the command calls it
// once, before anything connects.
func LogTo(log *slog.Logger) { redis.SetLogger(&library{log: log}) }

// sayEvery bounds the warnings: a Redis that is away fails every call.
const sayEvery = 10 * time.Second

// library is a logger as the client library wants it.
type library struct {
	log *slog.Logger

	mu   sync.Mutex
	next time.Time // when the next warning may be written
}

// userInfo is the user and the password of an address.
var userInfo = regexp.MustCompile(`//[^/@\s]*@`)

// sentinelSays are what is said when the servers of a Sentinel group are found, at
// each start and after a failover. Source: go-redis, sentinel.go.
var sentinelSays = map[string]slog.Level{
	"sentinel: selected addr":           slog.LevelDebug,
	"sentinel: discovered new sentinel": slog.LevelDebug,
	"sentinel: new master":              slog.LevelInfo,
}

// Printf writes a warning now and then, and the rest for whoever looks closely.
func (l *library) Printf(ctx context.Context, format string, args ...any) {
	what, _, _ := strings.Cut(format, "=")
	level, known := sentinelSays[what]
	if !known {
		level = l.level()
	}
	text := userInfo.ReplaceAllString(fmt.Sprintf(format, args...), "//")
	l.log.Log(ctx, level, "redis", "detail", text)
}

// level is that of a warning, unless there was one a moment ago.
func (l *library) level() slog.Level {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !now.After(l.next) {
		return slog.LevelDebug
	}
	l.next = now.Add(sayEvery)
	return slog.LevelWarn
}
