package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
)

// intervention is one person's or program's change of one message.
type intervention struct {
	*advance
	ctx   context.Context //nolint:containedctx // of the one transaction that the value lives for
	tx    *db.Tx
	m     *sentMessage
	state string // of its send; empty if it has none
}

// intervene runs fn with a message locked, saves what it did, and returns the
// message as it is then. Whoever claims the message meanwhile waits, or is found
// to have been first.
func (s *Store) intervene(ctx context.Context, tenantID, messageID string, fn func(*intervention) error) (m Message, err error) {
	err = s.inTx(ctx, func(tx *db.Tx) error {
		ids := db.NewRows("id text")
		ids.Add(messageID)
		msgs, err := lockSent(ctx, tx, ids)
		if err != nil {
			return err
		}
		in := &intervention{advance: newAdvance(s.opts.Now()), ctx: ctx, tx: tx, m: msgs[messageID]}
		if in.m == nil || in.m.tenantID != tenantID {
			return fault.Missing("message")
		}
		err = tx.QueryRowContext(ctx, `SELECT state FROM sends WHERE message_id = $1`+tx.ForUpdate("sends"), messageID).Scan(&in.state)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := fn(in); err != nil {
			return err
		}
		if err := in.save(ctx, tx); err != nil {
			return err
		}
		if err := events.Append(ctx, tx, in.events); err != nil {
			return err
		}
		tx.Announce(SendsQueued{1}) // it, or what was behind it
		m, err = getMessage(ctx, tx, tenantID, messageID)
		return err
	})
	if err != nil && fault.KindOf(err) == fault.Internal {
		err = fmt.Errorf("change message %s: %w", messageID, err)
	}
	return m, err
}

// status is the message's status as the API shows it.
func (in *intervention) status() Status {
	if in.state == string(Sending) {
		return Sending
	}
	return in.m.status
}

// Cancel ends a message that waits to be sent. One whose call has begun cannot be
// cancelled (not_cancellable): the database decides which was first.
func (s *Store) Cancel(ctx context.Context, tenantID, messageID string) (Message, error) {
	return s.intervene(ctx, tenantID, messageID, func(in *intervention) error {
		if in.state != string(Scheduled) && in.state != string(Queued) {
			return fault.New(fault.Conflict, "not_cancellable", "The message is %s: only scheduled and queued messages can be cancelled.", in.status())
		}
		in.settled.Add(messageID)
		return in.put(in.m, Cancelled, nil)
	})
}

// Retried is a message that is sent once more.
type Retried struct {
	Message           Message
	PossibleDuplicate bool   // the customer may get it twice
	Reason            string // why that is so, or is not: a sentence
}

// Retry sends a message again that ended without being delivered, as another
// attempt of the same message and with a new validity. window is that of its
// channel: outside it free text is refused (window_closed) unless there is a
// fallback template, and marketing is to who has stopped it (opted_out).
func (s *Store) Retry(ctx context.Context, tenantID, messageID string, window time.Duration) (r Retried, err error) {
	r.Message, err = s.intervene(ctx, tenantID, messageID, func(in *intervention) error {
		known := dead(in.m.status) || in.m.status == Cancelled
		if !known && in.state != stateManual {
			return fault.New(fault.Conflict, "not_retryable", "The message is %s: only a message that ended without being delivered, or that waits for a person, can be sent again.", in.status())
		}
		var err error
		if r.PossibleDuplicate, r.Reason, err = in.doubt(); err != nil {
			return err
		}
		return in.retry(window, r.PossibleDuplicate)
	})
	return r, err
}

