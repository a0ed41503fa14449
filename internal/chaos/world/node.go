package world

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// maxConns is how many connections a client of one server uses at most.
const maxConns = 128

// Node is one server of a world. It can be killed and started again.
type Node struct {
	rig.Node
	// CrashAt names a moment at which the process that is started next kills itself,
	// as internal/crash has it; that process only.
	CrashAt string

	world     *World
	api, hook *rig.Client

	unready atomic.Bool // see World.Balance
	mu      sync.Mutex
	server  *rig.Server
	started []time.Duration // from the start of each process to its word that it serves
}

// Start starts the server and waits until it serves.
func (n *Node) Start(ctx context.Context) error {
	node := n.Node
	if n.CrashAt != "" {
		node.Env = append(slices.Clone(node.Env), "LINKTOR_CHAOS_CRASH_AT="+n.CrashAt)
		n.CrashAt = ""
	}
	s, err := node.Start(ctx)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.server = s
	n.started = append(n.started, s.ReadyIn)
	return nil
}

// Server is the running process, or nil.
func (n *Node) Server() *rig.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.server
}

func (n *Node) take() *rig.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.server
	n.server = nil
	return s
}

// gone makes clients notice that the process has ended.
func (n *Node) gone() {
	for _, c := range []*rig.Client{n.api, n.hook} {
		if c != nil {
			c.CloseIdle()
		}
	}
}

// Kill ends the server as kill -9 does.
func (n *Node) Kill() {
	if s := n.take(); s != nil {
		s.Kill()
		n.gone()
		n.world.Fault("kill " + n.Listen)
	}
}

// Stop ends the server in order, at the end of a world.
func (n *Node) Stop() {
	if s := n.take(); s != nil {
		s.Stop()
	}
}

// Terminate sends SIGTERM and waits for the end of the process, for up to limit.
func (n *Node) Terminate(limit time.Duration) (took time.Duration, err error) {
	s := n.take()
	if s == nil {
		return 0, errors.New("the server does not run")
	}
	n.world.Fault("terminate " + n.Listen)
	began := time.Now()
	s.Signal(syscall.SIGTERM)
	defer n.gone()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.Done():
		n.world.Fault("end " + n.Listen) // until then it may still have answered
		return time.Since(began), nil
	case <-timer.C:
		s.Kill()
		return limit, errors.New("the server did not end")
	}
}

// Died says how the server ended if it did so by itself, or is empty.
func (n *Node) Died() string {
	s := n.Server()
	if s == nil {
		return ""
	}
	select {
	case <-s.Done():
		return fmt.Sprintf("server %s ended by itself: %s", n.Listen, rig.LastLines(n.Log()))
	default:
		return ""
	}
}

// AwaitEnd waits until the server has killed itself, as one does that crashes at a
// moment of internal/crash.
func (n *Node) AwaitEnd(ctx context.Context) error {
	s := n.Server()
	if s == nil {
		return errors.New("the server does not run")
	}
	select {
	case <-s.Done():
		n.take()
		n.gone()
		n.world.Fault("crash " + n.Listen)
		if s.EndedBy() != syscall.SIGKILL {
			return fmt.Errorf("it ended in another way: %s", rig.LastLines(n.Log()))
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Started lists how long each start took until the server served.
func (n *Node) Started() []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]time.Duration(nil), n.started...)
}

// API is a client of this server alone, with the world's key.
func (n *Node) API() *rig.Client { return n.api }

// Hook is a client of this server alone, for webhooks.
func (n *Node) Hook() *rig.Client { return n.hook }

// each returns the servers in the order in which a request should try them: in
// turn, as a load balancer does, and last those that say that they are not ready.
func (w *World) each() []*Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	var list, last []*Node
	for i := range w.Nodes {
		if n := w.Nodes[(w.next+i)%len(w.Nodes)]; n.unready.Load() {
			last = append(last, n)
		} else {
			list = append(list, n)
		}
	}
	return append(list, last...)
}

// checkEvery is how often a balancer asks whether a server is ready. Real ones ask
// less often, and have a longer drain_time set for them.
const checkEvery = 100 * time.Millisecond

// Balance makes requests avoid servers that are not ready, until the world is closed
// or ctx ends.
func (w *World) Balance(ctx context.Context) {
	for _, n := range w.Nodes {
		check := rig.NewClient(n.Listen, "", 1)
		w.watchers.Go(func() {
			for rig.Pause(ctx, checkEvery) && !w.closed.Load() {
				status, _, err := check.Do("GET", "/readyz", nil)
				n.unready.Store(err != nil || status != 200)
			}
		})
	}
}

// Get asks this server for a page without a key.
func (n *Node) Get(path string) (status int, answer []byte, err error) {
	return n.hook.Do("GET", path, nil)
}

// Metric reads one figure of /metrics that has no labels.
func (n *Node) Metric(name string) (float64, error) {
	status, page, err := n.Get("/metrics")
	if err != nil || status != 200 {
		return 0, fmt.Errorf("/metrics: %d %w", status, err)
	}
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}
