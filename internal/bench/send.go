package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

const (
	sendLines   = 4    // channels
	lineRate    = 1000 // messages per second of each
	sendBurst   = 10_000
	pacedRate   = 200
	pacedSends  = 2000
	sendPatient = 20 * time.Second
)

// arrivals notes when the provider got each message, which is known by a number
// at the end of its text.
type arrivals struct {
	mu   sync.Mutex
	at   map[int]time.Time
	last time.Time
}

func (a *arrivals) add(m rig.Accepted) {
	if n, ok := numbered(m.Text); ok {
		a.mu.Lock()
		a.at[n], a.last = m.At, m.At
		a.mu.Unlock()
	}
}

func (a *arrivals) take() (at map[int]time.Time, last time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, last = a.at, a.last
	a.at = map[int]time.Time{}
	return at, last
}

func (a *arrivals) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at)
}

// numbered reads the number at the end of a text such as "bench 17".
func numbered(text string) (int, bool) {
	digits, ok := strings.CutPrefix(text, "bench ")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// send measures the way out: how many messages a second reach the provider when
// the API takes them as fast as it can, and how long one takes at a steady rate.
func (b *bench) send(ctx context.Context) error {
	return b.each(func(mode string) error {
		got := &arrivals{at: map[int]time.Time{}}
		w, err := b.world(ctx, mode, sendLines, lineRate, got.add)
		if err != nil {
			return err
		}
		defer w.close()
		var sustained, queued []float64
		for range rounds {
			all, taken, err := w.burst(ctx, got)
			if err != nil {
				return err
			}
			sustained, queued = append(sustained, all), append(queued, taken)
		}
		times, err := w.paced(ctx, got)
		if err != nil {
			return err
		}
		atLeast := map[string]float64{"postgres": 1000}
		return b.report("send", mode,
			figure{Name: "accepted by the provider", Value: rig.Median(sustained), Unit: "/s", AtLeast: atLeast[mode]},
			figure{Name: "taken by the API meanwhile", Value: rig.Median(queued), Unit: "/s"},
			figure{Name: fmt.Sprintf("API call to provider at %d/s, p50", pacedRate), Value: times.Quantile(0.5), Unit: "ms"},
			figure{Name: "p99", Value: times.Quantile(0.99), Unit: "ms"},
		)
	})
}

// sendOne queues the n-th message: channels and customers in turn.
func (w *world) sendOne(n int) error {
	line := w.lines[n%len(w.lines)]
	to := "+" + rig.Customer(n/len(w.lines)%customers)
	status, answer, err := w.api.Do("POST", "/api/v1/messages", rig.Text(line.ChannelID, to, fmt.Sprintf("bench %d", n)))
	if err == nil && status != 202 {
		err = fmt.Errorf("send: %d %s", status, answer)
	}
	return err
}

// burst queues messages as fast as the API takes them and waits until the
// provider has them all.
func (w *world) burst(ctx context.Context, got *arrivals) (accepted, queued float64, err error) {
	got.take()
	began := time.Now()
	var next atomic.Int64
	errs := make([]error, connections)
	var wg sync.WaitGroup
	for c := range connections {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < sendBurst && errs[c] == nil && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				errs[c] = w.sendOne(n)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, 0, err
	}
	taken := time.Since(began)
	if err := got.wait(ctx, sendBurst); err != nil {
		return 0, 0, err
	}
	_, last := got.take()
	return sendBurst / last.Sub(began).Seconds(), sendBurst / taken.Seconds(), nil
}

// wait waits for n messages at the provider.
func (a *arrivals) wait(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, sendPatient)
	defer cancel()
	for a.len() < n {
		if !rig.Pause(ctx, 5*time.Millisecond) {
			return fmt.Errorf("the provider got %d of %d messages", a.len(), n)
		}
	}
	return nil
}

// paced queues messages at a steady rate. Times count from when the call was
// due, so that a slow answer does not hide the wait of those behind it.
func (w *world) paced(ctx context.Context, got *arrivals) (*rig.Times, error) {
	got.take()
	var mu sync.Mutex
	due := map[int]time.Time{}
	err := rig.Pace(ctx, pacedRate, pacedSends, connections, func(n int, at time.Time) error {
		mu.Lock()
		due[n] = at
		mu.Unlock()
		return w.sendOne(n)
	})
	if err != nil {
		return nil, err
	}
	if err := got.wait(ctx, pacedSends); err != nil {
		return nil, err
	}
	times := &rig.Times{}
	at, _ := got.take()
	for n, t := range at {
		times.Add(t.Sub(due[n]))
	}
	return times, nil
}
