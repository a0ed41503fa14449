package redisconn

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
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

// Printf writes a warning now and then, and the rest for whoever looks closely.
func (l *library) Printf(ctx context.Context, format string, args ...any) {
	level := slog.LevelDebug
	l.mu.Lock()
	if now := time.Now(); now.After(l.next) {
		level, l.next = slog.LevelWarn, now.Add(sayEvery)
	}
	l.mu.Unlock()
	text := userInfo.ReplaceAllString(fmt.Sprintf(format, args...), "//")
	l.log.Log(ctx, level, "redis", "detail", text)
}
