package conversations

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/events"
)

// Trace is everything that is known about how a message came, went and was
// reported on.
type Trace struct {
	Timeline
	Exchanges      map[int64]*channels.Exchange // by attempt; nil for one that does not open any more
	Journal        []JournalEntry               // without bodies, oldest first
	Events         []events.Event               // about the message, oldest first
	IdempotencyKey string                       // while it is remembered
	Log            TraceLog
}

// TraceLog says what the log of events still holds.
type TraceLog struct {
	Epoch     string
	OldestSeq int64
	Complete  bool // it reaches back to the message's beginning
}

// Trace gathers the story of m. also are other times at which something was said
// about it, such as that of its file.
func (s *Store) Trace(ctx context.Context, m *Message, also ...time.Time) (t Trace, err error) {
	for _, step := range []func() error{
		func() error { t.Timeline, err = s.Timeline(ctx, m.TenantID, m.ID); return err },
		func() error { t.Exchanges, err = s.exchanges(ctx, m); return err },
		func() error {
			t.Journal, err = s.JournalAfter(ctx, m.TenantID, JournalFilter{MessageID: m.ID}, "", 500)
			return err
		},
		func() error { t.IdempotencyKey, err = s.keyOf(ctx, m); return err },
		func() error { return s.traceEvents(ctx, m, &t, also) },
	} {
		if err := step(); err != nil {
			return t, fmt.Errorf("trace %s: %w", m.ID, err)
		}
	}
	return t, nil
}

func (s *Store) exchanges(ctx context.Context, m *Message) (map[int64]*channels.Exchange, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT attempt, exchange FROM attempts WHERE message_id = $1 AND tenant_id = $2 AND exchange IS NOT NULL`, m.ID, m.TenantID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[int64]*channels.Exchange{}
	for rows.Next() {
		var attempt int64
		var sealed []byte
		if err := rows.Scan(&attempt, &sealed); err != nil {
			return nil, err
		}
		x, err := s.openExchange(sealed, m.TenantID, m.ID, attempt)
		if err != nil {
			x = nil // its key is gone: the rest of the story is told nevertheless
		}
		found[attempt] = x
	}
	return found, rows.Err()
}

func (s *Store) keyOf(ctx context.Context, m *Message) (key string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT key FROM idempotency_keys WHERE message_id = $1 AND message_id <> '' AND tenant_id = $2`, m.ID, m.TenantID).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return key, err
}

const (
	// sameTime joins times that are near each other into one search of the log.
	sameTime = 30 * time.Second
	// Margins of a search: an event's time is that at which its transaction began,
	// a report's the one at which it was received.
	marginBefore = 2 * time.Second
	marginAfter  = 5 * time.Second
)

// traceEvents finds the events about m: those that the bodies it came in led to,
// its waits, and what was logged at the times at which something happened to it.
func (s *Store) traceEvents(ctx context.Context, m *Message, t *Trace, also []time.Time) error {
	log := events.NewLog(s.db)
	var err error
	if t.Log.Epoch, _, t.Log.OldestSeq, err = log.Head(ctx, m.TenantID); err != nil {
		return err
	}
	oldest, err := log.TimeOf(ctx, m.TenantID, t.Log.OldestSeq)
	if err != nil {
		return err
	}
	t.Log.Complete = t.Log.OldestSeq == 1 || !oldest.IsZero() && oldest.Before(m.CreatedAt)
	found := map[int64]events.Event{}
	keep := func(list []events.Event, err error) error {
		for _, e := range list {
			if isAbout(e, m.ID) {
				found[e.Seq] = e
			}
		}
		return err
	}
	for _, j := range t.Journal {
		if j.FirstSeq == 0 {
			continue
		}
		if err := keep(log.Between(ctx, m.TenantID, m.ConversationID, j.FirstSeq, j.LastSeq)); err != nil {
			return err
		}
	}
	if err := keep(log.Waits(ctx, m.TenantID, m.ConversationID, m.ID)); err != nil {
		return err
	}
	for _, w := range searches(append(m.moments(t.Timeline), also...)) {
		if err := keep(log.Around(ctx, m.TenantID, m.ConversationID, w[0].Add(-marginBefore), w[1].Add(marginAfter))); err != nil {
			return err
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(found)) {
		t.Events = append(t.Events, found[seq])
	}
	return nil
}

// moments are the times at which something happened to m, by our clock.
func (m *Message) moments(t Timeline) []time.Time {
	found := []time.Time{m.CreatedAt, m.UpdatedAt}
	for _, a := range t.Attempts {
		found = append(found, a.StartedAt, a.FinishedAt)
	}
	for _, st := range t.Statuses {
		found = append(found, st.ReceivedAt)
	}
	return found
}

// searches joins times into few ranges.
func searches(times []time.Time) (ranges [][2]time.Time) {
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		switch n := len(ranges) - 1; {
		case at.IsZero():
		case n >= 0 && at.Sub(ranges[n][1]) < sameTime:
			ranges[n][1] = at
		default:
			ranges = append(ranges, [2]time.Time{at, at})
		}
	}
	return ranges
}

// isAbout reports whether e names the message as its subject.
func isAbout(e events.Event, messageID string) bool {
	var d struct{ ID, MessageID string }
	return json.Unmarshal(e.Data, &d) == nil && (d.MessageID == messageID || d.ID == messageID)
}
