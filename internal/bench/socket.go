package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const socketRate = 500

// pair is the server and the bare one with as many sockets each.
type pair struct {
	ours, bare *fan
	stop       func()
}

func (w *world) pair(ctx context.Context, sockets int) (*pair, error) {
	ours, err := w.fan(ctx, sockets)
	if err != nil {
		return nil, err
	}
	bare, stop, err := bareFan(ctx, sockets, w.b.scale.settle)
	if err != nil {
		ours.fleet.Close()
		return nil, err
	}
	return &pair{ours, bare, func() { ours.fleet.Close(); stop() }}, nil
}

// rounds spreads n posts at a rate over the sockets of both, in turn.
func (p *pair) rounds(ctx context.Context, count int, rate float64, n int) (ours, limit []spread, err error) {
	for range count {
		for _, m := range []struct {
			fan *fan
			to  *[]spread
		}{{p.ours, &ours}, {p.bare, &limit}} {
			s, err := m.fan.spread(ctx, rate, n)
			if err != nil {
				return nil, nil, err
			}
			*m.to = append(*m.to, s)
		}
	}
	return ours, limit, nil
}

func spread50(s spread) float64   { return s.p50 }
func spread99(s spread) float64   { return s.p99 }
func spreadRate(s spread) float64 { return s.perSecond }
func spreadCPU(s spread) float64  { return s.cpu }
func spreadPeak(s spread) float64 { return s.peak }

// latency measures from a webhook's posting to the frame on a socket, commit
// included.
func (b *bench) latency(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		p, err := w.pair(ctx, 1)
		if err != nil {
			return err
		}
		defer p.stop()
		ours, limit, err := p.rounds(ctx, b.scale.rounds, socketRate, int(socketRate*b.scale.spread.Seconds()))
		if err != nil {
			return err
		}
		return b.report("latency", mode,
			figure{Name: fmt.Sprintf("webhook to frame at %d/s, p50", socketRate), Value: medianOf(ours, spread50), Unit: "ms", AtMost: 8}.of(medianOf(limit, spread50), "bare Fiber and socket"),
			figure{Name: "  p99", Value: medianOf(ours, spread99), Unit: "ms", AtMost: 30}.of(medianOf(limit, spread99), "bare Fiber and socket"),
			figure{Name: "  server CPU per 1,000", Value: medianOf(ours, spreadCPU), Unit: "s"}.of(medianOf(limit, spreadCPU), "bare Fiber and socket"),
		)
	})
}

// idle opens sockets on which nothing happens.
func (b *bench) idle(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		p, err := w.pair(ctx, b.scale.idle)
		if err != nil {
			return err
		}
		defer p.stop()
		memory, err := w.server.Memory()
		if err != nil {
			return err
		}
		return b.report("idle", mode,
			figure{Name: fmt.Sprintf("memory of a socket, of %s", amount(float64(b.scale.idle))), Value: p.ours.perSocket, Unit: "KiB"}.of(p.bare.perSocket, "bare fasthttp/websocket"),
			figure{Name: "  memory of the server with them", Value: float64(memory) / (1 << 20), Unit: "MiB"},
			figure{Name: "  sockets opened", Value: p.ours.opened, Unit: "/s"}.of(p.bare.opened, "bare fasthttp/websocket"),
		)
	})
}

// flatPosts is how many posts are spread as fast as can be.
const flatPosts = 300

// fanTargets are the most p99 and memory. Source: at or below Centrifugo, which
// keeps no log.
var fanTargets = map[fleetSize][2]float64{{1_000, 50}: {15, 80}, {5_000, 5}: {80, 250}}

// fanFound is what was found of one server.
type fanFound struct {
	steady, flat []spread
	perSocket    float64
}

