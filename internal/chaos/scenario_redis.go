package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// redis is R6: Redis is emptied every few seconds, killed, silent, and then away for a
// while. Nothing that matters is in it: lost 0, duplicated 0, sends go on at no less
// than half of their rate while it is away, and frames reach sockets at most 1 s later
// (99th percentile) than with it.
var redis = Scenario{
	Name: "redis", Rules: "R6", Alone: true, Modes: []string{world.Postgres},
	Promise: "Redis can be emptied, killed, silent or away: nothing is lost, sends go on, and frames come at most a second later.",
	Run:     redisAway,
}

func redisAway(ctx context.Context, t *Trial) error {
	w, err := t.besiege(ctx, world.Options{Nodes: 2}, 20, world.Load{Inbound: 150, Sends: 50})
	if err != nil {
		return err
	}
	defer w.lift()
	w.Pause(ctx, time.Second)
	away := t.For(8*time.Second, 30*time.Second)
	w.fleet.Look(0) // the start is not the usual
	normal := t.sentIn(ctx, w.World, away/2)
	usual := w.fleet.Look(0).Latency
	if err := t.redisTroubles(ctx, w.World); err != nil {
		return err
	}
	w.fleet.Look(0)
	w.Fault("redis away")
	w.Redis.Kill()
	without := t.sentIn(ctx, w.World, away)
	late := w.fleet.Look(0).Latency
	if err := w.Redis.Start(ctx); err != nil {
		return err
	}
	t.Count("sends per second without Redis, % of normal", 100*without/normal)
	t.Count("event to frame without Redis, p99 ms", float64(late.Milliseconds()))
	t.Count("event to frame with Redis, p99 ms", float64(usual.Milliseconds()))
	t.Expect(without >= normal/2, "%.1f sends per second without Redis, %.1f with it", without, normal)
	t.Expect(late <= time.Second+usual, "frames came after %s (p99) without Redis, %s with it", late, usual)
	if _, err := w.settled(ctx, world.SettleLate, 150, 50); err != nil {
		return err
	}
	t.refusals(w.World)
	return nil
}

// redisTroubles empties Redis, kills it, and lets it say nothing.
func (t *Trial) redisTroubles(ctx context.Context, w *world.World) error {
	for range t.Pick(4, 12) {
		w.Fault("flush redis")
		if err := w.Redis.Flush(ctx); err != nil {
			return err
		}
		w.Pause(ctx, t.For(time.Second, 3*time.Second))
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
	w.Fault("freeze redis")
	if err := w.Cache.Freeze(); err != nil {
		return err
	}
	w.Pause(ctx, t.For(3*time.Second, 20*time.Second))
	w.Cache.Clear(ctx)
	t.healed(ctx, w, "the silence")
	return nil
}

// sentIn waits for d and returns how many messages a second the provider took
// meanwhile.
func (t *Trial) sentIn(ctx context.Context, w *world.World, d time.Duration) float64 {
	before, began := w.Provider.Total(), time.Now()
	w.Pause(ctx, d)
	return float64(w.Provider.Total()-before) / time.Since(began).Seconds()
}
