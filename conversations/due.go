package conversations

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// Due says what WakeDue found.
type Due struct {
	Woken   int // scheduled messages that are queued now, or were rejected
	Expired int // messages whose validity ended
}

// WakeDue does what the time has come for: scheduled messages take their places in
// their lanes, and what waited for longer than it is valid expires. Call it at
// least once a second; while nothing is due it costs one look at two indexes. Any
// number of nodes may call it at once.
func (s *Store) WakeDue(ctx context.Context) (n Due, err error) {
	var scheduled, over bool
	err = s.db.QueryRowContext(ctx, strings.ReplaceAll(`SELECT EXISTS (SELECT 1 FROM sends WHERE state = 'scheduled' AND due_at <= {clock}),
		EXISTS (SELECT 1 FROM sends WHERE state = 'queued' AND valid_until <= {clock})`, "{clock}", s.db.Dialect.Clock())).Scan(&scheduled, &over)
	if err != nil {
		return n, fmt.Errorf("look for what is due: %w", err)
	}
	if scheduled {
		if n.Woken, err = rounds(ctx, s.wakeScheduled); err != nil {
			return n, fmt.Errorf("wake scheduled: %w", err)
		}
	}
	if over {
		if n.Expired, err = rounds(ctx, s.expire); err != nil {
			return n, fmt.Errorf("expire: %w", err)
		}
	}
	return n, nil
}

// dueRounds bounds the transactions of one WakeDue: a campaign of 20,000 messages
// for nine o'clock is awake after one call.
const dueRounds = 50

// rounds calls step, which does up to sweepLimit at a time, until it leaves nothing.
func rounds(ctx context.Context, step func(context.Context) (done int, more bool, err error)) (n int, err error) {
	for range dueRounds {
		done, more, err := step(ctx)
		n += done
		if err != nil || !more {
			return n, err
		}
	}
	return n, nil
}

// sleeper is a scheduled send whose time has come.
type sleeper struct {
	messageID, policy, ordering string
	lane                        threadKey
	priority                    int64
	windowed                    bool
}

func (s *Store) wakeScheduled(ctx context.Context) (n int, more bool, err error) {
	err = s.inTx(ctx, func(tx *db.Tx) error {
		n, more = 0, false
		found, ids, err := sleepers(ctx, tx)
		if err != nil || len(found) == 0 {
			return err
		}
		more = len(found) == sweepLimit
		msgs, err := lockSent(ctx, tx, ids)
		if err != nil {
			return err
		}
		mine, err := takeSleepers(ctx, tx, ids)
		if err != nil {
			return err
		}
		a := newAdvance(s.opts.Now())
		now, err := pairsNow(ctx, tx, found)
		if err != nil {
			return err
		}
		for _, f := range found {
			if !mine[f.messageID] {
				continue
			}
			n++
			if err := a.wake(msgs[f.messageID], f, now); err != nil {
				return err
			}
		}
		if err := a.save(ctx, tx); err != nil {
			return err
		}
		return events.Append(ctx, tx, a.events)
	})
	return n, more && err == nil, err
}

// pairState is what may have changed for pairs since their messages were taken.
type pairState struct {
	closes  map[threadKey]time.Time // when the customer service window closes, of windowed messages
	stopped map[threadKey]bool      // marketing
}

func pairsNow(ctx context.Context, tx *db.Tx, found []sleeper) (now pairState, err error) {
	windowed, marketed := map[threadKey]bool{}, map[threadKey]bool{}
	for _, f := range found {
		if f.windowed {
			windowed[f.lane] = true
		}
		if f.windowed || f.priority == priorityMarketing { // a fallback may be marketing
			marketed[f.lane] = true
		}
	}
	if now.closes, err = windows(ctx, tx, windowed); err != nil {
		return now, err
	}
	now.stopped, err = stopped(ctx, tx, marketed)
	return now, err
}

// takeSleepers ends the sleep of messages, and returns those that had not been
// cancelled or woken meanwhile.
func takeSleepers(ctx context.Context, tx *db.Tx, ids *db.Rows) (mine map[string]bool, err error) {
	mine = map[string]bool{}
	err = tx.QueryRows(ctx, `WITH {{rows}} DELETE FROM sends WHERE message_id IN (SELECT id FROM v) AND state = 'scheduled'`+returnID, ids,
		func(r *sql.Rows) error {
			var messageID string
			err := r.Scan(&messageID)
			mine[messageID] = true
			return err
		})
	return mine, err
}

