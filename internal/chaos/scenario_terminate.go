package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// terminate is R9: SIGTERM under load, again and again. The process ends within 25 s,
// every attempt has an outcome when it has ended, and every socket was told to
// reconnect, with its cursor, before it was closed. A second SIGTERM ends the process
// within 1 s or, on a machine that is that slow, twice the time that it takes to start.
var terminate = Scenario{
	Name: "sigterm", Rules: "R9",
	Promise: "SIGTERM lets calls end and sends clients elsewhere: the process is gone within 25 s and leaves nothing half done.",
	Run:     terminateLoop,
}

// stopLimit is how long a stop may take.
const stopLimit = 25 * time.Second

func terminateLoop(ctx context.Context, t *Trial) error {
	w, err := t.besiege(ctx, world.Options{}, 50, world.Load{Inbound: 150, Sends: 60})
	if err != nil {
		return err
	}
	defer w.lift()
	n, longest := w.Nodes[0], time.Duration(0)
	for range t.Pick(5, 60) {
		w.Pause(ctx, w.Duration(500*time.Millisecond, 2*time.Second))
		took, err := n.Terminate(stopLimit + 5*time.Second)
		t.Expect(err == nil && took <= stopLimit, "a stop took %s (%v)", took, err)
		longest = max(longest, took)
		var open int
		if err := w.DB.GetContext(ctx, &open, `SELECT count(*) FROM attempts WHERE outcome = 'open'`); err != nil {
			return err
		}
		t.Expect(open == 0, "%d attempts have no outcome after a stop", open)
		if err := n.Start(ctx); err != nil {
			return err
		}
	}
	t.Count("longest stop, ms", float64(longest.Milliseconds()))
	w.Pause(ctx, time.Second)
	a, err := w.settled(ctx, world.SettleSoon, 150, 50)
	if err != nil {
		return err
	}
	t.Expect(a.Seen.Cut == 0, "%d sockets were closed without being told to reconnect", a.Seen.Cut)
	t.Expect(a.Seen.Warned >= a.Seen.Sockets, "only %d sockets were told to reconnect", a.Seen.Warned)
	return t.impatient(ctx)
}

// impatient sends SIGTERM twice to a server whose provider does not answer.
func (t *Trial) impatient(ctx context.Context) error {
	w, err := t.World(ctx, world.Options{Plan: func(world.Call) world.Answer { return world.Answer{Latency: 20 * time.Second} }})
	if err != nil {
		return err
	}
	n := w.Nodes[0]
	for i := range 5 {
		to := world.Sent{ChannelID: w.Lines[0].ChannelID, To: fmt.Sprintf("+1650%07d", 2_000_000+i)}
		w.Send(ctx, fmt.Sprintf("impatient-%d", i), to, nil)
	}
	if err := w.Await(ctx, 20*time.Second, 1, `SELECT count(*) FROM attempts`); err != nil {
		return err
	}
	s := n.Server()
	s.Signal(syscall.SIGTERM)
	w.Pause(ctx, 300*time.Millisecond)
	began := time.Now()
	s.Signal(syscall.SIGTERM)
	select {
	case <-s.Done():
	case <-time.After(stopLimit + 5*time.Second):
	}
	took := time.Since(began)
	t.Count("second SIGTERM to the end, ms", float64(took.Milliseconds()))
	t.Expect(took <= max(time.Second, 2*n.Started()[0]), "the second SIGTERM took %s", took)
	return nil
}
