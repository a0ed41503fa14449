package rig

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Bare is a process of package bare.
type Bare struct {
	Process
	Addr string

	secret string
	cmd    *exec.Cmd
	out    io.Closer
}

// StartBare starts the present program again, which must serve package bare when
// its arguments are "bare" and a secret.
func StartBare(ctx context.Context) (*Bare, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &Bare{secret: rand.Text()}
	b.cmd = exec.CommandContext(context.WithoutCancel(ctx), self, "bare", b.secret)
	b.cmd.Stderr, b.cmd.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setpgid: true}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	b.out, b.pid = out, b.cmd.Process.Pid
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Stop()
		return nil, fmt.Errorf("the bare server did not start: %w", err)
	}
	b.Addr = strings.TrimSpace(line)
	return b, nil
}

// Line signs webhooks for the bare server; what names what becomes of them.
func (b *Bare) Line(what string) *Line {
	return &Line{NumberID: "2" + digits(14), ChannelID: what, secret: []byte(b.secret), phone: "1555" + digits(7)}
}

// Stop ends the process.
func (b *Bare) Stop() {
	_ = b.cmd.Process.Kill() // it may have ended already
	_ = b.cmd.Wait()         // a signal ended it
	b.out.Close()
}
