package realtime_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linktor/linktor/realtime"
)

// step is one thing that happens to a client that follows the log.
type step struct {
	Kind string
	N    int
}

// follower is a client that keeps its cursor, comes back with it, and checks
// everything it is told.
type follower struct {
	b      *bench
	pipe   *pipe
	hub    *realtime.Hub
	cursor string
	told   int64
	got    map[int64]bool
	gaps   []frame
	err    error
}

func (f *follower) connect(capacity int) {
	f.pipe = newPipe(capacity)
	p, hub := f.pipe, f.hub
	f.b.wg.Go(func() { hub.Serve(context.Background(), p, admit(anyone)); p.end() })
	p.send(`{"op":"hello","resume":%q,"subscribe":[{"id":"s","types":["a.*"]}]}`, f.cursor)
}

// take checks frames. max limits how many a client that is cut off has seen.
func (f *follower) take(frames []frame, limit int) {
	for i, fr := range frames {
		if i == limit || f.err != nil {
			return
		}
		switch fr.Op {
		case "ready":
			if fr.Cursor != f.cursor && f.cursor != "v1.e0.0" && (i+1 >= len(frames) || frames[i+1].Op != "reset") {
				f.err = fmt.Errorf("resumed from %s at %s", f.cursor, fr.Cursor)
			}
			c, _ := realtime.ParseCursor(fr.Cursor)
			f.told = c.Seq
		case "reset":
			f.gaps, f.told, f.cursor = append(f.gaps, fr), fr.To, fr.Cursor
		case "mark":
			f.told, f.cursor = fr.Seq, fr.Cursor
		case "event":
			if fr.Prev != f.told || fr.Seq <= f.told {
				f.err = fmt.Errorf("event %d after %d, but the client is at %d", fr.Seq, fr.Prev, f.told)
			}
			f.got[fr.Seq], f.told, f.cursor = true, fr.Seq, fmt.Sprintf("v1.eA.%d", fr.Seq)
		}
	}
}

// follow plays steps and returns what the client has to complain about.
func follow(b *bench, second *realtime.Hub, steps []step) error {
	f := &follower{b: b, hub: b.hub, cursor: "v1.e0.0", got: map[int64]bool{}}
	var wanted []int64
	f.connect(1)
	for _, s := range steps {
		switch s.Kind {
		case "append":
			head := b.log.add(s.N, "a.b", "ch_1")
			for n := range s.N {
				wanted = append(wanted, head-int64(n))
			}
			b.hub.Notify(tenant, head)
		case "other":
			b.hub.Notify(tenant, b.log.add(s.N, "c.d", "ch_1"))
		case "read":
			f.take(f.pipe.frames(), -1)
		case "crash": // the client saw N frames of what was on its way
			frames := f.pipe.frames()
			f.pipe.end()
			f.take(frames, s.N)
			f.connect(s.N % 3)
		case "move": // to the other node
			f.pipe.end()
			if f.hub = second; s.N%2 == 0 {
				f.hub = b.hub
			}
			f.connect(1)
		case "prune":
			b.log.prune(s.N)
		case "wait":
			b.pass(time.Duration(s.N) * 100 * time.Millisecond)
		}
	}
	b.pass(time.Minute) // blocked writers are closed, polls see everything
	f.pipe.end()
	f.connect(1)
	f.take(f.pipe.frames(), -1)
	for _, seq := range wanted {
		lost := !f.got[seq]
		for _, g := range f.gaps {
			lost = lost && (seq < g.From || seq > g.To)
		}
		if lost && f.err == nil {
			f.err = fmt.Errorf("event %d was neither delivered nor announced as lost; gaps %v", seq, f.gaps)
		}
	}
	return f.err
}

// Whatever happens to the socket, the node and the log, a client that comes back
// with its cursor has every event it asked for once, in order, or was told which
// it cannot have.
func TestNoGapNoDuplicate(t *testing.T) {
	kinds := rapid.SampledFrom([]string{"append", "append", "burst", "other", "read", "crash", "move", "prune", "wait"})
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			s := step{Kind: kinds.Draw(rt, "kind"), N: rapid.IntRange(0, 30).Draw(rt, "n")}
			if s.Kind == "burst" {
				s.Kind, s.N = "append", s.N*400 // beyond the ring
			}
			return s
		}), 1, 40).Draw(rt, "steps")
		var err error
		synctest.Test(t, func(t *testing.T) {
			b := &bench{T: t, log: newLog()}
			b.hub = realtime.NewHub(b.log, realtime.Options{})
			second := realtime.NewHub(b.log, realtime.Options{})
			err = follow(b, second, steps)
			for _, h := range []*realtime.Hub{b.hub, second} {
				if e := h.Drain(context.Background()); e != nil {
					t.Error(e)
				}
			}
			b.wg.Wait()
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// What parses is written back the same.
func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"v1.eA.0", "v1.e0.0", "v1.x.9223372036854775807", "v1..1", "v1.a.-1", "v1.a.01", "v2.a.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := realtime.ParseCursor(s)
		if err == nil && c.String() != s {
			t.Errorf("%q parses to %q", s, c)
		}
	})
}
