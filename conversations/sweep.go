package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// Policies for a message whose outcome stayed unknown.
const (
	UncertainAuto   = "auto"   // never for authentication and marketing, else resend
	UncertainResend = "resend" // send again, marked as a possible duplicate
	UncertainNever  = "never"  // fail it
	UncertainManual = "manual" // leave it to a person
)

// Swept says what a sweep found.
type Swept struct {
	Interrupted int // claims of nodes that died: outcome unknown
	Resent      int // uncertain messages queued again
	GivenUp     int // uncertain messages failed
	HandedOver  int // uncertain messages left to a person
	Parked      int // statuses applied late
}

// sweepLimit bounds the rows of one step; the next sweep takes the rest.
const sweepLimit = 500

// Sweep settles what nobody is working on: claims whose lease ran out, uncertain
// messages whose wait is over, parked statuses. Any number of nodes may sweep at
// once. What is a matter of time alone is done by WakeDue. A step that fails does not
// keep the others from being done.
func (s *Store) Sweep(ctx context.Context) (n Swept, err error) {
	var errs [4]error
	n.Interrupted, errs[0] = s.sweepLeases(ctx, ``)
	errs[1] = s.sweepUncertain(ctx, &n)
	_, errs[2] = s.Explain(ctx)
	n.Parked, errs[3] = s.UnparkStatuses(ctx)
	return n, errors.Join(errs[:]...)
}

// Abandon marks every claim of earlier runs as interrupted. Only a node that owns
// its database alone (embedded) may call it, at start: it need not wait for leases.
func (s *Store) Abandon(ctx context.Context) (int, error) {
	return s.sweepLeases(ctx, ` OR s.state = 'sending'`)
}

// stuck is a send that a sweep settles.
type stuck struct {
	messageID, tenantID, channelID, contactID, policy, category string
	attempt                                                     int64
	over                                                        bool // its validity ended
}

