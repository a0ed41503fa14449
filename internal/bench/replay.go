package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/id"
)

const (
	replayPage    = 100 // events per page of GET /events, the most it gives
	replaySockets = 8
)

// replay reads the whole event log again: page by page, and by sockets that resume
// from its beginning.
func (b *bench) replay(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		log, err := w.fillLog(ctx, b.scale.replay)
		if err != nil {
			return err
		}
		watched := w.server.Watch()
		measures := []struct {
			run   func(context.Context, *eventLog) (float64, error)
			found []float64
		}{{run: w.readRows}, {run: w.readPages}, {run: w.resume(1)}, {run: w.resume(replaySockets)}}
		for range b.scale.rounds {
			for i := range measures {
				n, err := measures[i].run(ctx, log)
				if err != nil {
					return err
				}
				measures[i].found = append(measures[i].found, n)
			}
		}
		used := watched()
		const rows = "rows/s, read in pages of 200"
		limit := rig.Median(measures[0].found)
		figures := []figure{}
		for i, name := range []string{1: "GET /events, 1 client", "a socket that resumes", fmt.Sprintf("%d sockets that resume, together", replaySockets)} {
			if i > 0 {
				figures = append(figures, figure{Name: name, Value: rig.Median(measures[i].found), Unit: "events/s"}.of(limit, rows))
			}
		}
		return b.report("replay", mode, append(figures,
			figure{Name: "events in the log", Value: float64(log.last)},
			figure{Name: "most memory of the server", Value: float64(used.Peak) / (1 << 20), Unit: "MiB", AtMost: 200})...)
	})
}

// eventLog is the log of the tenant.
type eventLog struct {
	tenant, start string // cursor before the first event
	last          int64  // seq
}

// fillLog lets customers write until the log has so many events.
func (w *world) fillLog(ctx context.Context, atLeast int) (*eventLog, error) {
	for {
		var head struct {
			Tenant string `db:"tenant_id"`
			Epoch  string `db:"epoch"`
			Seq    int64  `db:"seq"`
		}
		if err := w.db.GetContext(ctx, &head, `SELECT tenant_id, epoch, seq FROM event_heads`); err != nil {
			return nil, err
		}
		if missing := atLeast - int(head.Seq); missing > 0 {
			if _, err := w.flood(ctx, w.messages((missing+9)/10, 10), id.Floor(id.Message, time.Now())); err != nil {
				return nil, err
			}
			continue
		}
		return &eventLog{tenant: head.Tenant, start: "v1." + head.Epoch + ".0", last: head.Seq}, nil
	}
}

// readRows reads the rows of the log as they are: the limit.
func (w *world) readRows(ctx context.Context, l *eventLog) (perSecond float64, err error) {
	source, began := events.NewLog(w.db), time.Now()
	for after := int64(0); after < l.last; {
		rows, err := source.Read(ctx, l.tenant, after, 200)
		if err != nil {
			return 0, err
		}
		after = rows[len(rows)-1].Seq
	}
	return float64(l.last) / time.Since(began).Seconds(), nil
}

// readPages follows the cursors of GET /events.
func (w *world) readPages(ctx context.Context, l *eventLog) (perSecond float64, err error) {
	began, read := time.Now(), 0
	for cursor, more := l.start, true; more && ctx.Err() == nil; {
		var page struct {
			Data   []json.RawMessage
			Page   struct{ HasMore bool }
			Cursor string
		}
		if err := w.api.Call("GET", fmt.Sprintf("/api/v1/events?limit=%d&after=%s", replayPage, cursor), nil, &page); err != nil {
			return 0, err
		}
		read += len(page.Data)
		cursor, more = page.Cursor, page.Page.HasMore
	}
	if int64(read) != l.last {
		return 0, fmt.Errorf("GET /events gave %d of %d events", read, l.last)
	}
	return float64(read) / time.Since(began).Seconds(), ctx.Err()
}

// resume lets sockets resume from the beginning of the log.
func (w *world) resume(sockets int) func(context.Context, *eventLog) (float64, error) {
	return func(ctx context.Context, l *eventLog) (perSecond float64, err error) {
		var got atomic.Int64
		var all sync.WaitGroup
		all.Add(sockets)
		last := fmt.Sprintf(`"seq":%d,`, l.last)
		began := time.Now()
		fleet, err := rig.DialFleet(ctx, rig.FleetOptions{Addr: w.node.Listen, Path: "/api/v1/realtime", Key: w.key, Sockets: sockets,
			Hello: fmt.Appendf(nil, `{"op":"hello","client":"bench","resume":%q}`, l.start),
			OnFrame: func(_ int, payload []byte) {
				if strings.HasPrefix(string(payload), `{"op":"event"`) {
					got.Add(1)
				}
				if strings.Contains(string(payload[:min(len(payload), 200)]), last) {
					all.Done()
				}
			}})
		if err != nil {
			return 0, err
		}
		defer fleet.Close()
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		timeout := time.NewTimer(fanPatience)
		defer timeout.Stop()
		select {
		case <-done:
		case <-timeout.C:
			return 0, fmt.Errorf("%d of %d events came in %s", got.Load(), l.last*int64(sockets), fanPatience)
		}
		if want := l.last * int64(sockets); got.Load() != want {
			return 0, fmt.Errorf("%d of %d events came", got.Load(), want)
		}
		return float64(got.Load()) / time.Since(began).Seconds(), nil
	}
}
