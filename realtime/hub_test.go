package realtime_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linktor/linktor/realtime"
)

var anyone = realtime.Client{}

func TestEventsFollowReadyInAnUnbrokenChain(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		b.add(3, "message.received", "ch_1")
		p := b.dial(anyone, `{"op":"hello","client":"test"}`)
		fs := p.frames()
		b.expectOps(fs, "ready")
		if fs[0].Cursor != "v1.eA.3" || fs[0].Replay != nil {
			t.Errorf("ready = %+v, want cursor v1.eA.3 and no replay", fs[0])
		}
		b.add(2, "message.status", "ch_1")
		fs = p.frames()
		b.expectOps(fs, "event", "event")
		if fs[0].Prev != 3 || fs[0].Seq != 4 || fs[1].Prev != 4 || fs[1].Seq != 5 {
			t.Errorf("chain broken: %+v", fs)
		}
		if string(fs[0].Event) != `{"seq":4,"type":"message.status"}` || !slices.Equal(fs[0].Sub, []string{"all"}) {
			t.Errorf("event = %+v", fs[0])
		}
	})
}

func TestSubscriptionsSelect(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		p := b.dial(anyone, `{"op":"hello","subscribe":[{"id":"m","types":["message.*"]},{"id":"c","channelId":"ch_2"}]}`)
		b.expectOps(p.frames(), "ready")
		b.add(1, "contact.updated", "ch_1") // 1: nobody
		b.add(1, "message.received", "ch_2")
		b.add(1, "contact.updated", "ch_2")
		fs := p.frames()
		b.expectOps(fs, "mark", "event", "event")
		fs = fs[1:] // the log got its name
		if fs[0].Prev != 0 || fs[0].Seq != 2 || !slices.Equal(fs[0].Sub, []string{"m", "c"}) {
			t.Errorf("first = %+v, want 0→2 for m and c", fs[0])
		}
		p.send(`{"op":"unsubscribe","ref":"1","ids":["c"]}`)
		p.send(`{"op":"subscribe","ref":"2","subscribe":[{"id":"v","conversationId":"conv_0","types":["a.b"]}]}`)
		p.send(`{"op":"subscribe","ref":"3","subscribe":[{"id":"bad","types":["a*b"]}]}`)
		p.send(`{"op":"typing","ref":"4"}`)
		p.send(`{"op":"ping","ref":"5"}`)
		fs = p.frames()
		b.expectOps(fs, "ack", "ack", "error", "error", "pong")
		if fs[2].Ref != "3" || fs[2].Code != "bad_frame" || fs[3].Code != "unknown_op" {
			t.Errorf("answers = %+v", fs)
		}
		b.add(2, "a.b", "ch_2")
		if fs = p.frames(); len(fs) != 1 || fs[0].Seq != 4 || fs[0].Prev != 3 {
			t.Errorf("events = %+v, want only 4 after 3", fs)
		}
	})
}

func TestScopeHidesOtherChannels(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		scoped := realtime.Client{Scope: realtime.Scope{"ch_1"}}
		p := b.dial(scoped, `{"op":"hello"}`)
		b.expectOps(p.frames(), "ready")
		b.add(1, "x.y", "ch_1")
		b.add(1, "x.y", "ch_2")
		b.add(1, "x.y", "")
		b.add(1, "x.y", "ch_1")
		if got := events(p.frames()); !slices.Equal(got, []int64{1, 4}) {
			t.Errorf("events %v, want 1 and 4", got)
		}
		q := b.dial(scoped, `{"op":"hello","subscribe":[{"id":"s","channelId":"ch_2"}]}`)
		b.expectClose(q.frames(), realtime.CloseForbidden)
	})
}

func TestHiddenTypes(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		client := realtime.Client{Sees: func(typ string) bool { return !strings.HasPrefix(typ, "secret.") }}
		p := b.dial(client, `{"op":"hello"}`)
		b.expectOps(p.frames(), "ready")
		b.add(1, "x.y", "")
		b.add(2, "secret.y", "")
		b.add(1, "x.y", "")
		if got := events(p.frames()); !slices.Equal(got, []int64{1, 4}) {
			t.Errorf("events %v, want 1 and 4", got)
		}
		p = b.dial(client, `{"op":"hello","resume":"v1.eA.0"}`)
		if got := events(p.frames()); !slices.Equal(got, []int64{1, 4}) {
			t.Errorf("replayed %v, want 1 and 4", got)
		}
		for _, types := range []string{`"secret.y"`, `"secret.*"`, `"x.y","secret.z"`} {
			q := b.dial(client, `{"op":"hello","subscribe":[{"id":"s","types":[`+types+`]}]}`)
			b.expectClose(q.frames(), realtime.CloseForbidden)
		}
	})
}

