package rig

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/linktor/linktor/internal/db"
)

// Postgres is a private PostgreSQL server.
type Postgres struct {
	URL string // of its database postgres

	dir, port string
	account   *syscall.Credential
	process   *exec.Cmd
}

// StartPostgres makes a cluster in dir, which must not exist, and starts it on
// loopback with settings that do not lose commits.
func StartPostgres(ctx context.Context, dir string) (*Postgres, error) {
	p := &Postgres{dir: dir}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if p.account, err = unprivileged(); err != nil {
		return nil, err
	}
	if p.account != nil {
		if err := os.Chown(dir, int(p.account.Uid), int(p.account.Gid)); err != nil {
			return nil, err
		}
	}
	initdb, err := command(ctx, p.account, dir, "initdb", "-D", dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
	if err != nil {
		return nil, err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	p.URL = "postgres://postgres@127.0.0.1:" + p.port + "/postgres?sslmode=disable"
	return p, p.start(ctx)
}

func (p *Postgres) start(ctx context.Context) error {
	server, err := command(context.WithoutCancel(ctx), p.account, p.dir, "postgres", "-D", p.dir, "-h", "127.0.0.1", "-p", p.port, "-k", "",
		"-c", "max_connections=500", "-c", "shared_buffers=256MB")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return err
	}
	p.process = server
	err = until(ctx, 30*time.Second, func() error {
		d, err := db.Open(ctx, p.URL, 1)
		if err == nil {
			err = d.Close()
		}
		return err
	})
	if err != nil {
		p.Stop()
	}
	return err
}

// Stop ends the server: a fast shutdown.
func (p *Postgres) Stop() { p.signal(syscall.SIGINT) }

// Restart ends the server as pg_ctl -m immediate does, without a checkpoint and
// without a word to its clients, and starts it again, which recovers from its log.
func (p *Postgres) Restart(ctx context.Context) error {
	p.signal(syscall.SIGQUIT)
	return p.start(ctx)
}

func (p *Postgres) signal(s syscall.Signal) {
	_ = p.process.Process.Signal(s) // it may have ended already
	_ = p.process.Wait()            // a signal ended it
}

// NewDatabase makes an empty database on the server at serverURL, in the tablespace
// if one is named.
func NewDatabase(ctx context.Context, serverURL string, tablespace ...string) (string, error) {
	d, err := db.Open(ctx, serverURL, 1)
	if err != nil {
		return "", err
	}
	defer d.Close()
	name := "rig_" + strings.ToLower(rand.Text())
	query := `CREATE DATABASE ` + name
	for _, t := range tablespace {
		if t != "" {
			query += ` TABLESPACE ` + t
		}
	}
	if _, err := d.Exec(ctx, query); err != nil {
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

// NewTablespace makes a tablespace in dir, an empty folder, which becomes the
// server's own.
func (p *Postgres) NewTablespace(ctx context.Context, name, dir string) error {
	if p.account != nil {
		if err := os.Chown(dir, int(p.account.Uid), int(p.account.Gid)); err != nil {
			return err
		}
	}
	d, err := db.Open(ctx, p.URL, 1)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Exec(ctx, `CREATE TABLESPACE `+name+` LOCATION '`+dir+`'`)
	return err
}

// DropTablespace removes a tablespace that is empty again.
func (p *Postgres) DropTablespace(ctx context.Context, name string) error {
	d, err := db.Open(ctx, p.URL, 1)
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Exec(ctx, `DROP TABLESPACE `+name)
	return err
}
