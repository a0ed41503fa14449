package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// profileEnv names the file of the profile; the server itself knows nothing of it.
const profileEnv = "RIG_PROFILE"

// profiler is compiled into a server that is to be profiled, and into no other.
const profiler = `package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

func init() {
	on := make(chan os.Signal, 1)
	signal.Notify(on, syscall.SIGUSR1)
	go func() {
		for range on {
			f, err := os.Create(os.Getenv("` + profileEnv + `"))
			if err != nil {
				panic(err)
			}
			if err := pprof.StartCPUProfile(f); err != nil {
				panic(err)
			}
			<-on
			pprof.StopCPUProfile()
			f.Close()
			if err := os.Rename(f.Name(), f.Name()+".done"); err != nil {
				panic(err)
			}
		}
	}()
}
`

// BuildProfiled is Build for servers that Profile can profile.
func BuildProfiled(ctx context.Context, module, dir string) (string, error) {
	root, err := filepath.Abs(module)
	if err != nil {
		return "", err
	}
	source, overlay := filepath.Join(dir, "profiler.go"), filepath.Join(dir, "overlay.json")
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "cmd/linktor/profiler.go"): source}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(source, []byte(profiler), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		return "", err
	}
	return Build(ctx, module, dir, "-overlay", overlay)
}

// ProfileTo makes servers that are started from now on profile to path.
func (n *Node) ProfileTo(path string) { n.Env = append(n.Env, profileEnv+"="+path) }

// Profile begins a profile of the processor's time. stop ends it and writes what
// used most into a file beside it.
func (s *Server) Profile(ctx context.Context, path string) (stop func() error, err error) {
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return nil, err
	}
	return func() error {
		if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			return err
		}
		if err := until(ctx, 10*time.Second, func() error { return os.Rename(path+".done", path) }); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=25", s.Bin, path).Output()
		if err != nil {
			return fmt.Errorf("pprof: %w", err)
		}
		return os.WriteFile(path+".txt", top, 0o600)
	}, nil
}
