package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// siege is a world under load with sockets that watch: what most scenarios about
// durability begin with.
type siege struct {
	*world.World
	trial *Trial
	fleet *world.Fleet
	load  *world.Running
}

// besiege opens a world with n sockets and a load.
func (t *Trial) besiege(ctx context.Context, o world.Options, n int, l world.Load) (*siege, error) {
	w, err := t.World(ctx, o)
	if err != nil {
		return nil, err
	}
	fleet, err := w.Subscribers(ctx, n)
	if err != nil {
		return nil, err
	}
	return &siege{w, t, fleet, w.Load(ctx, l)}, nil
}

// lift ends the load and the sockets; it may be called twice.
func (s *siege) lift() {
	s.load.Stop()
	s.fleet.Close()
}

// settled ends the load, waits until nothing is under way and compares the ledgers. It
// fails a scenario in which fewer were acknowledged than the two say.
func (s *siege) settled(ctx context.Context, limit time.Duration, inbound, sends int) (*world.Audit, error) {
	s.load.Stop()
	if err := s.Settle(ctx, s.fleet, limit); err != nil {
		return nil, err
	}
	a, err := s.trial.Audit(ctx, s.World, s.fleet, allow{})
	if err != nil {
		return nil, err
	}
	s.trial.enough(a, inbound, sends)
	return a, nil
}

// enough fails a scenario in which too little happened to show anything.
func (t *Trial) enough(a *world.Audit, inbound, sends int) {
	t.Expect(a.AckedInbound >= inbound && a.AckedSends >= sends, "only %d webhooks and %d sends were acknowledged: it shows nothing", a.AckedInbound, a.AckedSends)
}

// watch waits until ok, for up to limit.
func (t *Trial) watch(ctx context.Context, ok func() bool, limit time.Duration) bool {
	for began := time.Now(); time.Since(began) < limit && ctx.Err() == nil; rig.Pause(ctx, 50*time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}
