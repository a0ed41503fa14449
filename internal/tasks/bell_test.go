package tasks

import (
	"log/slog"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/redisconn"
)

// A ring that a worker took and did not live to hear is heard by another one, and so
// are those after it.
func TestRingOutlivesItsWorker(t *testing.T) {
	t.Parallel()
	conn, err := redisconn.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	log := slog.New(slog.DiscardHandler)
	caller := NewBell(conn, nil, 0, log)
	caller.enqueue(TypeSends)
	// What asynq leaves behind of a worker that ended in the middle, a while ago.
	const take = `local id = redis.call('RPOPLPUSH', 'asynq:{linktor}:pending', 'asynq:{linktor}:active')
		redis.call('HSET', 'asynq:{linktor}:t:' .. id, 'state', 'active')
		return redis.call('ZADD', 'asynq:{linktor}:lease', 1, id)`
	if err := conn.Eval(t.Context(), take, nil).Err(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{}, 8)
	worker := NewBell(conn, map[string]func(){TypeSends: func() { heard <- struct{}{} }}, 50*time.Millisecond, log)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := worker.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	wait := func(ring func()) {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case <-heard:
				return
			case <-tick.C:
				ring()
			case <-deadline:
				t.Fatal("the ring was not heard")
			}
		}
	}
	wait(func() {})
	wait(func() { caller.enqueue(TypeSends) }) // one that comes before the first is over is lost, by design
}
