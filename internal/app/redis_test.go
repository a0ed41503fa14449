package app

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/redisconn"
	"github.com/linktor/linktor/internal/tasks"
)

// Every way of running Redis carries limits, doorbells and hints between nodes.
func TestRedisTopologies(t *testing.T) {
	for name, start := range map[string]func(*testing.T) string{"standalone": redisStandalone, "sentinel": redisSentinel, "cluster": redisCluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t)
			node := func() *redisconn.Conn {
				c, err := redisconn.Open(url)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				return c
			}
			eventually(t, node(), "a write", func(c *redisconn.Conn) error { return c.Set(t.Context(), "x", "y", time.Minute).Err() })
			sharesLimits(t, node(), node())
			carriesRings(t, node(), node())
			carriesHints(t, node(), node())
		})
	}
}

// A Redis that comes after the servers is found by them.
func TestRedisComesLater(t *testing.T) {
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	node := func() *redisconn.Conn {
		c, err := redisconn.Open("redis://127.0.0.1:" + port + "/0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	carriesRings(t, node(), node(), func() { runRedisOn(t, port) })
	carriesHints(t, node(), node())
}

// sharesLimits spends a limit on one node and finds it spent on the other.
func sharesLimits(t *testing.T, a, b *redisconn.Conn) {
	one := func() int64 { return 1 }
	first, second := limits.NewCounter(a, one, nil, time.Now), limits.NewCounter(b, one, nil, time.Now)
	for range 3 {
		if _, wait := first.TakeRequest(t.Context(), "key_1", 3, 100); wait != 0 {
			t.Fatalf("a request within the limit waits %v", wait)
		}
	}
	if _, wait := second.TakeRequest(t.Context(), "key_1", 3, 100); wait == 0 {
		t.Error("the other node does not know of the requests")
	}
	const slow = 0.1 // a second: none more is earned while the test runs
	granted, _, _ := first.TakeChannel(t.Context(), "ch_1", slow, 100)
	if more, _, _ := second.TakeChannel(t.Context(), "ch_1", slow, 100); granted != 1 || more != 0 {
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

// carriesHints tells of an event on one node and hears of it on the other.
func carriesHints(t *testing.T, a, b *redisconn.Conn) {
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
	tick := time.NewTicker(50 * time.Millisecond) // hints before the subscription stands are lost, by design
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		speaker.tell("ten_1", 42)
		select {
		case got := <-heard:
			if got != "ten_1 42" {
				t.Errorf("heard %q", got)
			}
			return
		case <-tick.C:
		case <-deadline:
			t.Fatal("the hint was not heard")
		}
	}
}

// runRedis starts redis-server with the arguments on a free port and returns that.
func runRedis(t *testing.T, args ...string) (port string) {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	runRedisOn(t, port, args...)
	return port
}

// clusterPort is a free port of which the one that a cluster's nodes talk on,
// 10000 above, exists and is free too.
func clusterPort(t *testing.T) string {
	t.Helper()
	for {
		host, text, err := net.SplitHostPort(freeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if port+10000 > math.MaxUint16 {
			continue
		}
		if bus, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port+10000))); err == nil {
			bus.Close()
			return text
		}
	}
}

// runRedisOn starts redis-server with the arguments on port.
func runRedisOn(t *testing.T, port string, args ...string) {
	t.Helper()
	name, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("LINKTOR_TEST_REQUIRE") != "" {
			t.Fatal("redis-server is not installed: run the tests with make test")
		}
		t.Skip("redis-server is not installed: run the tests with make test")
	}
	cmd := exec.CommandContext(t.Context(), name, append(args, "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()         // a signal ended it
	})
}

// eventually tries until c does what it should.
func eventually(t *testing.T, c *redisconn.Conn, what string, try func(*redisconn.Conn) error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		err := try(c)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func redisStandalone(t *testing.T) string {
	return "redis://127.0.0.1:" + runRedis(t) + "/0"
}

// redisSentinel starts a master and one Sentinel that watches it.
func redisSentinel(t *testing.T) string {
	master := runRedis(t)
	conf := filepath.Join(t.TempDir(), "sentinel.conf") // it writes what it learns into the file
	text := fmt.Sprintf("sentinel monitor house 127.0.0.1 %s 1\n", master)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "redis-sentinel://127.0.0.1:" + runRedis(t, conf, "--sentinel") + "/0?master=house"
}

// redisCluster starts a cluster of one node, which has all slots.
func redisCluster(t *testing.T) string {
	port := clusterPort(t)
	runRedisOn(t, port, "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1")
	c, err := redisconn.Open("redis://127.0.0.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, c, "the slots", func(c *redisconn.Conn) error { return c.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err() })
	return "redis-cluster://127.0.0.1:" + port
}
