package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/bare"
	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/id"
)

// openRate is the open loop: bodies a second, whether answers come or not.
const openRate = 2000

// round is what one measurement under full load found.
type round struct {
	perSecond, p50, p99 float64
	cpu, database       float64 // seconds of processor time per 1,000
}

// medianOf is the median of one figure of each round.
func medianOf[T any](rounds []T, of func(T) float64) float64 {
	values := make([]float64, len(rounds))
	for i := range rounds {
		values[i] = of(rounds[i])
	}
	return rig.Median(values)
}

func perSecond(r round) float64 { return r.perSecond }
func p50(r round) float64       { return r.p50 }
func p99(r round) float64       { return r.p99 }
func cpu(r round) float64       { return r.cpu }
func database(r round) float64  { return r.database }

// ingest posts webhooks as fast as they are taken, kinds of load and limits of the
// machine in turn.
func (b *bench) ingest(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		t, err := b.table(ctx, mode)
		if err != nil {
			return err
		}
		defer t.db.Close()
		watched := w.server.Watch()
		var inserts, checks []float64
		found := make([][]round, len(mixes))
		for range b.scale.rounds {
			n, err := t.insert(ctx, b.scale.limit)
			if err != nil {
				return err
			}
			inserts = append(inserts, n)
			if n, err = b.checks(ctx, b.scale.limit); err != nil {
				return err
			}
			checks = append(checks, n)
			for i, m := range mixes {
				r, err := w.round(ctx, m)
				if err != nil {
					return fmt.Errorf("%s: %w", m.name, err)
				}
				found[i] = append(found[i], r)
			}
		}
		open, limit, err := w.openLoop(ctx)
		if err != nil {
			return err
		}
		used := watched()
		return b.report("ingest", mode, append(ingestFigures(mode, found, rig.Median(inserts), rig.Median(checks)),
			figure{Name: fmt.Sprintf("p50 at %d/s", openRate), Value: open.p50, Unit: "ms"}.of(limit.p50, "bare Fiber"),
			figure{Name: fmt.Sprintf("p99 at %d/s", openRate), Value: open.p99, Unit: "ms", AtMost: 20}.of(limit.p99, "bare Fiber").beside(peerOpenLoop),
			figure{Name: fmt.Sprintf("server CPU per 1,000 at %d/s", openRate), Value: open.cpu, Unit: "s", AtMost: 0.25}.of(limit.cpu, "bare Fiber"),
			figure{Name: "most memory of the server", Value: float64(used.Peak) / (1 << 20), Unit: "MiB", AtMost: 200}.beside(peerMemory),
		)...)
	})
}

// ingestTargets are messages a second by mode and mix.
var ingestTargets = map[string][]float64{"postgres": {7000, 15_000}, "sqlite": {4000}}

func ingestFigures(mode string, found [][]round, inserts, checks float64) []figure {
	var list []figure
	for i, m := range mixes {
		f := figure{Name: m.name, Value: medianOf(found[i], perSecond), Unit: "/s"}.of(inserts, "rows/s, grouped insert")
		if targets := ingestTargets[mode]; i < len(targets) {
			f.AtLeast = targets[i]
		}
		tail := figure{Name: "  p99", Value: medianOf(found[i], p99), Unit: "ms"}
		switch i {
		case 0:
			f, tail = f.beside(peerIngest), tail.beside(peerIngestP99)
			tail.AtMost = 20
		case 1:
			f = f.beside(peerBatched)
		}
		list = append(list, f, figure{Name: "  p50", Value: medianOf(found[i], p50), Unit: "ms"}, tail)
	}
	single := found[0]
	return append(list,
		figure{Name: "1 message per body, as requests", Value: medianOf(single, perSecond), Unit: "/s"}.of(checks, "req/s, bare Fiber with HMAC"),
		figure{Name: "server CPU per 1,000, 1 per body", Value: medianOf(single, cpu), Unit: "s"}.beside(peerIngestCPU),
		figure{Name: "PostgreSQL CPU per 1,000, 1 per body", Value: medianOf(single, database), Unit: "s"}.beside(peerDatabase),
	)
}

