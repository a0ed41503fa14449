package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// full is R7: the disk under the database fills up under load, and is freed again. It
// is a small file system in memory, which takes the right to mount one: on SQLite
// under the whole data folder and the log, on PostgreSQL under the tablespace of the
// database. Nothing is acknowledged that is not saved: requests are refused with 503
// and the code storage_full, /readyz says no, the process lives, and within 5 s of
// the end of it requests are taken again. Lost 0.
var full = Scenario{
	Name: "disk-full", Rules: "R7",
	Promise: "When the disk is full nothing is acknowledged that is not saved; callers are told so, and all goes on when there is space again.",
	Run:     diskFull,
}

// diskSize is the size of the disk, in bytes.
const diskSize = 64 << 20

func diskFull(ctx context.Context, t *Trial) error {
	disk := filepath.Join(t.dir, "disk-"+t.Mode)
	unmount, err := mount(disk, diskSize)
	if err != nil {
		return t.Skip("a small disk cannot be mounted here (%v)", err)
	}
	defer unmount()
	o, undo, err := t.onDisk(ctx, disk)
	if err != nil {
		return err
	}
	defer undo()
	w, err := t.World(ctx, o)
	if err != nil {
		return err
	}
	defer w.Close() // before the disk goes
	load := w.Load(ctx, world.Load{Inbound: 200, Sends: 50})
	defer load.Stop()
	for range t.Pick(1, 5) {
		if err := t.fillUp(ctx, w, filepath.Join(disk, "filler")); err != nil {
			return err
		}
	}
	load.Stop()
	if err := w.Settle(ctx, nil, world.SettleLate); err != nil {
		return err
	}
	a, err := t.Audit(ctx, w, nil, allow{})
	if err != nil {
		return err
	}
	t.enough(a, 100, 20)
	t.refusals(w)
	return nil
}

// onDisk says how a world is put on a disk of its own, and what to undo after it.
func (t *Trial) onDisk(ctx context.Context, disk string) (o world.Options, undo func(), err error) {
	if t.Mode == world.SQLite {
		return world.Options{Dir: disk}, func() {}, nil
	}
	folder := filepath.Join(disk, "tablespace")
	for _, dir := range []string{t.dir, disk} { // PostgreSQL may run as another user
		if err := os.Chmod(dir, 0o755); err != nil {
			return o, nil, err
		}
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return o, nil, err
	}
	if err := t.postgres.NewTablespace(ctx, "small", folder); err != nil {
		return o, nil, err
	}
	return world.Options{Tablespace: "small"}, func() {
		_ = t.postgres.DropTablespace(context.WithoutCancel(ctx), "small") // the whole server goes soon
	}, nil
}

// fillUp fills the disk, watches the server refuse, and frees the disk again.
func (t *Trial) fillUp(ctx context.Context, w *world.World, filler string) error {
	w.Pause(ctx, 2*time.Second)
	n := w.Nodes[0]
	ready, _, err := n.Get("/readyz")
	t.Expect(err == nil && ready == 200, "the server is not ready before: %d %v", ready, err)
	if err := fill(filler); err != nil {
		return err
	}
	refused := t.watch(ctx, func() bool {
		if err := fill(filler); err != nil {
			return false
		}
		status, answer := t.probe(w)
		return (status == 503 || status == 507) && bytes.Contains(answer, []byte(`"storage_full"`))
	}, 60*time.Second)
	t.Expect(refused, "no send was refused with storage_full")
	notReady := t.watch(ctx, func() bool { s, _, err := n.Get("/readyz"); return err == nil && s == 503 }, 10*time.Second)
	t.Expect(notReady, "/readyz does not say that the disk is full")
	w.Pause(ctx, 2*time.Second)
	if err := os.Remove(filler); err != nil {
		return err
	}
	w.Fault("space freed")
	freed := time.Now()
	t.watch(ctx, func() bool { status, _ := t.probe(w); return status == 202 }, 30*time.Second)
	healed := time.Since(freed)
	t.Count("space freed to first acknowledgement, ms", float64(healed.Milliseconds()))
	t.Expect(healed <= 5*time.Second, "nothing was acknowledged for %s after there was space again", healed)
	back := t.watch(ctx, func() bool { s, _, err := n.Get("/readyz"); return err == nil && s == 200 }, 15*time.Second)
	t.Expect(back, "/readyz does not say that there is space again")
	return nil
}

// probe asks for one send, once, and counts it in the ledger if it is taken. Each is to
// another customer: many to one would wait for the pair limit.
func (t *Trial) probe(w *world.World) (status int, answer []byte) {
	t.probes++
	return w.TrySend(world.Sent{ChannelID: w.Lines[0].ChannelID, To: "+" + rig.Customer(t.probes%w.Customers)})
}

// fill appends to a file until the disk is full.
func fill(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	return nil // err says that it is full
}
