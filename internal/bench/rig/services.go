package rig

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// Services are a private PostgreSQL, whose commits reach the disk, and a private
// Redis.
type Services struct {
	Postgres, Redis string // URLs

	processes []*exec.Cmd
}

// StartServices starts both with their files below dir.
func StartServices(ctx context.Context, dir string) (_ *Services, err error) {
	s := &Services{}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
		return nil, err
	}
	if err := s.startPostgres(ctx, filepath.Join(dir, "postgres")); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := s.startRedis(ctx); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return s, nil
}

// Stop ends both.
func (s *Services) Stop() {
	for _, p := range slices.Backward(s.processes) {
		_ = p.Process.Signal(os.Interrupt) // for PostgreSQL: a fast shutdown
		_ = p.Wait()                       // a signal ended it
	}
}

func (s *Services) startPostgres(ctx context.Context, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	account, err := unprivileged()
	if err != nil {
		return err
	}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			return err
		}
	}
	initdb, err := command(ctx, account, dir, "initdb", "-D", dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
	if err != nil {
		return err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	server, err := command(context.WithoutCancel(ctx), account, dir, "postgres", "-D", dir, "-h", "127.0.0.1", "-p", port, "-k", "",
		"-c", "max_connections=200", "-c", "shared_buffers=256MB")
	if err != nil {
		return err
	}
	log, err := os.Create(dir + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return err
	}
	s.processes = append(s.processes, server)
	s.Postgres = "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
	return until(ctx, 30*time.Second, func() error {
		d, err := db.Open(ctx, s.Postgres, 1)
		if err == nil {
			err = d.Close()
		}
		return err
	})
}

func (s *Services) startRedis(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	name := "redis-server"
	if _, err := program(name); err != nil {
		name = "valkey-server"
	}
	server, err := command(context.WithoutCancel(ctx), nil, "", name, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no")
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	s.processes = append(s.processes, server)
	s.Redis = "redis://127.0.0.1:" + port
	dialer := net.Dialer{Timeout: time.Second}
	return until(ctx, 10*time.Second, func() error {
		c, err := dialer.DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

// NewDatabase makes an empty database on the server at serverURL.
func NewDatabase(ctx context.Context, serverURL string) (string, error) {
	d, err := db.Open(ctx, serverURL, 1)
	if err != nil {
		return "", err
	}
	defer d.Close()
	name := "rig_" + strings.ToLower(rand.Text())
	if _, err := d.Exec(ctx, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	u, err := url.Parse(serverURL)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// DropDatabase removes the database at dsn, whoever is connected to it.
func DropDatabase(ctx context.Context, serverURL, dsn string) error {
	u, err := url.Parse(dsn)
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, serverURL, 1)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Exec(ctx, `DROP DATABASE IF EXISTS `+strings.TrimPrefix(u.Path, "/")+` WITH (FORCE)`)
	return err
}

// unprivileged is who runs PostgreSQL, which refuses to run as root; nil means
// the present user.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // nobody else is the usual answer
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("there is no user postgres or nobody to run it as")
}

func command(ctx context.Context, account *syscall.Credential, dir, name string, args ...string) (*exec.Cmd, error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	// A group of its own: an interrupt at the terminal reaches us first, and we
	// stop the services last.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true}
	return cmd, nil
}

// program finds name in PATH, or where Debian and Homebrew keep servers.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/", "/opt/homebrew/opt/postgresql@*/bin/", "/usr/local/opt/postgresql@*/bin/"} {
		if found, err := filepath.Glob(pattern + name); err == nil && len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", fmt.Errorf("%s is not installed: run make setup", name)
}

func freePort() (string, error) {
	addr, err := FreeAddr()
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(addr)
	return port, err
}

// FreeAddr returns a loopback address on which nothing listens.
func FreeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it returns at once
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// until calls fn until it succeeds.
func until(ctx context.Context, limit time.Duration, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := fn()
		if err == nil {
			return nil
		}
		if !Pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("not within %s: %w", limit, err)
		}
	}
}

// Pause waits for d, or reports that ctx ended first.
func Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lastLines is the end of a log, for error messages.
func lastLines(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
}
