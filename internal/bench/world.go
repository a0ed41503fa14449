package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
)

// connections is how many the load uses.
const connections = 32

// customers write and are written to.
const customers = 1000

// world is a server with channels whose provider is fake.
type world struct {
	node     rig.Node
	server   *rig.Server
	provider *rig.Provider
	api      *rig.Client
	hook     *rig.Client // for webhooks: no key
	key      string
	lines    []*rig.Line
	db       *db.DB
	stride   int          // between the customers who write
	written  int          // messages queued in earlier loads
	delay    atomic.Int64 // of the provider's answer, in nanoseconds
	profile  string       // file; empty for none
	profiled func() error // ends the profile; nil if none runs
	b        *bench
}

// world starts a server on an empty database with some channels, each of which
// may send perSecond messages and has heard from every customer.
func (b *bench) world(ctx context.Context, mode string, lines int, perSecond float64, onAccept func(rig.Accepted)) (_ *world, err error) {
	w := &world{b: b, stride: 1, node: rig.Node{Bin: b.bin, Dir: filepath.Join(b.dir, mode+"-"+rand.Text())}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.node.Listen, err = rig.FreeAddr(); err != nil {
		return nil, err
	}
	if mode == "postgres" {
		w.node.Redis = b.services.Redis
		if w.node.Database, err = rig.NewDatabase(ctx, b.services.Postgres); err != nil {
			return nil, err
		}
	}
	if b.profile != "" {
		b.profiles++ // a scenario may start several servers
		w.profile = filepath.Join(b.profile, fmt.Sprintf("%02d-%s-%s.pprof", b.profiles, b.scenario, mode))
		w.node.ProfileTo(w.profile)
	}
	if w.provider, err = rig.StartProvider(func() time.Duration { return time.Duration(w.delay.Load()) }, onAccept); err != nil {
		return nil, err
	}
	if w.server, err = w.node.Start(ctx); err != nil {
		return nil, err
	}
	if w.key, err = w.node.NewKey(ctx); err != nil {
		return nil, err
	}
	if w.db, err = db.Open(ctx, w.node.DSN(), 2); err != nil {
		return nil, err
	}
	w.api, w.hook = rig.NewClient(w.node.Listen, w.key, connections), rig.NewClient(w.node.Listen, "", connections)
	for range lines {
		l, err := rig.NewLine(w.api, w.provider.URL, perSecond)
		if err != nil {
			return nil, err
		}
		if err := l.Greet(w.hook, customers); err != nil {
			return nil, err
		}
		w.lines = append(w.lines, l)
	}
	return w, w.beginProfile(ctx)
}

func (w *world) beginProfile(ctx context.Context) (err error) {
	if w.profile != "" {
		w.profiled, err = w.server.Profile(ctx, w.profile)
	}
	return err
}

func (w *world) endProfile() {
	if w.profiled == nil {
		return
	}
	if err := w.profiled(); err != nil { // the figures are worth more
		fmt.Fprintln(w.b.log, "bench:", err)
	}
	w.profiled = nil
}

// restart stops the server, calls between, and starts it again.
func (w *world) restart(ctx context.Context, between func() error) (err error) {
	w.endProfile()
	w.server.Stop()
	if err := between(); err != nil {
		return err
	}
	if w.server, err = w.node.Start(ctx); err != nil {
		return err
	}
	return w.beginProfile(ctx)
}

func (w *world) close() {
	w.endProfile()
	if w.server != nil {
		w.server.Stop()
	}
	if w.db != nil {
		w.db.Close()
	}
	if w.provider != nil {
		w.provider.Stop()
	}
}

// count is how many messages from id since on, and statuses of them, are committed. To
// count all would leave the database with the oldest in memory instead of what it uses.
func (w *world) count(ctx context.Context, since string) (n int, err error) {
	err = w.db.GetContext(ctx, &n, `SELECT (SELECT count(*) FROM messages WHERE id >= $1) + (SELECT count(*) FROM message_statuses WHERE message_id >= $1)`, since)
	return n, err
}
