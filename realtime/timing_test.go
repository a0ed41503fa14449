package realtime_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linktor/linktor/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHelloInTime(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := b.dial(anyone, "")
		b.pass(5*time.Second - 1)
		b.expectOps(p.frames())
		b.pass(1)
		b.expectClose(p.frames(), realtime.CloseRetry)
	})
}

func TestHeartbeatMarksTheScannedPosition(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		b.add(1, "b.c", "ch_1")
		p := b.dial(anyone, `{"op":"hello","subscribe":[{"id":"s","types":["a.*"]}]}`)
		b.expectOps(p.frames(), "ready")
		b.add(6, "b.c", "ch_1")
		b.expectOps(p.frames())
		b.pass(26 * time.Second)
		fs := p.frames()
		b.expectOps(fs, "mark")
		if fs[0].Seq != 7 || fs[0].Cursor != "v1.eA.7" {
			t.Errorf("mark = %+v, want 7", fs[0])
		}
		b.add(1, "a.b", "ch_1")
		if fs = p.frames(); len(fs) != 1 || fs[0].Prev != 7 || fs[0].Seq != 8 {
			t.Errorf("after the mark: %+v, want 8 after 7", fs)
		}
	})
}

func TestTwoMissedPingsClose(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := b.dial(anyone, `{"op":"hello"}`)
		p.mute.Store(true)
		b.pass(74 * time.Second)
		b.expectOps(p.frames(), "ready", "mark", "mark")
		b.pass(2 * time.Second)
		b.expectClose(p.frames(), realtime.CloseHeartbeat)
	})
}

func TestAnyFrameIsASignOfLife(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := b.dial(anyone, `{"op":"hello"}`)
		p.mute.Store(true)
		for range 10 {
			b.pass(20 * time.Second)
			p.send(`{"op":"ping"}`)
		}
		for _, f := range p.frames() {
			if f.Op == "close" {
				t.Fatalf("closed: %+v", f)
			}
		}
	})
}

// A client that stops reading is left alone for a minute, costs no event to
// anybody, and is then closed with the place from where to go on.
func TestBlockedClientIsClosedAsSlow(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := newPipe(0)
		b.serve(p, anyone)
		p.send(`{"op":"hello"}`)
		p.frames()
		q := b.dial(anyone, `{"op":"hello"}`)
		b.expectOps(q.frames(), "ready")
		b.add(100, "x.y", "ch_1")
		b.pass(59 * time.Second)
		if got := events(q.frames()); len(got) != 100 {
			t.Errorf("the other client got %d events, want 100", len(got))
		}
		if s := b.hub.Stats(); s.Slow != 0 || s.Connections != 2 {
			t.Errorf("stats = %+v, want both open", s)
		}
		b.pass(2 * time.Second)
		reason := b.expectClose(p.frames(), realtime.CloseSlow)
		if !strings.HasPrefix(reason, "slow_consumer: resume from v1.eA.") {
			t.Errorf("reason %q", reason)
		}
		if s := b.hub.Stats(); s.Slow != 1 || s.Connections != 1 {
			t.Errorf("stats = %+v, want one slow and one open", s)
		}
	})
}

// However many clients take nothing, the others wait a moment at most.
func TestStuckClientsHoldNobodyUp(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		for range 200 {
			p := newPipe(0)
			b.serve(p, anyone)
			p.send(`{"op":"hello"}`)
			p.frames() // ready; nothing is read from here on
		}
		q := b.dial(anyone, `{"op":"hello"}`)
		b.expectOps(q.frames(), "ready")
		for n := range 3 {
			b.add(100, "x.y", "ch_1")
			b.pass(100 * time.Millisecond)
			if got := events(q.frames()); len(got) != 100 {
				t.Fatalf("round %d: %d events, want 100", n, len(got))
			}
		}
	})
}

// A client slower than the events falls behind the ring and still gets each.
func TestSlowClientCatchesUpFromTheLog(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := newPipe(0)
		b.serve(p, anyone)
		p.send(`{"op":"hello"}`)
		fs := p.frames()
		for range 30 {
			b.add(1000, "x.y", "ch_1")
			b.pass(time.Millisecond)
		}
		fs = append(fs, p.frames()...)
		expectChain(t, fs, 1, 30_000)
		if s := b.hub.Stats(); s.CatchUps == 0 || s.Resets != 0 {
			t.Errorf("stats = %+v, want reads of the log and no gap", s)
		}
	})
}