// retry queues the message again.
func (in *intervention) retry(window time.Duration, duplicate bool) error {
	m := in.m
	stored, err := getMessage(in.ctx, in.tx, m.tenantID, m.id)
	if err != nil {
		return err
	}
	d := stored.Delivery
	l := lane{priorityOf(&stored.Content, stored.Category), d.onUncertain(), stored.Ordering(), window > 0 && stored.Content.Type != channels.TypeTemplate}
	m.usedFallback = false
	if l.windowed {
		pair := threadKey{m.channelID, m.contactID}
		closes, err := windows(in.ctx, in.tx, map[threadKey]bool{pair: true})
		switch {
		case err != nil:
			return err
		case closes[pair].After(in.now):
		case d.Fallback == nil:
			return windowClosed(closes[pair], in.now)
		default:
			m.usedFallback, l.windowed = true, false
			l.priority = priorityOf(&d.Fallback.Content, d.Fallback.Category)
		}
	}
	if l.priority == priorityMarketing {
		pair := threadKey{m.channelID, m.contactID}
		no, err := stopped(in.ctx, in.tx, map[threadKey]bool{pair: true})
		if err != nil {
			return err
		}
		if no[pair] {
			return optedOut(m.usedFallback)
		}
	}
	from := m.status
	m.duplicate = m.duplicate || duplicate
	m.validUntil = db.Micros(in.now.Add(d.validity()))
	in.restart(m, l)
	return in.emit(m, &channels.StatusUpdate{}, step{Change: Change{To: Queued, Changed: true}, from: from}, in.now)
}

// doubt reports whether an earlier attempt may have arrived, and how that is known.
func (in *intervention) doubt() (bool, string, error) {
	m := in.m
	if m.late {
		return true, "The provider took an earlier attempt although the message had ended here.", nil
	}
	var last int64
	var unknown []int64 // attempts of which neither an answer nor a report told the outcome
	rows, err := in.tx.QueryContext(in.ctx, `SELECT attempt, outcome FROM attempts WHERE message_id = $1 ORDER BY attempt`, m.id)
	if err != nil {
		return false, "", err
	}
	defer rows.Close()
	for rows.Next() {
		var outcome string
		if err := rows.Scan(&last, &outcome); err != nil {
			return false, "", err
		}
		if outcome == "open" || outcome == string(channels.ClassUncertain) {
			unknown = append(unknown, last)
		}
	}
	if err := rows.Err(); err != nil {
		return false, "", err
	}
	if n := len(unknown); n > 0 && unknown[n-1] == last && m.status == Failed && m.providerID != "" {
		unknown = unknown[:n-1] // the provider reported on it
	}
	switch {
	case len(unknown) > 0:
		return true, fmt.Sprintf("The outcome of attempt %d is unknown: the customer may have got it already.", unknown[len(unknown)-1]), nil
	case last == 0:
		return false, "No attempt was made before.", nil
	case m.providerID != "":
		return false, "The provider reported that the earlier attempt was not delivered.", nil
	}
	return false, "The provider accepted none of the earlier attempts.", nil
}

// Settlement is what a person found out about a message whose outcome is unknown.
type Settlement struct {
	Outcome    string        // sent, failed or resend
	ProviderID string        // of sent: the message's id at the provider, if known
	Window     time.Duration // of resend: see Retry
}

// Settle ends the uncertainty about a message.
func (s *Store) Settle(ctx context.Context, tenantID, messageID string, v Settlement) (Message, error) {
	m, err := s.intervene(ctx, tenantID, messageID, func(in *intervention) error {
		if in.m.status != Uncertain || in.state != string(Uncertain) && in.state != stateManual {
			return fault.New(fault.Conflict, "not_uncertain", "The message is %s: only the outcome of an uncertain message can be settled.", in.status())
		}
		switch v.Outcome {
		case "sent":
			in.settled.Add(messageID)
			in.touch(in.m)
			u := &channels.StatusUpdate{ProviderID: v.ProviderID, Status: channels.StatusSent, At: in.now}
			did := in.m.merge(u, in.now)
			if !did.Changed {
				return fault.New(fault.Conflict, "conflict", "This id at the provider belongs to an earlier attempt of the message.")
			}
			return in.emit(in.m, u, did, in.now)
		case "failed":
			in.settled.Add(messageID)
			return in.force(in.m, Failed, &channels.SendError{Class: channels.ClassRejected, Code: "settled_failed",
				Title: "Somebody found that it did not arrive", Action: "Send it again if it still matters."})
		}
		return in.retry(v.Window, true)
	})
	if db.IsUnique(err) {
		err = fault.New(fault.Conflict, "conflict", "Another message has this id at the provider.")
	}
	return m, err
}