func TestResume(t *testing.T) {
	for _, tt := range []struct {
		name, resume string
		keep         int // of 10,000 events in epoch eA
		gap          string
		from, to     int64
		first        int64 // event delivered
		close        realtime.Code
	}{
		{name: "where it was", resume: "v1.eA.10000"},
		{name: "from the log", resume: "v1.eA.7", keep: 10_000, first: 8},
		{name: "from the start", resume: "v1.eA.0", keep: 10_000, first: 1},
		{name: "an empty log's cursor", resume: "v1.e0.0", keep: 10_000, first: 1},
		{name: "older than kept", resume: "v1.eA.7", keep: 50, gap: "retention", from: 8, to: 9950, first: 9951},
		{name: "just old enough", resume: "v1.eA.9950", keep: 50, first: 9951},
		{name: "all pruned", resume: "v1.eA.7", gap: "retention", from: 8, to: 10_000},
		{name: "another log", resume: "v1.eB.7", keep: 50, gap: "epoch", from: 9951, to: 10_000},
		{name: "ahead of the log", resume: "v1.eA.10001", keep: 50, gap: "epoch", from: 9951, to: 10_000},
		{name: "no cursor", resume: "10000", close: realtime.CloseBadCursor},
		{name: "empty sequence", resume: "v1.eA.", close: realtime.CloseBadCursor},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, realtime.Options{}, func(b *bench) {
				b.add(10_000, "x.y", "ch_1")
				b.log.prune(tt.keep)
				p := b.dial(anyone, `{"op":"hello","resume":"`+tt.resume+`"}`)
				fs := p.frames()
				if tt.close != 0 {
					b.expectClose(fs, tt.close)
					return
				}
				if tt.gap != "" {
					if r := fs[1]; r.Op != "reset" || r.Reason != tt.gap || r.From != tt.from || r.To != tt.to {
						t.Fatalf("second frame = %+v, want reset %s %d-%d", r, tt.gap, tt.from, tt.to)
					}
				}
				b.add(1, "x.y", "ch_1")
				first := tt.first
				if first == 0 {
					first = 10_001
				}
				expectChain(t, append(fs, p.frames()...), first, 10_001)
			})
		})
	}
}

// expectChain checks that frames deliver first to last once each, in order, and
// that prev proves it.
func expectChain(t *testing.T, fs []frame, first, last int64) {
	t.Helper()
	told, next := int64(-1), first
	for _, f := range fs {
		switch f.Op {
		case "ready":
			c, err := realtime.ParseCursor(f.Cursor)
			if err != nil {
				t.Fatal(err)
			}
			told = c.Seq
		case "reset":
			told = f.To
		case "event":
			if f.Prev != told || f.Seq != next {
				t.Fatalf("event %d after %d, want %d after %d", f.Seq, f.Prev, next, told)
			}
			told, next = f.Seq, next+1
		}
	}
	if next != last+1 {
		t.Fatalf("delivered up to %d, want %d", next-1, last)
	}
}

func TestANewLogIsAnnounced(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		b.add(5, "x.y", "ch_1")
		p := b.dial(anyone, `{"op":"hello"}`)
		b.expectOps(p.frames(), "ready")
		b.log.restore("eB", 2)
		b.pass(time.Second) // until the next look at the head
		b.add(1, "x.y", "ch_1")
		fs := p.frames()
		b.expectOps(fs, "reset", "event")
		if fs[0].Reason != "epoch" || fs[0].Cursor != "v1.eB.2" || fs[1].Prev != 2 || fs[1].Seq != 3 {
			t.Errorf("got %+v", fs)
		}
	})
}

func TestLogUnreadable(t *testing.T) {
	var reported []error
	opts := realtime.Options{OnError: func(_ string, err error) { reported = append(reported, err) }}
	bubble(t, opts, func(b *bench) {
		away := errors.New("database away")
		b.add(5, "x.y", "ch_1")
		p := b.dial(anyone, `{"op":"hello"}`)
		p.frames()
		b.log.fail(away)
		b.add(5, "x.y", "ch_1")
		b.expectOps(p.frames())
		q := b.dial(anyone, `{"op":"hello","resume":"v1.eA.0"}`)
		b.expectClose(q.frames(), realtime.CloseRetry)
		b.log.fail(nil)
		b.pass(time.Second)
		if got := events(p.frames()); len(got) != 5 || got[0] != 6 {
			t.Errorf("after the outage: %v, want 6 to 10", got)
		}
		if len(reported) == 0 || !errors.Is(reported[0], away) {
			t.Errorf("reported %v", reported)
		}
	})
}

func TestTwoNodesOnOneLog(t *testing.T) {
	bubble(t, realtime.Options{}, func(b *bench) {
		other := realtime.NewHub(b.log, realtime.Options{})
		p := newPipe(64)
		b.wg.Go(func() { other.Serve(context.Background(), p, admit(anyone)); p.end() })
		p.send(`{"op":"hello"}`)
		p.frames()
		b.add(3, "x.y", "ch_1") // the other node is not told
		b.pass(time.Second)
		fs := p.frames()
		if got := events(fs); !slices.Equal(got, []int64{1, 2, 3}) {
			t.Fatalf("the other node delivered %v", got)
		}
		// The client moves to the first node, which has served nobody yet.
		q := b.dial(anyone, `{"op":"hello","resume":"v1.eA.2"}`)
		expectChain(t, q.frames(), 3, 3)
		if err := other.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		b.expectClose(p.frames(), realtime.CloseDraining)
	})
}

func TestBadFrames(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frames []string
		code   realtime.Code
	}{
		{"not JSON", []string{`hello`}, realtime.CloseBadFrame},
		{"no op", []string{`{"ref":"1"}`}, realtime.CloseBadFrame},
		{"not hello", []string{`{"op":"ping"}`}, realtime.CloseBadFrame},
		{"hello twice", []string{`{"op":"hello"}`, `{"op":"hello"}`}, realtime.CloseBadFrame},
		{"long ref", []string{`{"op":"hello"}`, `{"op":"ping","ref":"` + strings.Repeat("x", 65) + `"}`}, realtime.CloseBadFrame},
		{"subscription without id", []string{`{"op":"hello","subscribe":[{"types":["*"]}]}`}, realtime.CloseBadFrame},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, realtime.Options{}, func(b *bench) {
				p := b.dial(anyone, "")
				for _, f := range tt.frames {
					p.send("%s", f)
					synctest.Wait()
				}
				b.expectClose(p.frames(), tt.code)
			})
		})
	}
}