// round makes a load and posts it as fast as it is taken.
func (w *world) round(ctx context.Context, m mix) (round, error) {
	since := id.Floor(id.Message, time.Now())
	parcels, err := m.make(ctx, w, &w.b.scale)
	if err != nil {
		return round{}, err
	}
	return w.flood(ctx, parcels, since)
}

// flood posts parcels over all connections until they are gone or time is up, and
// compares what was acknowledged with what is committed of messages from id since on.
func (w *world) flood(ctx context.Context, parcels []parcel, since string) (round, error) {
	before, err := w.count(ctx, since)
	if err != nil {
		return round{}, err
	}
	server, db := w.server.CPU(), w.b.services.DatabaseCPU()
	posted, times, elapsed, err := w.post(ctx, parcels)
	if err != nil {
		return round{}, err
	}
	server, db = w.server.CPU()-server, w.b.services.DatabaseCPU()-db
	after, err := w.count(ctx, since)
	if err != nil {
		return round{}, err
	}
	want, items := 0, 0
	for i := range parcels[:posted] {
		want += parcels[i].messages + parcels[i].statuses
		items += parcels[i].items()
	}
	if after-before != want {
		return round{}, fmt.Errorf("%d messages and statuses were acknowledged and %d are committed", want, after-before)
	}
	n := float64(items)
	return round{n / elapsed.Seconds(), times.Quantile(0.5), times.Quantile(0.99), server.Seconds() / n * 1000, db.Seconds() / n * 1000}, nil
}

// post returns how many of the parcels, from the first on, were posted.
func (w *world) post(ctx context.Context, parcels []parcel) (posted int, times *rig.Times, elapsed time.Duration, err error) {
	times = &rig.Times{}
	var next, done atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	began := time.Now()
	for range connections {
		wg.Go(func() {
			for ctx.Err() == nil && time.Since(began) < w.b.scale.flood {
				i := int(next.Add(1)) - 1
				if i >= len(parcels) {
					return
				}
				start := time.Now()
				if e := taken(w.lines[0].Post(w.hook, parcels[i].hook)); e != nil {
					once.Do(func() { err = e })
					return
				}
				times.Add(time.Since(start))
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return int(done.Load()), times, time.Since(began), errors.Join(err, ctx.Err())
}

// taken is the error of a webhook that was not answered 200.
func taken(ok bool, err error) error {
	if err == nil && !ok {
		err = errors.New("refused")
	}
	if err != nil {
		return fmt.Errorf("a webhook was not taken: %w", err)
	}
	return nil
}

// openLoop posts at a steady rate to the server, then to bare Fiber. Times count
// from when a body was due, so that a slow answer does not hide the wait of those
// behind it.
func (w *world) openLoop(ctx context.Context) (ours, limit round, err error) {
	parcels := w.messages(int(w.b.scale.paced.Seconds()*openRate), 1)
	if ours, err = paced(ctx, w.server.Process, parcels, w.lines[0], w.hook); err != nil {
		return ours, limit, err
	}
	line, c := w.b.bare.Line(bare.Check), rig.NewClient(w.b.bare.Addr, "", connections)
	for i := range parcels {
		parcels[i].hook = line.Messages(rig.Inbound{ID: parcels[i].hook.IDs[0], From: rig.Customer(i % customers), Text: "message of the load", At: time.Now()})
	}
	limit, err = paced(ctx, w.b.bare.Process, parcels, line, c)
	return ours, limit, err
}

func paced(ctx context.Context, server rig.Process, parcels []parcel, line *rig.Line, c *rig.Client) (round, error) {
	times := &rig.Times{}
	used := server.CPU()
	err := rig.Pace(ctx, openRate, len(parcels), connections, func(i int, due time.Time) error {
		err := taken(line.Post(c, parcels[i].hook))
		times.Add(time.Since(due))
		return err
	})
	used = server.CPU() - used
	return round{perSecond: openRate, p50: times.Quantile(0.5), p99: times.Quantile(0.99), cpu: used.Seconds() / float64(len(parcels)) * 1000}, err
}
