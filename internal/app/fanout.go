package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// fanout tells every node that a tenant's log has grown. Messages are hints
// ("tenant seq"): a node that misses one finds the events at its next look.
type fanout struct {
	redis  redis.UniversalClient
	hear   func(tenantID string, seq int64)
	log    *slog.Logger
	mu     sync.Mutex
	latest map[string]int64 // tenants to be announced, with the newest seq
	wake   chan struct{}
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// fanoutChannel is the Redis channel of the hints.
const fanoutChannel = "linktor:events"

func newFanout(r redis.UniversalClient, hear func(string, int64), log *slog.Logger) *fanout {
	return &fanout{redis: r, hear: hear, log: log, latest: map[string]int64{}, wake: make(chan struct{}, 1)}
}

// tell announces an event to the other nodes. It never blocks; announcements that
// queue up become one.
func (f *fanout) tell(tenantID string, seq int64) {
	f.mu.Lock()
	f.latest[tenantID] = max(seq, f.latest[tenantID])
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *fanout) Start() error {
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.wg.Go(func() { f.publish(ctx) })
	if f.hear != nil {
		f.wg.Go(func() { f.subscribe(ctx) })
	}
	return nil
}

func (f *fanout) Stop(context.Context) error {
	f.stop()
	f.wg.Wait()
	return nil
}

func (f *fanout) publish(ctx context.Context) {
	for {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
		f.mu.Lock()
		batch := f.latest
		f.latest = map[string]int64{}
		f.mu.Unlock()
		for tenantID, seq := range batch {
			// Without Redis the other nodes find the events by looking.
			ctx, cancel := context.WithTimeout(ctx, redisWait)
			f.redis.Publish(ctx, fanoutChannel, tenantID+" "+strconv.FormatInt(seq, 10))
			cancel()
		}
	}
}

func (f *fanout) subscribe(ctx context.Context) {
	for ctx.Err() == nil {
		connect, cancel := context.WithTimeout(ctx, redisWait)
		sub := f.redis.Subscribe(connect, fanoutChannel)
		cancel()
		closeSub := sync.OnceFunc(func() {
			if err := sub.Close(); err != nil {
				f.log.Debug("event hints", "err", err)
			}
		})
		unhook := context.AfterFunc(ctx, closeSub) // a read under way does not end with its context
		f.listen(ctx, sub)
		unhook()
		closeSub()
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// redisWait bounds a call: while the master of a Sentinel group is looked for, others
// wait for who looks.
const redisWait = time.Second

// quietFor is how long the subscription may say nothing before it is asked whether
// it is still there: a server that vanished closes no connection.
const quietFor = 3 * time.Second

func (f *fanout) listen(ctx context.Context, sub *redis.PubSub) {
	for asked := false; ; {
		got, err := sub.ReceiveTimeout(ctx, quietFor)
		if silence, ok := errors.AsType[net.Error](err); ok && silence.Timeout() && !asked {
			err, asked = sub.Ping(ctx), true
		} else {
			asked = false
		}
		if err != nil {
			return
		}
		m, ok := got.(*redis.Message)
		if !ok {
			continue
		}
		tenantID, n, _ := strings.Cut(m.Payload, " ")
		if seq, err := strconv.ParseInt(n, 10, 64); err == nil {
			f.hear(tenantID, seq)
		}
	}
}