// skipLocked locks the messages, which come before their sends in every
// transaction, and leaves those out that another node has: it does the same.
func skipLocked(tx *db.Tx) string {
	if tx.Dialect == db.SQLite {
		return ""
	}
	return tx.ForUpdate("m") + " SKIP LOCKED"
}

// sleepers reads what is due, the earliest first, and locks the messages.
func sleepers(ctx context.Context, tx *db.Tx) (found []sleeper, ids *db.Rows, err error) {
	ids = db.NewRows("id text")
	rows, err := tx.QueryContext(ctx, strings.ReplaceAll(`SELECT s.message_id, s.channel_id, s.contact_id, s.priority, s.on_uncertain, s.ordering, s.windowed
		FROM sends s JOIN messages m ON m.id = s.message_id
		WHERE s.state = 'scheduled' AND s.due_at <= {clock} ORDER BY s.due_at, s.seq`, "{clock}", tx.Dialect.Clock())+fmt.Sprintf(` LIMIT %d`, sweepLimit)+skipLocked(tx))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f sleeper
		if err := rows.Scan(&f.messageID, &f.lane.channelID, &f.lane.contactID, &f.priority, &f.policy, &f.ordering, &f.windowed); err != nil {
			return nil, nil, err
		}
		found = append(found, f)
		ids.Add(f.messageID)
	}
	return found, ids, rows.Err()
}

// wake queues m. If the window has closed meanwhile, its template is sent, or
// nothing; and no marketing to who has stopped that.
func (a *advance) wake(m *sentMessage, f sleeper, now pairState) error {
	l := lane{f.priority, f.policy, Ordering(f.ordering), f.windowed}
	if f.windowed && !now.closes[f.lane].After(a.now) {
		e := &channels.SendError{Class: channels.ClassRejected, Code: "window_closed", Title: "The customer service window had closed when it was due",
			Action: "Send a template, or name a fallback template.", NeedsTemplate: true}
		if !m.fallbackHelps(told(e)) {
			return a.put(m, Rejected, e)
		}
		d, err := m.policy()
		if err != nil {
			return err
		}
		m.usedFallback, m.extra = true, true
		l.priority, l.windowed = priorityOf(&d.Fallback.Content, d.Fallback.Category), false
	}
	if l.priority == priorityMarketing && now.stopped[f.lane] {
		return a.put(m, Rejected, &channels.SendError{Class: channels.ClassRejected, Code: "opted_out",
			Title: "The customer had stopped marketing messages when it was due", Action: "Only other messages can be sent to them."})
	}
	a.queueAgain(m, l)
	return a.put(m, Queued, nil)
}

// expire ends messages that waited for longer than they are valid.
func (s *Store) expire(ctx context.Context) (n int, more bool, err error) {
	err = s.inTx(ctx, func(tx *db.Tx) error {
		n, more = 0, false
		found, err := stuckSends(ctx, tx, `s.state = 'queued' AND s.valid_until <= {clock}`, skipLocked(tx))
		if err != nil || len(found) == 0 {
			return err
		}
		more = len(found) == sweepLimit
		ids, rows := db.NewRows("id text"), db.NewRows("message_id text", "attempt bigint")
		for _, f := range found {
			ids.Add(f.messageID)
			rows.Add(f.messageID, f.attempt)
		}
		msgs, err := lockSent(ctx, tx, ids)
		if err != nil {
			return err
		}
		a := newAdvance(s.opts.Now())
		err = tx.QueryRows(ctx, dropSends+` AND state = 'queued'`+returnID, rows, func(r *sql.Rows) error {
			var messageID string
			if err := r.Scan(&messageID); err != nil {
				return err
			}
			n++
			return a.force(msgs[messageID], Expired, &channels.SendError{Class: channels.ClassRejected, Code: "expired",
				Title: "It could not be sent while it was valid", Action: "Send it again if it still matters."})
		})
		if err != nil {
			return err
		}
		if err := a.save(ctx, tx); err != nil {
			return err
		}
		tx.Announce(SendsQueued{n}) // what was behind them
		return events.Append(ctx, tx, a.events)
	})
	return n, more && err == nil, err
}