func TestGapWhileBehindIsAnnounced(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := newPipe(0)
		b.serve(p, anyone)
		p.send(`{"op":"hello"}`)
		p.frames()
		b.add(1, "x.y", "ch_1")
		b.pass(time.Millisecond) // the writer is blocked with event 1
		for range 10 {
			b.add(1000, "x.y", "ch_1")
			b.pass(time.Millisecond)
		}
		b.log.prune(4900)    // 5,102 and newer; the ring begins at 5,906
		fs := p.frames()[1:] // after the mark that names the log
		if fs[1].Op != "reset" || fs[1].From != 2 || fs[1].To != 5101 || fs[1].Reason != "retention" {
			t.Fatalf("after event 1: %+v, want reset 2-5101", fs[1])
		}
		expectChain(t, fs[1:], 5102, 10_001)
	})
}

func TestRevokedCredential(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		var revoked atomic.Bool
		var asked atomic.Int64
		c := realtime.Client{Owner: "key_1", Ended: realtime.CloseError{Code: realtime.CloseRevoked, Reason: "the key was revoked"},
			Alive: func(context.Context) bool { asked.Add(1); return !revoked.Load() }}
		p, q := b.dial(c, `{"op":"hello"}`), b.dial(c, `{"op":"hello"}`)
		other := b.dial(anyone, `{"op":"hello"}`)
		b.pass(10 * time.Second)
		if n := asked.Load(); n != 10 {
			t.Errorf("asked %d times in 10 s for two connections of one key, want 10", n)
		}
		revoked.Store(true)
		b.pass(time.Second)
		b.expectClose(p.frames(), realtime.CloseRevoked)
		b.expectClose(q.frames(), realtime.CloseRevoked)
		b.expectOps(other.frames(), "ready")
	})
}

func TestDrainSendsClientsAway(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		b.add(3, "x.y", "ch_1")
		p, silent := b.dial(anyone, `{"op":"hello"}`), b.dial(anyone, "")
		b.expectOps(p.frames(), "ready")
		b.add(2, "x.y", "ch_1")
		p.frames()
		if err := b.hub.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		fs := p.frames()
		b.expectOps(fs, "reconnect", "close")
		if fs[0].Cursor != "v1.eA.5" || fs[0].AfterMS < 100 || fs[0].AfterMS > 600 {
			t.Errorf("reconnect = %+v", fs[0])
		}
		b.expectClose(fs, realtime.CloseDraining)
		b.expectClose(silent.frames(), realtime.CloseDraining)
		b.expectClose(b.dial(anyone, `{"op":"hello"}`).frames(), realtime.CloseDraining)
	})
}

func TestDrainDoesNotWaitForABlockedClient(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := newPipe(0)
		b.serve(p, anyone)
		p.send(`{"op":"hello"}`)
		p.frames()
		b.add(1, "x.y", "ch_1")
		b.pass(time.Millisecond)
		start := time.Now()
		if err := b.hub.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("took %v, want the close grace of 5 s", d)
		}
	})
}

func TestConnectionLimits(t *testing.T) {
	bubble(t, realtime.Options{MaxConns: 3, MaxPerTenant: 2}, func(b *bench) {
		for range 2 {
			b.expectOps(b.dial(anyone, `{"op":"hello"}`).frames(), "ready")
		}
		b.expectClose(b.dial(anyone, `{"op":"hello"}`).frames(), realtime.CloseLimit)
		b.pass(time.Second)
		b.expectOps(b.dial(realtime.Client{Tenant: "ten_2"}, `{"op":"hello"}`).frames(), "ready")
		b.expectClose(b.dial(anyone, "").frames(), realtime.CloseLimit)
	})
}

func TestFirstEventNamesTheLog(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := b.dial(anyone, `{"op":"hello"}`)
		fs := p.frames()
		if fs[0].Cursor != "v1.e0.0" {
			t.Fatalf("ready = %+v", fs[0])
		}
		b.add(2, "x.y", "ch_1")
		fs = p.frames()
		b.expectOps(fs, "mark", "event", "event")
		if fs[0].Cursor != "v1.eA.0" || !slices.Equal(events(fs), []int64{1, 2}) {
			t.Fatalf("got %+v, want the log's name, then 1 and 2", fs)
		}
		b.pass(26 * time.Second)
		if fs = p.frames(); len(fs) != 1 || fs[0].Cursor != "v1.eA.2" {
			t.Errorf("mark = %+v, want v1.eA.2", fs)
		}
	})
}