// stuckSends reads sends that match where, with a clause that locks them, or
// without: each is settled under the fence of its attempt.
func stuckSends(ctx context.Context, tx *db.Tx, where, lock string) ([]stuck, error) {
	query := `SELECT s.message_id, s.tenant_id, s.channel_id, s.contact_id, s.attempt,
		CASE WHEN s.on_uncertain <> 'auto' THEN s.on_uncertain ELSE c.on_uncertain END, m.category, s.valid_until <= {clock}
		FROM sends s JOIN messages m ON m.id = s.message_id JOIN channels c ON c.id = s.channel_id
		WHERE ` + where + fmt.Sprintf(` ORDER BY s.message_id LIMIT %d`, sweepLimit) + lock
	rows, err := tx.QueryContext(ctx, strings.ReplaceAll(query, "{clock}", tx.Dialect.Clock()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []stuck
	for rows.Next() {
		var f stuck
		if err := rows.Scan(&f.messageID, &f.tenantID, &f.channelID, &f.contactID, &f.attempt, &f.policy, &f.category, &f.over); err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, rows.Err()
}

func (f stuck) claim() Claim {
	return Claim{MessageID: f.messageID, TenantID: f.tenantID, ChannelID: f.channelID, ContactID: f.contactID, Attempt: f.attempt}
}

// sweepLeases makes claims uncertain whose node has not renewed them: it died, and
// may or may not have made the call.
func (s *Store) sweepLeases(ctx context.Context, or string) (n int, err error) {
	var found []stuck
	err = s.inTx(ctx, func(tx *db.Tx) (err error) {
		found, err = stuckSends(ctx, tx, `(s.state = 'sending' AND s.lease_until < {clock})`+or, ``)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep leases: %w", err)
	}
	items := make([]*recordItem, len(found))
	for i, f := range found {
		items[i] = &recordItem{Outcome: &Outcome{Claim: f.claim(), Verdict: VerdictUncertain, Err: &channels.SendError{
			Class: channels.ClassUncertain, Code: "interrupted", Title: "The server stopped during the call",
			Action: "Nothing to do: the outcome is awaited from the provider's reports."}}}
	}
	if len(items) > 0 {
		s.runRecord(items)
	}
	for _, it := range items {
		if it.err == nil {
			n++
		}
		err = errors.Join(err, it.err)
	}
	return n, err
}

// sweepUncertain applies the policy of messages whose outcome no report told.
func (s *Store) sweepUncertain(ctx context.Context, n *Swept) error {
	err := s.inTx(ctx, func(tx *db.Tx) error {
		found, err := stuckSends(ctx, tx, `s.state = 'uncertain' AND s.lease_until < {clock}`, ``)
		if err != nil || len(found) == 0 {
			return err
		}
		rows := db.NewRows("id text")
		for _, f := range found {
			rows.Add(f.messageID)
		}
		msgs, err := lockSent(ctx, tx, rows)
		if err != nil {
			return err
		}
		a := newAdvance(s.opts.Now())
		plan := newSettlePlan()
		for _, f := range found {
			plan.add(f)
		}
		if n.Resent, err = a.resend(ctx, tx, msgs, plan.resend); err != nil {
			return err
		}
		if n.GivenUp, err = a.giveUp(ctx, tx, msgs, plan.giveUp); err != nil {
			return err
		}
		if n.HandedOver, err = a.handOver(ctx, tx, msgs, plan.handOver); err != nil {
			return err
		}
		if err := a.save(ctx, tx); err != nil {
			return err
		}
		tx.Announce(SendsQueued{len(found)})
		crash.At("before_resend")
		return events.Append(ctx, tx, a.events)
	})
	if err != nil {
		n.Resent, n.GivenUp, n.HandedOver = 0, 0, 0
		return fmt.Errorf("sweep uncertain: %w", err)
	}
	return nil
}

// settlePlan sorts uncertain sends by what their policy says.
type settlePlan struct{ resend, giveUp, handOver *db.Rows }

func newSettlePlan() settlePlan {
	rows := func() *db.Rows { return db.NewRows("message_id text", "attempt bigint") }
	return settlePlan{resend: rows(), giveUp: rows(), handOver: rows()}
}

func (p settlePlan) add(f stuck) {
	never := f.over || f.policy == UncertainNever ||
		f.policy == UncertainAuto && (f.category == "AUTHENTICATION" || f.category == "MARKETING")
	switch {
	case f.policy == UncertainManual:
		p.handOver.Add(f.messageID, f.attempt)
	case never:
		p.giveUp.Add(f.messageID, f.attempt)
	default:
		p.resend.Add(f.messageID, f.attempt)
	}
}

// resend queues messages again and says so: the customer may get them twice.
func (a *advance) resend(ctx context.Context, tx *db.Tx, msgs map[string]*sentMessage, rows *db.Rows) (n int, err error) {
	query := `WITH {{rows}} UPDATE sends SET state = 'queued', due_at = {clock}, lease_until = 0, tries = sends.tries + 1, wait_reason = ''
		FROM v WHERE sends.message_id = v.message_id AND sends.attempt = v.attempt AND sends.state = 'uncertain' RETURNING sends.message_id`
	marked := db.NewRows("id text", "at bigint")
	err = tx.QueryRows(ctx, strings.ReplaceAll(query, "{clock}", tx.Dialect.Clock()), rows, func(r *sql.Rows) error {
		var messageID string
		if err := r.Scan(&messageID); err != nil {
			return err
		}
		m := msgs[messageID]
		from := m.status
		m.status, m.duplicate, m.changed, m.errorText = Queued, true, true, ""
		a.touch(m)
		marked.Add(messageID, db.Micros(a.now))
		n++
		return a.emit(m, &channels.StatusUpdate{}, step{Change: Change{To: Queued, Changed: true}, from: from}, a.now)
	})
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecRows(ctx, `WITH {{rows}} UPDATE messages SET possible_duplicate = TRUE, updated_at = v.at FROM v WHERE messages.id = v.id`, marked)
	return n, err
}

// giveUp fails messages that must not be sent twice.
func (a *advance) giveUp(ctx context.Context, tx *db.Tx, msgs map[string]*sentMessage, rows *db.Rows) (n int, err error) {
	err = tx.QueryRows(ctx, dropSends+` AND state = 'uncertain'`+returnID, rows, func(r *sql.Rows) error {
		var messageID string
		if err := r.Scan(&messageID); err != nil {
			return err
		}
		n++
		return a.force(msgs[messageID], Failed, outcomeUnknown("The customer may have got it. It was not sent again because its policy or its validity forbids that."))
	})
	return n, err
}

func outcomeUnknown(action string) *channels.SendError {
	return &channels.SendError{Class: channels.ClassUncertain, Code: "outcome_unknown", Title: "The outcome of the call is unknown", Action: action}
}

// stateManual is the state of an uncertain send that waits for a person. It is in
// no lane: what is behind it goes on.
const stateManual = "manual"

// handOver leaves messages to a person, who finds them among the dead letters.
func (a *advance) handOver(ctx context.Context, tx *db.Tx, msgs map[string]*sentMessage, rows *db.Rows) (n int, err error) {
	letters := deadRows()
	err = tx.QueryRows(ctx, `WITH {{rows}} UPDATE sends SET state = 'manual', lease_until = 0, wait_until = 0
		FROM v WHERE sends.message_id = v.message_id AND sends.attempt = v.attempt AND sends.state = 'uncertain'`+returnID, rows,
		func(r *sql.Rows) error {
			var messageID string
			if err := r.Scan(&messageID); err != nil {
				return err
			}
			n++
			m, e := msgs[messageID], told(outcomeUnknown("Ask the customer, then settle the message or have it sent again."))
			m.changed = true
			a.touch(m)
			letters.Add(m.id, m.tenantID, m.channelID, db.Micros(a.now), string(e.Class), e.Code)
			if m.errorText, err = jsonTextOf(e); err != nil {
				return err
			}
			return a.emit(m, &channels.StatusUpdate{Error: e}, step{}, a.now)
		})
	if err != nil {
		return n, err
	}
	_, err = tx.ExecRows(ctx, insertDead, letters)
	return n, err
}
