package tasks

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

// Task types. Tasks carry nothing: they say "look into the table".
const (
	TypeSends = "sends:due"
	TypeMedia = "media:due"
)

// queue is the only asynq queue: its throughput falls with their number.
const queue = "linktor"

// Bell rings for work. A process that does the work itself rings in memory;
// another one leaves a task in Redis, where the workers hear it.
type Bell struct {
	client *asynq.Client
	server *asynq.Server
	local  map[string]func()
	rings  chan string
	log    *slog.Logger
	stop   chan struct{}
	wg     sync.WaitGroup
}

// NewBell rings through the given Redis. local holds what this process does
// itself, by task type. check is how often Redis is asked; 0 means never, where
// nobody else can ring.
func NewBell(conn asynq.RedisConnOpt, local map[string]func(), check time.Duration, log *slog.Logger) *Bell {
	b := &Bell{client: asynq.NewClient(conn), local: local, rings: make(chan string, 64), log: log, stop: make(chan struct{})}
	if len(local) > 0 && check > 0 {
		b.server = asynq.NewServer(conn, asynq.Config{
			Concurrency: 2, Queues: map[string]int{queue: 1}, LogLevel: asynq.FatalLevel,
			TaskCheckInterval: check, ShutdownTimeout: 2 * time.Second,
			HealthCheckInterval: time.Minute,
			RetryDelayFunc:      func(int, error, *asynq.Task) time.Duration { return 0 },
		})
	}
	return b
}

// Start begins to listen. A Redis that is away is no error: it is heard once it is
// there, and work is found by polling meanwhile.
func (b *Bell) Start() error {
	b.wg.Go(b.ringLoop)
	if b.server == nil {
		return nil
	}
	mux := asynq.NewServeMux()
	for typ, fn := range b.local {
		mux.HandleFunc(typ, func(context.Context, *asynq.Task) error {
			fn()
			return nil
		})
	}
	return b.server.Start(mux)
}

// Stop ends listening and ringing.
func (b *Bell) Stop(context.Context) error {
	close(b.stop)
	b.wg.Wait()
	if b.server != nil {
		b.server.Shutdown()
	}
	return b.client.Close()
}

// Ring announces work. It never blocks and never fails: whoever does the work
// looks for it now and then anyway.
func (b *Bell) Ring(typ string) {
	if fn := b.local[typ]; fn != nil {
		fn()
		return
	}
	select {
	case b.rings <- typ:
	default: // enough rings wait already
	}
}

func (b *Bell) ringLoop() {
	for {
		select {
		case typ := <-b.rings:
			b.enqueue(typ)
		case <-b.stop:
			return
		}
	}
}

// enqueue leaves a task unless one of its kind waits already. A task whose worker is
// gone, or lost sight of Redis, is done again however often that happens: given up, it
// would keep its place for months, and no ring would be heard.
func (b *Bell) enqueue(typ string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err := b.client.EnqueueContext(ctx, asynq.NewTask(typ, nil), asynq.Queue(queue), asynq.TaskID(typ), asynq.MaxRetry(math.MaxInt32), asynq.Timeout(10*time.Second))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		b.log.Warn("doorbell", "task", typ, "err", err)
	}
}
