package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/linktor/linktor/internal/config"
)

// Info is what a person who starts the server wants to know.
type Info struct {
	Version  string
	Embedded bool // SQLite and a Redis inside the process
	DataDir  string
	BaseURL  string        // of the API
	ReadyIn  time.Duration // from the start of the process's work

	SetupURL     string // where the owner chooses a password; empty once that is done
	DevKey       string // an API key made on the first start; shown once
	SimulatorURL string // empty without simulator
	Customer     string // the persona who has written to DemoChannel
	DemoChannel  string // id
	DemoTo       string // the persona's number
}

// Hooks let the caller follow the server.
type Hooks struct {
	Ready func(Info) // the server serves
}

// ballastSize keeps the collector from running dozens of times a second while the
// live heap is small: it counts the ballast as live. Nothing touches it, so that it
// takes no memory. Measured: a sixth of the processor while ingesting.
const ballastSize = 32 << 20

// Run runs a server until ctx ends, then stops it within cfg.ShutdownTimeout.
func Run(ctx context.Context, cfg *config.Config, log *slog.Logger, version string, hooks Hooks) (err error) {
	began := time.Now()
	ballast := make([]byte, ballastSize)
	defer runtime.KeepAlive(ballast)
	release, err := lockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; choose another address with --listen", cfg.Listen, err)
	}
	s, err := build(ctx, cfg, log, version, ln)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	ready := func() {
		info := s.info(cfg, version)
		info.ReadyIn = time.Since(began)
		log.Info("ready", "url", info.BaseURL, "embedded", info.Embedded, "took", info.ReadyIn.Round(time.Millisecond))
		if s.demo != nil {
			s.greet(ctx)
		}
		if hooks.Ready != nil {
			hooks.Ready(info)
		}
	}
	return errors.Join(Serve(ctx, cfg.ShutdownTimeout, log, ready, s.services...), s.close())
}

// nodeName names this process in leases: the configured name, or the host's, and
// the process id, so that two processes of a host differ.
func nodeName(cfg *config.Config) string {
	name := cfg.NodeName
	if name == "" {
		name, _ = os.Hostname() // a nameless host is told apart by its process id
	}
	return fmt.Sprintf("%s/%d", name, os.Getpid())
}