// round posts at the rate of size, then as fast as can be.
func (f *fan) round(ctx context.Context, s *scale, size fleetSize, to *fanFound) error {
	steady, err := f.spread(ctx, float64(size.rate), int(float64(size.rate)*s.spread.Seconds()))
	if err != nil {
		return err
	}
	flat, err := f.spread(ctx, 0, max(20, flatPosts*1000/size.sockets))
	to.steady, to.flat, to.perSocket = append(to.steady, steady), append(to.flat, flat), f.perSocket
	return err
}

// fanout spreads inbound messages over many sockets. Their number makes the cost,
// not the database: it is measured on one.
func (b *bench) fanout(ctx context.Context) error {
	mode, _, _ := strings.Cut(b.modes, ",")
	w, err := b.world(ctx, mode, 1, 80, nil)
	if err != nil {
		return err
	}
	defer w.close()
	for _, size := range b.scale.fleets {
		began := time.Now()
		if most := int(b.files) - otherFiles; size.sockets > most {
			fmt.Fprintf(b.log, "fanout: %d sockets instead of %d, because only %d files may be open\n", most, size.sockets, b.files)
			size.sockets = most
		}
		ours, limit, err := w.fanout(ctx, size)
		if err != nil {
			return err
		}
		if err := b.report("fanout", mode, fanFigures(size, ours, limit)...); err != nil {
			return err
		}
		b.done(fmt.Sprint(size.sockets), began)
	}
	return nil
}

// otherFiles is how many files may be open beside sockets.
const otherFiles = 500

// fanout measures the server and the bare one: in turn if the sockets of both may be
// open, else one after the other.
func (w *world) fanout(ctx context.Context, size fleetSize) (ours, limit fanFound, err error) {
	s := &w.b.scale
	if 2*size.sockets+otherFiles <= int(w.b.files) {
		p, err := w.pair(ctx, size.sockets)
		if err != nil {
			return ours, limit, err
		}
		defer p.stop()
		for range s.rounds {
			if err := errors.Join(p.ours.round(ctx, s, size, &ours), p.bare.round(ctx, s, size, &limit)); err != nil {
				return ours, limit, err
			}
		}
		return ours, limit, nil
	}
	f, err := w.fan(ctx, size.sockets)
	if err != nil {
		return ours, limit, err
	}
	for i := 0; i < s.rounds && err == nil; i++ {
		err = f.round(ctx, s, size, &ours)
	}
	if f.fleet.Close(); err != nil {
		return ours, limit, err
	}
	f, stop, err := bareFan(ctx, size.sockets, s.settle)
	if err != nil {
		return ours, limit, err
	}
	defer stop()
	for i := 0; i < s.rounds && err == nil; i++ {
		err = f.round(ctx, s, size, &limit)
	}
	return ours, limit, err
}

func fanFigures(size fleetSize, ours, limit fanFound) []figure {
	const bare = "bare sockets"
	f := func(name, unit string, of func(spread) float64) figure {
		return figure{Name: name, Value: medianOf(ours.steady, of), Unit: unit}.of(medianOf(limit.steady, of), bare)
	}
	tail, memory := f("  p99", "ms", spread99), f("  most memory of the server", "MiB", spreadPeak)
	tail.AtMost, memory.AtMost = fanTargets[size][0], fanTargets[size][1]
	rate := figure{Name: "  frames flat out", Value: medianOf(ours.flat, spreadRate), Unit: "/s"}.of(medianOf(limit.flat, spreadRate), bare)
	switch size.sockets {
	case 1000:
		tail, memory, rate = tail.beside(peerFan1000), memory.beside(peerFan1000MiB), rate.beside(peerRead)
	case 5000:
		tail, memory = tail.beside(peerFan5000), memory.beside(peerFan5000MiB)
	}
	return []figure{
		f(fmt.Sprintf("%s sockets × %d/s, p50", amount(float64(size.sockets)), size.rate), "ms", spread50), tail,
		f("  server CPU per 1,000 frames", "s", spreadCPU), memory, rate,
		figure{Name: "  memory of a socket, idle", Value: ours.perSocket, Unit: "KiB"}.of(limit.perSocket, bare),
	}
}
