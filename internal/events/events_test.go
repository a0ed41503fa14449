package events_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
)

func event(t testing.TB, tenant, typ string, at time.Time) events.Event {
	t.Helper()
	e, err := events.New(tenant, typ, "ch_1", "conv_1", at, map[string]string{"text": "hi"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// With many writers a reader that follows the log sees every event once, in
// order: the property that a plain auto-increment column does not have.
func TestFollowMissesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		const writers, each = 8, 40
		log := events.NewLog(d)
		wake := make(chan struct{}, 1)
		ring := func(string, int64) { // never waits: one ring is enough for all that is there
			select {
			case wake <- struct{}{}:
			default:
			}
		}
		log.Notify(ring)
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range each {
					err := d.InTx(t.Context(), func(tx *db.Tx) error {
						return events.Append(t.Context(), tx, []events.Event{event(t, "a", "x.y", time.Now()), event(t, "b", "x.y", time.Now())})
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		for last := int64(0); last < writers*each; {
			<-wake
			batch, err := log.Read(t.Context(), "a", last, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range batch {
				if e.Seq != last+1 {
					t.Fatalf("seq %d after %d", e.Seq, last)
				}
				last = e.Seq
			}
			if len(batch) == 100 {
				ring("a", last)
			}
		}
		wg.Wait()
	})
}

func TestEnvelope(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	e := event(t, "a", "message.received", at)
	e.ID, e.Seq = "evt_1", 7
	want := `{"id":"evt_1","seq":7,"type":"message.received","event":"message.received","timestamp":"2026-01-02T03:04:05.678Z","apiVersion":"2026-11-21","data":{"text":"hi"}}`
	if got := string(e.Envelope()); got != want || !json.Valid(e.Envelope()) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPruneMovesOldest(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		log := events.NewLog(d)
		now := time.Now()
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			return events.Append(t.Context(), tx, []events.Event{
				event(t, "a", "x.y", now.Add(-2*time.Hour)), event(t, "a", "x.y", now.Add(-time.Hour)), event(t, "a", "x.y", now)})
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := log.Prune(t.Context(), now.Add(-time.Minute), 10); err != nil || n != 2 {
			t.Fatalf("pruned %d, %v; want 2", n, err)
		}
		epoch, seq, oldest, err := log.Head(t.Context(), "a")
		if err != nil || seq != 3 || oldest != 3 || epoch == "" {
			t.Errorf("head = %q %d %d, %v; want 3, 3", epoch, seq, oldest, err)
		}
		if n, err := log.Prune(t.Context(), now.Add(time.Minute), 10); err != nil || n != 1 {
			t.Fatalf("pruned %d, %v; want 1", n, err)
		}
		if _, seq, oldest, _ := log.Head(t.Context(), "a"); seq != 3 || oldest != 4 {
			t.Errorf("empty log: seq %d, oldest %d; want 3, 4", seq, oldest)
		}
	})
}
