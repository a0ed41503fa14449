package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Build compiles the server from the module that dir is in, with further flags of
// go build, and returns its path.
func Build(ctx context.Context, module, dir string, flags ...string) (string, error) {
	bin := filepath.Join(dir, "linktor")
	args := slices.Concat([]string{"build", "-o", bin}, flags, []string{"github.com/linktor/linktor/cmd/linktor"})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return bin, nil
}

// Node says how one server process is to run.
type Node struct {
	Bin      string // the program
	Dir      string // its data folder
	Listen   string // host:port, the same after a restart
	Database string // URL; empty means SQLite in Dir
	Redis    string // URL; empty means one within the process
	Env      []string
}

// Server is a running process.
type Server struct {
	Node
	Process
	ReadyIn time.Duration // from the start of the process to its word that it serves

	cmd    *exec.Cmd
	exited chan struct{}
}

func (n *Node) environ() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LINKTOR_") {
			env = append(env, v)
		}
	}
	env = append(env, "LINKTOR_LISTEN="+n.Listen, "LINKTOR_DATA_DIR="+n.Dir, "LINKTOR_LOG_LEVEL=warn", "LINKTOR_SIMULATOR=off",
		"LINKTOR_ALLOW_PRIVATE_ADDRESSES=127.0.0.0/8") // the fake provider
	if n.Database != "" {
		env = append(env, "LINKTOR_DATABASE_URL="+n.Database)
	}
	if n.Redis != "" {
		env = append(env, "LINKTOR_REDIS_URL="+n.Redis)
	}
	return append(env, n.Env...)
}

// Log is the file that holds what the process wrote to standard error.
func (n *Node) Log() string { return n.Dir + ".log" }

// DSN is where the database is, for db.Open.
func (n *Node) DSN() string {
	if n.Database != "" {
		return n.Database
	}
	return filepath.Join(n.Dir, "linktor.db")
}

// Start starts the process and waits until it serves.
func (n Node) Start(ctx context.Context) (*Server, error) {
	log, err := os.OpenFile(n.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &Server{Node: n, exited: make(chan struct{})}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), n.Bin, "serve", "--json")
	s.cmd.Env, s.cmd.Stderr, s.cmd.SysProcAttr = n.environ(), log, &syscall.SysProcAttr{Setpgid: true}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.pid = s.cmd.Process.Pid
	ready := make(chan error, 1)
	go func() {
		r := bufio.NewReader(out)
		_, err := r.ReadBytes('\n')
		ready <- err
		_, _ = io.Copy(io.Discard, r) // until it ends
		_ = s.cmd.Wait()              // how it ended is the caller's doing
		close(s.exited)
	}()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	select {
	case err = <-ready:
		if err != nil { // it closed its output: it is about to end
			select {
			case <-s.exited:
				err = errors.Join(err, s.crashed())
			case <-timeout.C:
			}
		}
	case <-timeout.C:
		err = errors.New("not ready within 30 s")
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.ReadyIn = time.Since(began)
	if err != nil {
		s.Kill()
		return nil, fmt.Errorf("the server did not start: %w\n%s", err, LastLines(n.Log()))
	}
	return s, nil
}

// Kill ends the process at once, as a crash of the machine would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended already
	<-s.exited
}

// Signal sends sig to the process.
func (s *Server) Signal(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig) // it may have ended already
}

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.exited }

// ErrKilled is the error of Start for a process that was killed before it served.
var ErrKilled = errors.New("it was killed")

// EndedBy is the signal that ended the process, or -1 if it ended by itself. Call it
// after Done.
func (s *Server) EndedBy() syscall.Signal {
	if status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return -1
}

// crashed is ErrKilled if kill -9 ended the process.
func (s *Server) crashed() error {
	if s.EndedBy() == syscall.SIGKILL {
		return ErrKilled
	}
	return nil
}

// Stop ends the process in order.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.Kill()
	}
}

// NewKey makes an API key without limits that may do everything.
func (n *Node) NewKey(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, n.Bin, "key", "create", "rig", "--permissions", "all", "--development", "--json")
	cmd.Env = n.environ()
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return "", fmt.Errorf("linktor key create: %w: %s", err, exit.Stderr)
		}
		return "", err
	}
	var key struct{ Key string }
	if err := json.Unmarshal(out, &key); err != nil {
		return "", fmt.Errorf("linktor key create: %w", err)
	}
	return key.Key, nil
}
