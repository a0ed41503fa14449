package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/redisconn"
	"github.com/linktor/linktor/internal/tasks"
)

// Every way of running Redis carries limits, doorbells and hints between nodes.
func TestRedisTopologies(t *testing.T) {
	dbtest.NeedRedisServer(t)
	t.Parallel()
	t.Run("standalone", func(t *testing.T) {
		t.Parallel()
		server, err := rig.StartRedis(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		carries(t, dials(t, server.URL))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		cluster, err := rig.StartCluster(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Stop)
		carries(t, dials(t, cluster.URL))
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		group, err := rig.StartSentinels(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(group.Stop)
		dial := dials(t, group.URL)
		carries(t, dial)
		carriesHints(t, dial(), dial(), func() { // a subscription to a server that vanishes is made anew
			if err := errors.Join(group.Silence(), group.Promoted(t.Context())); err != nil {
				t.Fatal(err)
			}
		})
		carries(t, dial)
	})
}

// dials returns a function that connects to the Redis at url.
func dials(t *testing.T, url string) func() *redisconn.Conn {
	return func() *redisconn.Conn {
		c, err := redisconn.Open(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

// carries checks what nodes share through a Redis.
func carries(t *testing.T, dial func() *redisconn.Conn) {
	a, b := dial(), dial()
	if err := errors.Join(a.Check(t.Context()), b.Check(t.Context())); err != nil { // it takes as long as it takes
		t.Fatal(err)
	}
	sharesLimits(t, a, b)
	carriesRings(t, a, b)
	carriesHints(t, a, b)
}

// A Redis that comes after the servers is found by them.
func TestRedisComesLater(t *testing.T) {
	dbtest.NeedRedisServer(t)
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	node := dials(t, "redis://127.0.0.1:"+port+"/0")
	carriesRings(t, node(), node(), func() { runRedisOn(t, port) })
	carriesHints(t, node(), node())
}

// sharesLimits spends a limit on one node and finds it spent on the other.
func sharesLimits(t *testing.T, a, b *redisconn.Conn) {
	one := func() int64 { return 1 }
	first, second := limits.NewCounter(a, one, nil, time.Now), limits.NewCounter(b, one, nil, time.Now)
	key, channel := "key_"+rand.Text(), "ch_"+rand.Text()
	for range 3 {
		if _, wait := first.TakeRequest(t.Context(), key, 3, 100); wait != 0 {
			t.Fatalf("a request within the limit waits %v", wait)
		}
	}
	if _, wait := second.TakeRequest(t.Context(), key, 3, 100); wait == 0 {
		t.Error("the other node does not know of the requests")
	}
	const slow = 0.1 // a second: none more is earned while the test runs
	granted, _, _ := first.TakeChannel(t.Context(), channel, slow, 100)
	if more, _, _ := second.TakeChannel(t.Context(), channel, slow, 100); granted != 1 || more != 0 {
		t.Errorf("the first node was granted %d sends, the other at once %d more", granted, more)
	}
}

// carriesRings rings on one node and hears it on the other, once what happens
// meanwhile has happened.
func carriesRings(t *testing.T, a, b *redisconn.Conn, meanwhile ...func()) {
	heard := make(chan struct{}, 8)
	log := slog.New(slog.DiscardHandler)
	worker := tasks.NewBell(a, map[string]func(){tasks.TypeSends: func() { heard <- struct{}{} }}, 50*time.Millisecond, log)
	caller := tasks.NewBell(b, nil, 50*time.Millisecond, log)
	for _, bell := range []*tasks.Bell{worker, caller} {
		if err := bell.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, do := range meanwhile {
		do()
	}
	tick := time.NewTicker(50 * time.Millisecond) // a ring without Redis is lost, by design
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for quiet := true; quiet; {
		caller.Ring(tasks.TypeSends)
		select {
		case <-heard:
			quiet = false
		case <-tick.C:
		case <-deadline:
			t.Error("the ring was not heard")
			quiet = false
		}
	}
	for _, bell := range []*tasks.Bell{caller, worker} {
		if err := bell.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// carriesHints tells of an event on one node and hears of it on the other, and once
// more after what happens then has happened.
func carriesHints(t *testing.T, a, b *redisconn.Conn, then ...func()) {
	heard := make(chan string, 64)
	log := slog.New(slog.DiscardHandler)
	listener := newFanout(a, func(tenant string, seq int64) { heard <- fmt.Sprint(tenant, " ", seq) }, log)
	speaker := newFanout(b, nil, log)
	for _, f := range []*fanout{listener, speaker} {
		if err := f.Start(); err != nil {
			t.Fatal(err)
		}
		defer f.Stop(context.Background())
	}
	hear := func(seq int64) {
		tick := time.NewTicker(50 * time.Millisecond) // hints before the subscription stands are lost, by design
		defer tick.Stop()
		deadline := time.After(20 * time.Second)
		for want := fmt.Sprint("ten_1 ", seq); ; {
			speaker.tell("ten_1", seq)
			select {
			case got := <-heard:
				if got == want { // else it is an earlier one
					return
				}
			case <-tick.C:
			case <-deadline:
				t.Fatalf("the hint %s was not heard", want)
			}
		}
	}
	hear(42)
	for _, do := range then {
		do()
		hear(43)
	}
}

// runRedisOn starts redis-server on port.
func runRedisOn(t *testing.T, port string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()         // a signal ended it
	})
}
