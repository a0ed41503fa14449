package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/linktor/linktor/internal/bench/rig"
)

const (
	socketRate     = 500
	socketMessages = 5000
	idleClients    = 1000
	idleSettle     = 5 * time.Second
)

// latency measures from a webhook's posting to the frame on a socket.
func (b *bench) latency(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		times, err := w.frames(ctx)
		if err != nil {
			return err
		}
		return b.report("latency", mode,
			figure{Name: fmt.Sprintf("webhook to frame at %d/s, p50", socketRate), Value: times.Quantile(0.5), Unit: "ms", AtMost: 10},
			figure{Name: "p99", Value: times.Quantile(0.99), Unit: "ms", AtMost: 50},
		)
	})
}

// frame is what matters here of a frame of the server.
type frame struct {
	Op    string
	Event struct {
		Data struct{ Content struct{ Text string } }
	}
}

func (w *world) frames(ctx context.Context) (*rig.Times, error) {
	ws, err := w.subscribe(ctx)
	if err != nil {
		return nil, err
	}
	defer ws.CloseNow() //nolint:errcheck // nothing is lost
	line, tag := w.lines[0], rand.Text()[:10]
	hooks := make([]*rig.Webhook, socketMessages)
	for i := range hooks {
		hooks[i] = line.Messages(rig.Inbound{ID: fmt.Sprintf("wamid.%s%08d", tag, i), From: rig.Customer(i % customers), Text: fmt.Sprintf("bench %d", i), At: time.Now()})
	}
	var mu sync.Mutex
	due, seen := make([]time.Time, len(hooks)), make([]time.Time, len(hooks))
	read := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	go func() { read <- watch(ctx, ws, seen) }()
	err = rig.Pace(ctx, socketRate, len(hooks), connections, func(i int, at time.Time) error {
		mu.Lock()
		due[i] = at
		mu.Unlock()
		if ok, err := line.Post(w.hook, hooks[i]); err != nil || !ok {
			return fmt.Errorf("a webhook was not taken (%w)", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := <-read; err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	times := &rig.Times{}
	for i := range seen {
		times.Add(seen[i].Sub(due[i]))
	}
	return times, nil
}

// watch notes when the frame of each message came, until all have come.
func watch(ctx context.Context, ws *websocket.Conn, seen []time.Time) error {
	for missing := len(seen); missing > 0; {
		_, data, err := ws.Read(ctx)
		if err != nil {
			return fmt.Errorf("%d frames are missing: %w", missing, err)
		}
		now := time.Now()
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			return err
		}
		if n, ok := numbered(f.Event.Data.Content.Text); ok && n < len(seen) && seen[n].IsZero() {
			seen[n] = now
			missing--
		}
	}
	return nil
}

// subscribe opens a socket that gets inbound messages.
func (w *world) subscribe(ctx context.Context) (*websocket.Conn, error) {
	return rig.Subscribe(ctx, w.node.Listen, w.key, "message.received")
}

// idle opens sockets on which nothing happens.
func (b *bench) idle(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		before, err := w.server.Memory()
		if err != nil {
			return err
		}
		sockets := make([]*websocket.Conn, idleClients)
		defer func() {
			for _, ws := range sockets {
				if ws != nil {
					_ = ws.CloseNow() // nothing is lost
				}
			}
		}()
		for i := range sockets {
			if sockets[i], err = w.subscribe(ctx); err != nil {
				return err
			}
		}
		rig.Pause(ctx, idleSettle)
		after, err := w.server.Memory()
		if err != nil {
			return err
		}
		return b.report("idle", mode,
			figure{Name: fmt.Sprintf("memory with %d WebSocket clients", idleClients), Value: float64(after >> 20), Unit: "MiB", AtMost: 120},
			figure{Name: "before they came", Value: float64(before >> 20), Unit: "MiB"},
		)
	})
}
