package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Redis is a private Redis that keeps nothing on disk.
type Redis struct {
	URL string

	port    string
	args    []string // before those that all have
	process *exec.Cmd
}

// StartRedis starts a Redis on loopback.
func StartRedis(ctx context.Context) (*Redis, error) { return startRedis(ctx, "") }

// startRedis starts one with further arguments that keeps its files, if it needs any,
// in dir.
func startRedis(ctx context.Context, dir string, args ...string) (*Redis, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		args = append(args, "--dir", dir)
	}
	r := &Redis{URL: "redis://127.0.0.1:" + port, port: port, args: args}
	return r, r.Start(ctx)
}

// Start starts it again after Kill, empty and on the same port.
func (r *Redis) Start(ctx context.Context) error {
	name := "redis-server"
	if _, err := program(name); err != nil {
		name = "valkey-server"
	}
	server, err := command(context.WithoutCancel(ctx), nil, "", name, append(slices.Clone(r.args), "--bind", "127.0.0.1", "--port", r.port, "--save", "", "--appendonly", "no")...)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	r.process = server
	if err := until(ctx, 10*time.Second, func() error { return r.do(ctx, "PING") }); err != nil {
		r.Kill()
		return err
	}
	return nil
}

// Flush empties it.
func (r *Redis) Flush(ctx context.Context) error { return r.do(ctx, "FLUSHALL") }

// Kill ends it at once; what it held is gone.
func (r *Redis) Kill() {
	_ = r.process.Process.Kill() // it may have ended already
	_ = r.process.Wait()         // a signal ended it
}

// Stop ends it. There is nothing to save.
func (r *Redis) Stop() { r.Kill() }

// signal sends sig to it.
func (r *Redis) signal(sig syscall.Signal) error { return r.process.Process.Signal(sig) }

// do gives one command, over a connection of its own, that is answered by OK or PONG.
func (r *Redis) do(ctx context.Context, command string) error {
	answer, err := r.ask(ctx, command)
	if err == nil && !strings.HasPrefix(answer, "+") {
		err = fmt.Errorf("%s: %s", command, strings.TrimSpace(answer))
	}
	return err
}

// says reports whether all of want are in the answer to a command.
func (r *Redis) says(ctx context.Context, command string, want ...string) error {
	answer, err := r.ask(ctx, command)
	if err != nil {
		return err
	}
	for _, w := range want {
		if !strings.Contains(answer, w) {
			return fmt.Errorf("%s does not say %s: %s", command, w, answer)
		}
	}
	return nil
}

// ask gives one command and returns the answer, a line or a text of many.
func (r *Redis) ask(ctx context.Context, command string) (string, error) {
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(ctx, "tcp", "127.0.0.1:"+r.port)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		return "", err
	}
	in := bufio.NewReader(c)
	answer, err := in.ReadString('\n')
	var n int64
	if _, scan := fmt.Sscanf(answer, "$%d\r\n", &n); scan == nil && err == nil { // a text of n bytes
		var text []byte
		text, err = io.ReadAll(io.LimitReader(in, n))
		answer = string(text)
	}
	return answer, err
}
