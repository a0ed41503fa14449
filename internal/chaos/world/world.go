package world

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
)

// The databases that a world can stand on.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Options say what a world consists of. The zero value is one server on SQLite.
type Options struct {
	Bin  string // the server's program
	Dir  string // where files go; a folder of the world's own is made below it
	Mode string // Postgres or SQLite

	Postgres *rig.Postgres // the server for databases, of mode Postgres
	Seed     uint64        // of everything random

	Nodes     int     // servers on one database; 0 means 1. More than one needs Postgres
	Lines     int     // channels; 0 means 1
	Customers int     // who have written already; 0 means 300
	Rate      float64 // messages per second that a channel may send; 0 means 1,000
	Env       []string
	// Tablespace is where a database of mode Postgres is made; empty means with the
	// others.
	Tablespace string
	// Policy is the onUncertain of the channels; empty means the server's default.
	Policy string
	// Plan decides what the provider does with each message; nil takes every one
	// and answers within 150 ms.
	Plan Plan
	// Reports decides which statuses the provider reports for a message that it
	// took; nil means sent and delivered, soon. NoReports is never any.
	Reports func(rig.Accepted) []Report
}

// World is a running world.
type World struct {
	Options
	Nodes    []*Node
	Lines    []*rig.Line
	Provider *Provider
	Ledger   *Ledger
	Key      string // for the API, without limits

	Database *Proxy     // in front of PostgreSQL; nil in mode SQLite
	Cache    *Proxy     // in front of Redis; nil in mode SQLite
	Redis    *rig.Redis // nil in mode SQLite
	DB       *db.DB     // the servers' database, directly
	dsn      string

	closed   atomic.Bool
	watchers sync.WaitGroup

	mu     sync.Mutex
	rand   *mathrand.Rand
	faults []Fault
	next   int // node that is tried first by the next request
}

// Fault is something that was done to the world.
type Fault struct {
	Name string
	At   time.Time
}

// Open starts a world. Whoever opens it closes it.
func Open(ctx context.Context, o Options) (_ *World, err error) {
	o.Nodes, o.Lines, o.Customers = max(1, o.Nodes), max(1, o.Lines), orInt(o.Customers, 300)
	if o.Rate == 0 {
		o.Rate = 1000
	}
	if o.Nodes > 1 && o.Mode != Postgres {
		return nil, errors.New("several servers need PostgreSQL")
	}
	w := &World{Options: o, Ledger: newLedger(), rand: mathrand.New(mathrand.NewPCG(o.Seed, 1))}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if err = os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	if w.Provider, err = startProvider(w); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{w.openStorage, w.openNodes, w.openLines} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func orInt(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// openStorage makes the database and a Redis, and puts proxies before them.
func (w *World) openStorage(ctx context.Context) (err error) {
	if w.Mode != Postgres {
		return nil
	}
	if w.dsn, err = rig.NewDatabase(ctx, w.Options.Postgres.URL, w.Tablespace); err != nil {
		return err
	}
	if w.Redis, err = rig.StartRedis(ctx); err != nil {
		return err
	}
	if w.Database, err = startProxy(w.dsn); err != nil {
		return err
	}
	w.Cache, err = startProxy(w.Redis.URL)
	return err
}

func (w *World) openNodes(ctx context.Context) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	for i := range w.Options.Nodes {
		n := &Node{Node: rig.Node{Bin: w.Bin, Dir: filepath.Join(w.Dir, "node-"+rand.Text()[:8])}, world: w}
		n.Env = append([]string{"LINKTOR_SECRET_KEY=" + base64.StdEncoding.EncodeToString(secret), fmt.Sprintf("LINKTOR_NODE_NAME=node%d", i)}, w.Env...)
		var err error
		if n.Listen, err = rig.FreeAddr(); err != nil {
			return err
		}
		if w.Mode == Postgres {
			n.Database, n.Redis = w.Database.URL, w.Cache.URL
		}
		if err := n.Start(ctx); err != nil {
			return err
		}
		if i == 0 {
			if w.Key, err = n.NewKey(ctx); err != nil {
				return err
			}
		}
		n.api, n.hook = rig.NewClient(n.Listen, w.Key, maxConns), rig.NewClient(n.Listen, "", maxConns)
		w.Nodes = append(w.Nodes, n)
	}
	if w.dsn == "" {
		w.dsn = w.Nodes[0].DSN()
	}
	var err error
	w.DB, err = db.Open(ctx, w.dsn, 4)
	return err
}

func (w *World) openLines(context.Context) error {
	for range w.Options.Lines {
		l, err := rig.NewLine(w.Nodes[0].api, w.Provider.URL, w.Rate)
		if err != nil {
			return err
		}
		if w.Policy != "" {
			err := w.Nodes[0].api.Call("PATCH", "/api/v1/channels/"+l.ChannelID, map[string]string{"onUncertain": w.Policy}, nil)
			if err != nil {
				return err
			}
		}
		if err := l.Greet(w.Nodes[0].hook, w.Customers); err != nil {
			return err
		}
		w.Lines = append(w.Lines, l)
		w.Provider.know(l)
	}
	return nil
}

// Close ends everything.
func (w *World) Close() {
	w.closed.Store(true)
	w.watchers.Wait()
	for _, n := range w.Nodes {
		n.Stop()
	}
	if w.DB != nil {
		w.DB.Close()
	}
	if w.Provider != nil {
		w.Provider.stop()
	}
	for _, p := range []*Proxy{w.Database, w.Cache} {
		if p != nil {
			p.Close()
		}
	}
	if w.Redis != nil {
		w.Redis.Stop()
	}
	if w.Mode == Postgres && w.dsn != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = rig.DropDatabase(ctx, w.Options.Postgres.URL, w.dsn) // the whole server goes soon
	}
}

// Fault notes that something was just done to the world, for the figures of
// recovery.
func (w *World) Fault(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, Fault{name, time.Now()})
}

// Faults lists what was done.
func (w *World) Faults() []Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Fault(nil), w.faults...)
}

// Duration returns a random time between the two.
func (w *World) Duration(from, to time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return from + time.Duration(w.rand.Int64N(int64(to-from)+1))
}

// N returns a random number below n.
func (w *World) N(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.IntN(n)
}

// Pause waits for d, or until ctx ends.
func (w *World) Pause(ctx context.Context, d time.Duration) { rig.Pause(ctx, d) }

// Logs returns the end of what each server wrote to its log.
func (w *World) Logs() []string {
	var list []string
	for i, n := range w.Nodes {
		list = append(list, fmt.Sprintf("log of server %d: %s", i, rig.LastLines(n.Log())))
	}
	return list
}

// Errors returns some of the lines that servers logged about requests that failed for
// reasons of their own.
func (w *World) Errors(most int) (list []string) {
	for _, n := range w.Nodes {
		data, err := os.ReadFile(n.Log())
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if len(list) < most && strings.Contains(line, "internal") {
				list = append(list, strings.TrimSpace(line))
			}
		}
	}
	return list
}
