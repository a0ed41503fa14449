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
	pacedRate   = 200
	sendPatient = 60 * time.Second
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

// slowProvider is how long a provider usually takes to answer.
const slowProvider = 50 * time.Millisecond

// sent is what a burst found.
type sent struct{ accepted, queued, cpu float64 }

// send measures the way out: how many messages a second reach the provider when
// the API takes them as fast as it can, for a provider that answers at once and one
// that takes its time, and how long one takes at a steady rate.
func (b *bench) send(ctx context.Context) error {
	return b.each(func(mode string) error {
		got := &arrivals{at: map[int]time.Time{}}
		w, err := b.world(ctx, mode, sendLines, lineRate, got.add)
		if err != nil {
			return err
		}
		defer w.close()
		// Nobody is written to more than twice in a row: one recipient may be sent one
		// message in 6 s, and that limit is not what is measured here.
		people := (2*b.scale.rounds*b.scale.sends + w.pacedSends()) / sendLines
		for _, l := range w.lines {
			if err := l.Greet(w.hook, people+1); err != nil {
				return err
			}
		}
		t, err := b.table(ctx, mode)
		if err != nil {
			return err
		}
		defer t.db.Close()
		watched := w.server.Watch()
		var inserts []float64
		var fast, slow []sent
		for range b.scale.rounds {
			n, err := t.insert(ctx, b.scale.limit)
			if err != nil {
				return err
			}
			inserts = append(inserts, n)
			for delay, to := range map[time.Duration]*[]sent{0: &fast, slowProvider: &slow} {
				w.delay.Store(int64(delay))
				s, err := w.burst(ctx, got)
				if err != nil {
					return err
				}
				*to = append(*to, s)
			}
		}
		w.delay.Store(0)
		times, err := w.paced(ctx, got)
		if err != nil {
			return err
		}
		used := watched()
		targets := map[string][2]float64{"postgres": {2500, 2000}}[mode]
		accepted, limit := func(s sent) float64 { return s.accepted }, rig.Median(inserts)
		return b.report("send", mode,
			figure{Name: "accepted by a provider that answers at once", Value: medianOf(fast, accepted), Unit: "/s", AtLeast: targets[0]}.of(limit, "rows/s, grouped insert").beside(peerSend),
			figure{Name: "  taken by the API meanwhile", Value: medianOf(fast, func(s sent) float64 { return s.queued }), Unit: "/s"}.of(limit, "rows/s, grouped insert"),
			figure{Name: "  server CPU per 1,000", Value: medianOf(fast, func(s sent) float64 { return s.cpu }), Unit: "s"},
			figure{Name: fmt.Sprintf("accepted by one that takes %s", slowProvider), Value: medianOf(slow, accepted), Unit: "/s", AtLeast: targets[1]}.of(limit, "rows/s, grouped insert").beside(peerSendSlow),
			figure{Name: fmt.Sprintf("API call to provider at %d/s, p50", pacedRate), Value: times.Quantile(0.5), Unit: "ms"},
			figure{Name: "  p99", Value: times.Quantile(0.99), Unit: "ms"},
			figure{Name: "most memory of the server", Value: float64(used.Peak) / (1 << 20), Unit: "MiB", AtMost: 200}.beside(peerSendMemory),
		)
	})
}

// sendOne queues the n-th message of a load: channels in turn, and customers who
// were not written to by an earlier load.
func (w *world) sendOne(n int) error {
	line := w.lines[n%len(w.lines)]
	to := "+" + rig.Customer((w.written+n)/len(w.lines))
	status, answer, err := w.api.Do("POST", "/api/v1/messages", rig.Text(line.ChannelID, to, fmt.Sprintf("bench %d", n)))
	if err == nil && status != 202 {
		err = fmt.Errorf("send: %d %s", status, answer)
	}
	return err
}

// burst queues messages as fast as the API takes them and waits until the
// provider has them all.
func (w *world) burst(ctx context.Context, got *arrivals) (s sent, err error) {
	got.take()
	total := w.b.scale.sends
	began, cpu := time.Now(), w.server.CPU()
	var next atomic.Int64
	errs := make([]error, connections)
	var wg sync.WaitGroup
	for c := range connections {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < total && errs[c] == nil && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				errs[c] = w.sendOne(n)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return s, err
	}
	taken := time.Since(began)
	w.written += total
	if err := got.wait(ctx, total); err != nil {
		return s, err
	}
	cpu = w.server.CPU() - cpu
	_, last := got.take()
	n := float64(total)
	return sent{n / last.Sub(began).Seconds(), n / taken.Seconds(), cpu.Seconds() / n * 1000}, nil
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

func (w *world) pacedSends() int { return int(w.b.scale.paced.Seconds() * pacedRate) }

// paced queues messages at a steady rate. Times count from when the call was
// due, so that a slow answer does not hide the wait of those behind it.
func (w *world) paced(ctx context.Context, got *arrivals) (*rig.Times, error) {
	got.take()
	sends := w.pacedSends()
	var mu sync.Mutex
	due := map[int]time.Time{}
	err := rig.Pace(ctx, pacedRate, sends, connections, func(n int, at time.Time) error {
		mu.Lock()
		due[n] = at
		mu.Unlock()
		return w.sendOne(n)
	})
	if err != nil {
		return nil, err
	}
	if err := got.wait(ctx, sends); err != nil {
		return nil, err
	}
	times := &rig.Times{}
	at, _ := got.take()
	for n, t := range at {
		times.Add(t.Sub(due[n]))
	}
	return times, nil
}
