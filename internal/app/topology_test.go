package app_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/dbtest"
)

// Ensure that two servers do over a Sentinel group what they do over one Redis, and
// that they get over a master that falls silent together with its Sentinel.
func TestNodesOnSentinels(t *testing.T) {
	t.Parallel()
	dbtest.NeedRedisServer(t)
	postgres, _ := services(t)
	group, err := rig.StartSentinels(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(group.Stop)
	p := newPair(t, postgres, group.URL)
	p.testTogether(t)
	p.testThrough(t, func(ctx context.Context) error {
		if err := group.Silence(); err != nil {
			return err
		}
		return group.Promoted(ctx)
	}, nil)
	p.testAgain(t)
	p.testLogs(t)
}

// Ensure that two servers do over a Cluster what they do over one Redis, also after it
// lost a master and so part of its slots, and that meanwhile they go on.
func TestNodesOnCluster(t *testing.T) {
	t.Parallel()
	dbtest.NeedRedisServer(t)
	postgres, _ := services(t)
	cluster, err := rig.StartCluster(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	p := newPair(t, postgres, cluster.URL)
	p.testTogether(t)
	p.testThrough(t, cluster.Break, cluster.Mend)
	p.testAgain(t)
	p.testLogs(t)
}

// testTogether checks what two servers share through Redis.
func (p *pair) testTogether(t *testing.T) {
	t.Helper()
	p.testFrame(t)
	p.testLimit(t)
	p.testSends(t)
}

// testAgain checks that they share it again: each may count on its own for a moment
// after its last failed call.
func (p *pair) testAgain(t *testing.T) {
	t.Helper()
	p.testFrame(t)
	for deadline := time.Now().Add(20 * time.Second); ; {
		allowed := p.allowed(t)
		if allowed <= perMinute+1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests were allowed, want %d", allowed, perMinute)
		}
	}
}

// longest is what a message may take while Redis falls silent and another one is
// found: far less than leases last, so that it is not by luck that it goes out.
const longest = 6 * time.Second

// testThrough sends one message after the other while trouble comes and, after some
// of them without a whole Redis, while it is mended if it does not mend by itself.
func (p *pair) testThrough(t *testing.T, trouble, mend func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	_, key := p.newKey(t, map[string]any{"name": "through trouble", "permissions": []string{"messages:view", "messages:send_text"}, "perMinute": 1e6, "perDay": 1e6})
	api := [2]*rig.Client{rig.NewClient(p.node[0].Listen, key, 1), rig.NewClient(p.node[1].Listen, key, 1)}
	to := p.customers(t, 400)
	sent, slowest := 0, time.Duration(0)
	send := func() {
		began := time.Now()
		var m struct{ ID string }
		if err := json.Unmarshal(p.post(t, api[sent%2], to(sent)), &m); err != nil {
			t.Fatal(err)
		}
		p.waitSent(t, m.ID)
		sent, slowest = sent+1, max(slowest, time.Since(began))
		if n := p.provider.Count(m.ID); n != 1 {
			t.Errorf("message %s went out %d times", m.ID, n)
		}
	}
	during := func(do func(context.Context) error) {
		done := make(chan error, 1)
		go func() { done <- do(ctx) }()
		for {
			send()
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				return
			default:
			}
		}
	}
	during(trouble)
	if mend != nil {
		for _, c := range p.api {
			p.waitRedis(t, c, "degraded")
		}
		for range 10 {
			send()
		}
		during(mend)
	}
	for _, c := range p.api {
		p.waitRedis(t, c, "ok")
	}
	send()
	t.Logf("%d messages, the slowest took %s", sent, slowest.Round(time.Millisecond))
	if slowest > longest {
		t.Errorf("a message took %s; want at most %s", slowest, longest)
	}
}

// post queues a message.
func (p *pair) post(t *testing.T, c *rig.Client, to string) []byte {
	t.Helper()
	status, answer, err := c.Do("POST", "/api/v1/messages", rig.Text(p.line.ChannelID, to, "through"))
	if err != nil || status != 202 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	return answer
}

// waitRedis waits until a server says that Redis is as wanted.
func (p *pair) waitRedis(t *testing.T, c *rig.Client, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		began := time.Now()
		status, answer, err := c.Do("GET", "/readyz", nil)
		if err != nil || status != 200 {
			t.Fatalf("%d %s %v", status, answer, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("/readyz took %s", took)
		}
		var ready struct{ Checks struct{ Redis string } }
		if err := json.Unmarshal(answer, &ready); err != nil {
			t.Fatal(err)
		}
		if ready.Checks.Redis == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis is %s; want %s", ready.Checks.Redis, want)
		}
		rig.Pause(t.Context(), 50*time.Millisecond)
	}
}

// testLogs looks for what Redis says to a client that does not know how to talk to a
// Cluster, and for panics.
func (p *pair) testLogs(t *testing.T) {
	t.Helper()
	for _, n := range p.node {
		log, err := os.ReadFile(n.Log())
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"CROSSSLOT", "MOVED", "NOSCRIPT", "WRONGTYPE", "READONLY", "panic"} {
			if strings.Contains(string(log), bad) {
				t.Errorf("the log has %s:\n%s", bad, log)
			}
		}
	}
}
