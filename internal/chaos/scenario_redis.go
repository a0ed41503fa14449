package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// redis is R6: Redis is emptied every few seconds, killed, and then away for a while.
// Nothing that matters is in it: lost 0, duplicated 0, sends go on at no less than
// half of their rate while it is away, and frames reach sockets at most 1 s later.
var redis = Scenario{
	Name: "redis", Rules: "R6", Alone: true, Modes: []string{world.Postgres},
	Promise: "Redis can be emptied, killed or away: nothing is lost, sends go on, and frames come at most a second later.",
	Run:     redisAway,
}

func redisAway(ctx context.Context, t *Trial) error {
	w, err := t.World(ctx, world.Options{Nodes: 2})
	if err != nil {
		return err
	}
	fleet, err := w.Subscribers(ctx, 20)
	if err != nil {
		return err
	}
	defer fleet.Close()
	load := w.Load(ctx, world.Load{Inbound: 150, Sends: 50})
	defer load.Stop()
	w.Pause(ctx, time.Second)
	away := t.For(8*time.Second, time.Minute)
	normal := t.sentIn(ctx, w, away/2)
	for range t.Pick(4, 24) {
		w.Fault("flush redis")
		if err := w.Redis.Flush(ctx); err != nil {
			return err
		}
		w.Pause(ctx, t.For(time.Second, 5*time.Second))
	}
	for range t.Pick(2, 10) {
		w.Fault("kill redis")
		w.Redis.Kill()
		w.Pause(ctx, 500*time.Millisecond)
		if err := w.Redis.Start(ctx); err != nil {
			return err
		}
		w.Pause(ctx, time.Second)
	}
	head, err := w.Head(ctx)
	if err != nil {
		return err
	}
	usual := fleet.Look(head).Latency
	w.Fault("redis away")
	w.Redis.Kill()
	without := t.sentIn(ctx, w, away)
	if head, err = w.Head(ctx); err != nil {
		return err
	}
	late := fleet.Look(head).Latency
	if err := w.Redis.Start(ctx); err != nil {
		return err
	}
	t.Count("sends per second without Redis, % of normal", 100*without/normal)
	t.Count("event to frame without Redis, p99 ms", float64(late.Milliseconds()))
	t.Count("event to frame with Redis, p99 ms", float64(usual.Milliseconds()))
	t.Expect(without >= normal/2, "%.1f sends per second without Redis, %.1f with it", without, normal)
	t.Expect(late <= time.Second+usual, "frames came after %s (p99) without Redis, %s with it", late, usual)
	load.Stop()
	if err := w.Settle(ctx, fleet, world.SettleLate); err != nil {
		return err
	}
	a, err := t.Audit(ctx, w, fleet, allow{})
	if err != nil {
		return err
	}
	t.enough(a, 150, 50)
	t.refusals(w)
	return nil
}

// sentIn waits for d and returns how many messages a second the provider took
// meanwhile.
func (t *Trial) sentIn(ctx context.Context, w *world.World, d time.Duration) float64 {
	before, began := w.Provider.Total(), time.Now()
	w.Pause(ctx, d)
	return float64(w.Provider.Total()-before) / time.Since(began).Seconds()
}
