package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/bare"
	"github.com/linktor/linktor/internal/bench/rig"
)

// fan is a server with sockets that all get what is posted to it.
type fan struct {
	process rig.Process
	line    *rig.Line
	client  *rig.Client
	options rig.FleetOptions
	fleet   *rig.Fleet

	opened    float64      // sockets a second
	perSocket float64      // memory of the server, in KiB
	present   atomic.Int64 // bits from batchBits on: the batch of posts that is listened for
	due       []atomic.Int64
	took      [][]time.Duration // by socket
}

const fanPatience = 60 * time.Second

// hello asks for the inbound messages.
var hello = []byte(`{"op":"hello","client":"bench","subscribe":[{"id":"1","types":["message.received"]}]}`)

// fan opens sockets of the server.
func (w *world) fan(ctx context.Context, sockets int) (*fan, error) {
	f := &fan{process: w.server.Process, line: w.lines[0], client: w.hook,
		options: rig.FleetOptions{Addr: w.node.Listen, Path: "/api/v1/realtime", Key: w.key, Hello: hello, Sockets: sockets}}
	return f, f.open(ctx, w.b.scale.settle)
}

// bareFan opens sockets of a fresh bare server.
func bareFan(ctx context.Context, sockets int, settle time.Duration) (f *fan, stop func(), err error) {
	b, err := rig.StartBare(ctx)
	if err != nil {
		return nil, nil, err
	}
	f = &fan{process: b.Process, line: b.Line(bare.Publish), client: rig.NewClient(b.Addr, "", connections),
		options: rig.FleetOptions{Addr: b.Addr, Path: "/socket", Sockets: sockets}}
	if err := f.open(ctx, settle); err != nil {
		b.Stop()
		return nil, nil, err
	}
	return f, func() { f.fleet.Close(); b.Stop() }, nil
}

func (f *fan) open(ctx context.Context, settle time.Duration) error {
	if f.options.Sockets == 1 { // its memory tells nothing
		settle = 0
	}
	rig.Pause(ctx, settle)
	before, err := f.process.Memory()
	if err != nil {
		return err
	}
	f.took = make([][]time.Duration, f.options.Sockets)
	f.options.OnFrame = f.frame
	began := time.Now()
	if f.fleet, err = rig.DialFleet(ctx, f.options); err != nil {
		return err
	}
	f.opened = float64(f.options.Sockets) / time.Since(began).Seconds()
	rig.Pause(ctx, settle)
	after, err := f.process.Memory()
	f.perSocket = float64(after-before) / 1024 / float64(f.options.Sockets)
	return err
}

// batchBits is how many posts a batch may have, as a power of two.
const batchBits = 20

// mark begins the text of every post; its number follows.
const mark = `"bench `

// frame notes how long a frame took that belongs to the present batch.
func (f *fan) frame(socket int, payload []byte) {
	now := time.Now().UnixNano()
	at := bytes.Index(payload, []byte(mark))
	if at < 0 {
		return
	}
	digits := payload[at+len(mark):]
	digits = digits[:max(0, bytes.IndexByte(digits, '"'))]
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || n>>batchBits != f.present.Load() {
		return
	}
	due := f.due[n&(1<<batchBits-1)].Load()
	f.took[socket] = append(f.took[socket], time.Duration(now-due))
}

// spread is what a batch of posts found.
type spread struct {
	p50, p99  float64 // from when a post was due to each frame, in ms
	perSecond float64 // frames
	cpu       float64 // seconds of the server per 1,000 frames
	peak      float64 // memory of the server, in MiB
}

// spread posts n texts at a rate, or as fast as they are taken if rate is 0, and
// waits until every socket has them all.
func (f *fan) spread(ctx context.Context, rate float64, n int) (s spread, err error) {
	f.due = make([]atomic.Int64, n)
	for i := range f.took {
		f.took[i] = f.took[i][:0]
	}
	batch := f.present.Add(1)
	hooks, tag := make([]*rig.Webhook, n), rand.Text()[:10]
	for i := range hooks {
		hooks[i] = f.line.Messages(rig.Inbound{ID: fmt.Sprintf("wamid.%s%08d", tag, i), From: rig.Customer(i % customers), Text: fmt.Sprintf("bench %d", batch<<batchBits|int64(i)), At: time.Now()})
	}
	frames, watched, began := f.fleet.Frames(), f.process.Watch(), time.Now()
	if err := f.post(ctx, rate, hooks); err != nil {
		watched()
		return s, err
	}
	want := int64(n) * int64(f.options.Sockets)
	err = f.await(ctx, frames+want)
	elapsed, used := time.Since(began), watched()
	if err != nil {
		return s, err
	}
	times := &rig.Times{}
	for _, t := range f.took {
		times.AddAll(t)
	}
	return spread{times.Quantile(0.5), times.Quantile(0.99), float64(want) / elapsed.Seconds(), used.CPU.Seconds() / float64(want) * 1000, float64(used.Peak) / (1 << 20)}, nil
}

func (f *fan) post(ctx context.Context, rate float64, hooks []*rig.Webhook) error {
	if rate > 0 {
		return rig.Pace(ctx, rate, len(hooks), connections, func(i int, due time.Time) error {
			f.due[i].Store(due.UnixNano())
			return taken(f.line.Post(f.client, hooks[i]))
		})
	}
	var next atomic.Int64
	errs := make([]error, connections)
	var wg sync.WaitGroup
	for c := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(hooks) && errs[c] == nil && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				f.due[i].Store(time.Now().UnixNano())
				errs[c] = taken(f.line.Post(f.client, hooks[i]))
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// await waits until so many frames have come in all.
func (f *fan) await(ctx context.Context, frames int64) error {
	ctx, cancel := context.WithTimeout(ctx, fanPatience)
	defer cancel()
	for f.fleet.Frames() < frames {
		if f.fleet.Ended() > 0 || !rig.Pause(ctx, time.Millisecond) {
			return fmt.Errorf("%d frames are missing, and %d sockets were closed", frames-f.fleet.Frames(), f.fleet.Ended())
		}
	}
	return nil
}
