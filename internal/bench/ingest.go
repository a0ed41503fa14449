package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

const (
	rounds = 3

	// The bodies of a round are made before it, so that the load costs little; a
	// server that is too slow for them is stopped waiting for.
	ingestBodies  = 40_000
	ingestBatched = 6_000 // bodies of ten
	roundTime     = 8 * time.Second
)

// round is one measurement under full load.
type round struct {
	perSecond, p50, p99 float64
	cpu                 float64 // seconds of the server per 1,000 messages
}

// ingest posts webhooks as fast as they are taken.
func (b *bench) ingest(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		single, err := w.rounds(ctx, ingestBodies, 1)
		if err != nil {
			return err
		}
		batched, err := w.rounds(ctx, ingestBatched, 10)
		if err != nil {
			return err
		}
		memory, err := w.server.Memory()
		if err != nil {
			return err
		}
		atLeast := map[string]float64{"postgres": 5000}
		return b.report("ingest", mode,
			figure{Name: "messages committed, 1 per body", Value: single.perSecond, Unit: "/s", AtLeast: atLeast[mode]},
			figure{Name: "p50", Value: single.p50, Unit: "ms"},
			figure{Name: "p99", Value: single.p99, Unit: "ms", AtMost: 50},
			figure{Name: "processor of the server per 1,000", Value: single.cpu, Unit: "s"},
			figure{Name: "messages committed, 10 per body", Value: batched.perSecond, Unit: "/s"},
			figure{Name: "p99 of a body", Value: batched.p99, Unit: "ms"},
			figure{Name: "memory of the server after it", Value: float64(memory >> 20), Unit: "MiB"},
		)
	})
}

// rounds measures several times and returns the medians.
func (w *world) rounds(ctx context.Context, bodies, perBody int) (round, error) {
	var perSecond, p50, p99, cpu []float64
	for range rounds {
		r, err := w.flood(ctx, bodies, perBody)
		if err != nil {
			return round{}, err
		}
		perSecond, p50, p99, cpu = append(perSecond, r.perSecond), append(p50, r.p50), append(p99, r.p99), append(cpu, r.cpu)
	}
	return round{rig.Median(perSecond), rig.Median(p50), rig.Median(p99), rig.Median(cpu)}, nil
}

// flood posts up to the given number of bodies and counts what was committed.
func (w *world) flood(ctx context.Context, bodies, perBody int) (round, error) {
	line, hooks := w.lines[0], make([]*rig.Webhook, bodies)
	tag, now := rand.Text()[:10], time.Now()
	for i := range hooks {
		in := make([]rig.Inbound, perBody)
		for k := range in {
			n := i*perBody + k
			in[k] = rig.Inbound{ID: fmt.Sprintf("wamid.%s%08d", tag, n), From: rig.Customer(n % customers), Text: fmt.Sprintf("message %d of the load", n), At: now}
		}
		hooks[i] = line.Messages(in...)
	}
	before, err := w.count(ctx)
	if err != nil {
		return round{}, err
	}
	cpu := w.server.CPU()
	posted, times, elapsed, err := post(ctx, line, w.hook, hooks)
	if err != nil {
		return round{}, err
	}
	used := w.server.CPU() - cpu
	after, err := w.count(ctx)
	if err != nil {
		return round{}, err
	}
	if after-before != posted*perBody {
		return round{}, fmt.Errorf("%d messages were acknowledged and %d are committed", posted*perBody, after-before)
	}
	n := float64(after - before)
	return round{n / elapsed.Seconds(), times.Quantile(0.5), times.Quantile(0.99), used.Seconds() / n * 1000}, nil
}

// post delivers hooks over all connections until they are gone or time is up.
func post(ctx context.Context, line *rig.Line, c *rig.Client, hooks []*rig.Webhook) (posted int, times *rig.Times, elapsed time.Duration, err error) {
	times = &rig.Times{}
	var next, done atomic.Int64
	var refused error
	var once sync.Once
	var wg sync.WaitGroup
	began := time.Now()
	for range connections {
		wg.Go(func() {
			for ctx.Err() == nil && time.Since(began) < roundTime {
				i := int(next.Add(1)) - 1
				if i >= len(hooks) {
					return
				}
				start := time.Now()
				ok, err := line.Post(c, hooks[i])
				if err != nil || !ok {
					once.Do(func() { refused = fmt.Errorf("a webhook was not taken (%w)", errors.Join(err, ctx.Err())) })
					return
				}
				times.Add(time.Since(start))
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return int(done.Load()), times, time.Since(began), refused
}
