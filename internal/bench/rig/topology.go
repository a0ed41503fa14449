package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// settle bounds how long servers take to find one another.
const settle = 30 * time.Second

// Sentinels is a Redis with a replica, watched by three Sentinels.
type Sentinels struct {
	URL string

	servers  [2]*Redis // the first is the master to begin with
	watchers [3]*Redis
}

// StartSentinels starts the group with its files below dir, and returns once all know
// one another.
func StartSentinels(ctx context.Context, dir string) (_ *Sentinels, err error) {
	s := &Sentinels{}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	for i := range s.servers {
		args := []string{"--repl-diskless-sync-delay", "0"}
		if i > 0 {
			args = append(args, "--replicaof", "127.0.0.1", s.servers[0].port)
		}
		if s.servers[i], err = startRedis(ctx, filepath.Join(dir, fmt.Sprintf("server%d", i)), args...); err != nil {
			return nil, err
		}
	}
	var hosts []string
	for i := range s.watchers {
		if s.watchers[i], err = s.watch(ctx, filepath.Join(dir, fmt.Sprintf("sentinel%d", i))); err != nil {
			return nil, err
		}
		hosts = append(hosts, "127.0.0.1:"+s.watchers[i].port)
	}
	s.URL = "redis-sentinel://" + strings.Join(hosts, ",") + "/0?master=house"
	return s, until(ctx, settle, func() error {
		for _, w := range s.watchers {
			if err := w.says(ctx, "INFO sentinel", "status=ok", "slaves=1,sentinels=3"); err != nil {
				return err
			}
		}
		return s.servers[1].says(ctx, "INFO replication", "master_link_status:up")
	})
}

// watch starts a Sentinel that notices within half a second that the master is silent.
func (s *Sentinels) watch(ctx context.Context, dir string) (*Redis, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "sentinel.conf") // it writes what it learns into the file
	text := "sentinel monitor house 127.0.0.1 " + s.servers[0].port + " 2\nsentinel down-after-milliseconds house 500\nsentinel failover-timeout house 5000\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return startRedis(ctx, dir, conf, "--sentinel")
}

// Silence makes the master and the first Sentinel say nothing and keep their
// connections, as a machine does that vanishes.
func (s *Sentinels) Silence() error {
	return errors.Join(s.servers[0].signal(syscall.SIGSTOP), s.watchers[0].signal(syscall.SIGSTOP))
}

// Promoted waits until the replica is the master.
func (s *Sentinels) Promoted(ctx context.Context) error {
	return until(ctx, settle, func() error { return s.servers[1].says(ctx, "INFO replication", "role:master") })
}

// Stop ends all of them.
func (s *Sentinels) Stop() {
	for _, r := range append(s.watchers[:], s.servers[:]...) {
		if r != nil {
			r.Stop()
		}
	}
}

// Cluster is three masters without replicas that share the slots.
type Cluster struct {
	URL string

	masters [3]*Redis
}

// slots is how many there are. Source: Redis cluster specification, Key distribution model.
const slots = 16384

// StartCluster starts them with their files below dir, and returns once each knows
// where all slots are.
func StartCluster(ctx context.Context, dir string) (_ *Cluster, err error) {
	c := &Cluster{}
	defer func() {
		if err != nil {
			c.Stop()
		}
	}()
	var hosts []string
	for i := range c.masters {
		bus, err := freePort()
		if err != nil {
			return nil, err
		}
		if c.masters[i], err = startRedis(ctx, filepath.Join(dir, fmt.Sprintf("master%d", i)), "--cluster-enabled", "yes",
			"--cluster-port", bus, "--cluster-node-timeout", "1000", "--cluster-announce-ip", "127.0.0.1"); err != nil {
			return nil, err
		}
		n := len(c.masters)
		for _, command := range []string{
			fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", i*slots/n, (i+1)*slots/n-1),
			fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d", i+1),
		} {
			if err := c.masters[i].do(ctx, command); err != nil {
				return nil, err
			}
		}
		if err := c.masters[0].do(ctx, fmt.Sprintf("CLUSTER MEET 127.0.0.1 %s %s", c.masters[i].port, bus)); err != nil {
			return nil, err
		}
		hosts = append(hosts, "127.0.0.1:"+c.masters[i].port)
	}
	c.URL = "redis-cluster://" + strings.Join(hosts, ",")
	return c, c.whole(ctx)
}

// whole waits until every master knows where all slots are.
func (c *Cluster) whole(ctx context.Context) error {
	return until(ctx, settle, func() error {
		for _, m := range c.masters {
			if err := m.says(ctx, "CLUSTER INFO", "cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:3"); err != nil {
				return err
			}
		}
		return nil
	})
}

// Break kills one master and waits until the others know: its slots are nowhere then,
// and by Redis's default the others refuse theirs, too.
func (c *Cluster) Break(ctx context.Context) error {
	c.masters[2].Kill()
	return until(ctx, settle, func() error { return c.masters[0].says(ctx, "CLUSTER INFO", "cluster_state:fail") })
}

// Mend brings that master back, empty.
func (c *Cluster) Mend(ctx context.Context) error {
	if err := c.masters[2].Start(ctx); err != nil {
		return err
	}
	return c.whole(ctx)
}

// Stop ends all of them.
func (c *Cluster) Stop() {
	for _, r := range c.masters {
		if r != nil {
			r.Stop()
		}
	}
}
