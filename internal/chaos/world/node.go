package world

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// maxConns is how many connections a client of one server uses at most.
const maxConns = 128

// Node is one server of a world. It can be killed and started again.
type Node struct {
	rig.Node
	world     *World
	api, hook *rig.Client

	mu      sync.Mutex
	server  *rig.Server
	started []time.Duration // from the start of each process to its word that it serves
}

// Start starts the server and waits until it serves.
func (n *Node) Start(ctx context.Context) error {
	s, err := n.Node.Start(ctx)
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

// Kill ends the server as kill -9 does.
func (n *Node) Kill() {
	if s := n.take(); s != nil {
		s.Kill()
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
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.Done():
		return time.Since(began), nil
	case <-timer.C:
		s.Kill()
		return limit, errors.New("the server did not end")
	}
}

// AwaitEnd waits until the server has ended by itself, as one does that crashes.
func (n *Node) AwaitEnd(ctx context.Context) error {
	s := n.Server()
	if s == nil {
		return errors.New("the server does not run")
	}
	select {
	case <-s.Done():
		n.take()
		n.world.Fault("crash " + n.Listen)
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
// turn, as a load balancer does.
func (w *World) each() []*Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	list := make([]*Node, 0, len(w.Nodes))
	for i := range w.Nodes {
		list = append(list, w.Nodes[(w.next+i)%len(w.Nodes)])
	}
	return list
}
