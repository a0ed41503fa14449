package rig

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"
)

// Redis is a private Redis that keeps nothing on disk.
type Redis struct {
	URL string

	port    string
	process *exec.Cmd
}

// StartRedis starts a Redis on loopback.
func StartRedis(ctx context.Context) (*Redis, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &Redis{URL: "redis://127.0.0.1:" + port, port: port}
	return r, r.Start(ctx)
}

// Start starts it again after Kill, empty and on the same port.
func (r *Redis) Start(ctx context.Context) error {
	name := "redis-server"
	if _, err := program(name); err != nil {
		name = "valkey-server"
	}
	server, err := command(context.WithoutCancel(ctx), nil, "", name, "--bind", "127.0.0.1", "--port", r.port, "--save", "", "--appendonly", "no")
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

// do gives one command over a connection of its own.
func (r *Redis) do(ctx context.Context, command string) error {
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(ctx, "tcp", "127.0.0.1:"+r.port)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		return err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, "+") {
		err = fmt.Errorf("%s: %s", command, strings.TrimSpace(answer))
	}
	return err
}
