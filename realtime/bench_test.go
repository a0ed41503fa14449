package realtime_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linktor/linktor/realtime"
)

// sink is a transport that takes everything and counts event frames.
type sink struct {
	hello chan []byte
	gone  chan struct{}
	once  sync.Once
	open  *sync.WaitGroup // done when ready was written
	got   *atomic.Int64
}

func newSink(open *sync.WaitGroup, got *atomic.Int64) *sink {
	s := &sink{hello: make(chan []byte, 1), gone: make(chan struct{}), open: open, got: got}
	s.hello <- []byte(`{"op":"hello"}`)
	return s
}

func (s *sink) ReadFrame() ([]byte, error) {
	select {
	case b := <-s.hello:
		return b, nil
	case <-s.gone:
		return nil, context.Canceled
	}
}

func (s *sink) Write([]byte) error                { return nil }
func (s *sink) Close(realtime.Code, string) error { s.Abort(0); return nil }
func (s *sink) Abort(time.Duration)               { s.once.Do(func() { close(s.gone) }) }
func (s *sink) LastSeen() time.Time               { return time.Now() }
func (s *sink) AppendPing(dst []byte) []byte      { return dst }
func (s *sink) AppendEvent(dst []byte, d realtime.Delivery) []byte {
	s.got.Add(1)
	return realtime.AppendEvent(dst, d.Seq, d.Prev, d.Subs, d.Envelope)
}

func (s *sink) AppendControl(dst []byte, c realtime.Control) []byte {
	if c.Op == realtime.OpReady {
		s.open.Done()
	}
	return append(dst, c.JSON...)
}

// connect opens n sinks on a hub and returns how many events they have got.
func connect(b *testing.B, log *memLog, n int) (*realtime.Hub, *atomic.Int64) {
	hub := realtime.NewHub(log, realtime.Options{})
	var open, served sync.WaitGroup
	var got atomic.Int64
	open.Add(n)
	for range n {
		served.Go(func() { hub.Serve(context.Background(), newSink(&open, &got), admit(anyone)) })
	}
	open.Wait()
	b.Cleanup(func() {
		if err := hub.Drain(context.Background()); err != nil {
			b.Error(err)
		}
		served.Wait()
	})
	return hub, &got
}

// BenchmarkFanout1000 is one event to 1,000 connections, from the notification
// to the last frame handed to its transport.
func BenchmarkFanout1000(b *testing.B) {
	const conns = 1000
	log := newLog()
	hub, got := connect(b, log, conns)
	for i := 0; b.Loop(); i++ {
		hub.Notify(tenant, log.add(1, "message.received", "ch_1"))
		for got.Load() < int64(i+1)*conns {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(b.N)*conns/b.Elapsed().Seconds(), "frames/s")
}

// BenchmarkIdleMemory is what the hub keeps for a connection that waits,
// including the goroutine that reads it, without the transport's buffers.
func BenchmarkIdleMemory(b *testing.B) {
	const conns = 1000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	connect(b, newLog(), conns)
	for range 3 { // stacks shrink by half in each
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc+after.StackInuse) - int64(before.HeapAlloc+before.StackInuse)
	for b.Loop() {
		runtime.Gosched()
	}
	b.ReportMetric(float64(used)/conns, "B/conn")
}
