package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/chaos/world"
)

// doors is R39: a body of 1 GB in chunks is answered 413 once it is over its limit,
// and not kept in memory; connections that say nothing, or one byte of a header a
// second, cost little of it and are closed after 10 s (20 s, for a busy machine); and
// ordinary requests meanwhile take at most twice as long as before, or 50 ms more, at
// the median, and at most 500 ms more at the 99th percentile: of so few, that is
// nearly the slowest.
var doors = Scenario{
	Name: "doors", Rules: "R39", Alone: true,
	Promise: "Endless bodies, silent connections and headers that drip cost neither memory nor other callers.",
	Run:     runDoors,
}

const (
	doorsMemory   = 50 << 20 // growth while bodies of 1 GB arrive, in bytes
	doorsConn     = 16 << 10 // and of a silent connection: a goroutine and its buffer
	doorsPatience = 20 * time.Second
)

func runDoors(ctx context.Context, t *Trial) error {
	w, err := t.World(ctx, world.Options{Customers: 20})
	if err != nil {
		return err
	}
	n := w.Nodes[0]
	before := everyday(ctx, n, 3*time.Second)
	calm, err := n.Server().Memory()
	if err != nil {
		return err
	}
	watched := n.Server().Watch()
	var attack sync.WaitGroup
	for _, path := range []string{w.Lines[0].Path(), "/api/v1/messages"} {
		attack.Go(func() { t.flood(n, w.Key, path) })
	}
	silent := t.Pick(200, 5000)
	var stand atomic.Int64
	for i := range silent {
		attack.Go(func() {
			if !hungUp(ctx, n, i%2 == 0) {
				stand.Add(1)
			}
		})
	}
	during := everyday(ctx, n, 8*time.Second)
	attack.Wait()
	t.Expect(stand.Load() == 0, "%d of %d silent connections still stand after %s", stand.Load(), silent, doorsPatience)
	grown := watched().Peak - calm
	allowed := int64(doorsMemory + silent*doorsConn)
	t.Expect(grown <= allowed, "memory grew by %d MiB; want %d", grown>>20, allowed>>20)
	p99, was := during.Quantile(0.99), before.Quantile(0.99)
	median, usual := during.Quantile(0.5), before.Quantile(0.5)
	t.Expect(during.Len() > 50, "only %d ordinary requests were answered: it shows nothing", during.Len())
	t.Expect(median <= max(2*usual, usual+50), "ordinary requests took %.0f ms at the median, before %.0f ms", median, usual)
	t.Expect(p99 <= was+500, "ordinary requests took %.0f ms at the 99th percentile, before %.0f ms", p99, was)
	t.Count("medianMs", median)
	t.Count("medianBeforeMs", usual)
	t.Count("memoryMiB", float64(grown>>20))
	t.Count("p99Ms", p99)
	t.Count("p99BeforeMs", was)
	_, err = t.Audit(ctx, w, nil, allow{})
	return err
}

// everyday makes 20 ordinary requests a second for d.
func everyday(ctx context.Context, n *world.Node, d time.Duration) *rig.Times {
	var times rig.Times
	const perSecond = 20
	_ = rig.Pace(ctx, perSecond, int(d.Seconds()*perSecond), 8, func(_ int, due time.Time) error { // a request that fails shows in the count
		status, _, err := n.API().Do("GET", "/api/v1/me", nil)
		if err == nil && status == 200 {
			times.Add(time.Since(due))
		}
		return err
	})
	return &times
}

// flood sends 1 GB in chunks and expects to be told to stop.
func (t *Trial) flood(n *world.Node, key, path string) {
	conn, err := net.Dial("tcp", n.Listen) //nolint:noctx // loopback
	if err != nil {
		t.Expect(false, "%s: %v", path, err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second)) // fails only on a closed connection
	answered := make(chan int, 1)
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", path, key)
	chunk := append(fmt.Appendf(nil, "%x\r\n", 64<<10), make([]byte, 64<<10+2)...)
	copy(chunk[len(chunk)-2:], "\r\n")
	sent := 0
	for sent < 1<<30 {
		if _, err := conn.Write(chunk); err != nil {
			break // the server has closed: it says why
		}
		sent += 64 << 10
	}
	status := <-answered
	t.Expect(status == http.StatusRequestEntityTooLarge, "%s: 1 GB in chunks is answered %d after %d MiB", path, status, sent>>20)
	t.Expect(sent < 64<<20, "%s: %d MiB of a body over its limit were taken", path, sent>>20)
}

// hungUp opens a connection and says nothing, or a byte of a header each second, and
// reports whether the server hung up in time.
func hungUp(ctx context.Context, n *world.Node, drip bool) bool {
	conn, err := net.Dial("tcp", n.Listen) //nolint:noctx // loopback
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(doorsPatience)) // fails only on a closed connection
	gone, stop := context.WithCancel(ctx)
	defer stop()
	if drip {
		go func() {
			for _, b := range []byte("GET /healthz HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaa") {
				if _, err := conn.Write([]byte{b}); err != nil || !rig.Pause(gone, time.Second) {
					return
				}
			}
		}()
	}
	_, err = io.Copy(io.Discard, conn)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}
