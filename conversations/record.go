package conversations

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// Verdict says what becomes of a message after an attempt.
type Verdict string

const (
	VerdictSent      Verdict = "sent"      // the provider accepted it
	VerdictRetry     Verdict = "retry"     // again after Wait
	VerdictFailed    Verdict = "failed"    // final
	VerdictRejected  Verdict = "rejected"  // final; refused here, no call was made
	VerdictUncertain Verdict = "uncertain" // the outcome is unknown
)

// UncertainWait is how long the outcome of an uncertain attempt is awaited from
// the provider's reports before the message's policy is applied, unless
// Options.UncertainWait says otherwise.
const UncertainWait = 120 * time.Second

// Outcome is the result of an attempt.
type Outcome struct {
	Claim   Claim
	Verdict Verdict
	Sent    channels.Sent       // of VerdictSent
	Err     *channels.SendError // of the others
	Wait    time.Duration       // of VerdictRetry; of VerdictUncertain it is an option of the Store
	Reason  string              // of VerdictRetry: why it waits, see Waiting
	Open    bool                // of VerdictRetry: it waits until somebody acts; Wait is when it is looked at anyway
	Spent   bool                // of VerdictRetry: it counts as a try
	Refused bool                // of VerdictRetry: the refusal was about the whole channel
}

type recordItem struct {
	*Outcome
	exchange any  // the call, sealed; nil if none was made
	owned    bool // the fence held: nobody settled or took over the send meanwhile
	fallback bool // refused, and its fallback template is sent instead
	lost     bool // sent, but the provider's id cannot be kept: another message has it
	plain    bool // nothing of what the provider said can be kept
	err      error
}

// RecordSend stores the outcome of an attempt. If the message was settled
// meanwhile, by a report of the provider or by another node, only the attempt is
// recorded. An error means that the database did not take it: call again.
func (s *Store) RecordSend(ctx context.Context, o Outcome) error {
	cleanAll(&o.Sent.ProviderID) // as the reports on it are
	it := &recordItem{Outcome: &o}
	if sealed := s.sealExchange(o); sealed != nil {
		it.exchange = sealed
	}
	if err := s.record.Do(ctx, it); err != nil {
		return err
	}
	return it.err
}

func (s *Store) runRecord(items []*recordItem) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	slices.SortStableFunc(items, func(a, b *recordItem) int { return strings.Compare(a.Claim.MessageID, b.Claim.MessageID) })
	err := s.recordAll(ctx, items)
	if err != nil && db.IsData(err) {
		if len(items) > 1 {
			for _, it := range items {
				s.runRecord([]*recordItem{it})
			}
			return
		}
		c := items[0].Claim
		s.opts.Log.ErrorContext(ctx, "the outcome of a send cannot be stored as it is", "message", c.MessageID, "channel", c.ChannelID, "attempt", c.Attempt, "err", err)
		if items[0].reduce() {
			s.runRecord(items)
			return
		}
	}
	for _, it := range items {
		it.err = err
	}
}

// reduce leaves out what the database may have refused, and reports whether there was
// anything: the same outcome would be refused for ever, and its lane would wait.
func (it *recordItem) reduce() bool {
	switch {
	case it.Verdict == VerdictSent && !it.lost && it.Sent.ProviderID != "":
		it.lost = true
	case !it.plain:
		it.plain, it.lost, it.exchange = true, false, nil
		it.Outcome = &Outcome{Claim: it.Claim, Verdict: VerdictUncertain, Err: &channels.SendError{Class: channels.ClassUncertain,
			Code: "not_recorded", Title: "The outcome of the call could not be stored", Action: "Look for the reason in the server's log."}}
	default:
		return false
	}
	return true
}

func (s *Store) recordAll(ctx context.Context, items []*recordItem) error {
	err := s.inTx(ctx, func(tx *db.Tx) error {
		for _, it := range items {
			if it.Verdict == VerdictUncertain {
				it.Wait = s.opts.UncertainWait
			}
		}
		a := newAdvance(s.opts.Now())
		msgs, err := lockMessages(ctx, tx, items) // before their sends, as Ingest does: no deadlock
		if err != nil {
			return fmt.Errorf("messages: %w", err)
		}
		for _, it := range items {
			m := msgs[it.Claim.MessageID]
			it.owned, it.fallback = false, m != nil && it.Verdict == VerdictFailed && m.fallbackHelps(told(it.Err))
		}
		if err := fence(ctx, tx, items); err != nil {
			return fmt.Errorf("fence: %w", err)
		}
		if err := closeAttempts(ctx, tx, items, a.now); err != nil {
			return fmt.Errorf("attempts: %w", err)
		}
		for _, it := range items {
			if m := msgs[it.Claim.MessageID]; m != nil && it.Verdict != VerdictRetry {
				if err := a.outcome(m, it); err != nil {
					return err
				}
			}
		}
		if err := a.save(ctx, tx); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
		news, err := s.settleLimits(ctx, tx, items, a.now)
		if err != nil {
			return err
		}
		crash.At("before_record")
		return events.Append(ctx, tx, append(a.events, news...))
	})
	if err != nil {
		return fmt.Errorf("record sends: %w", err)
	}
	sent := db.NewRows("channel_id text", "provider_id text")
	for _, it := range items {
		if it.Verdict == VerdictSent && !it.lost && it.Sent.ProviderID != "" {
			sent.Add(it.Claim.ChannelID, it.Sent.ProviderID)
		}
	}
	// A report may have been parked before the provider's id was known. If this look
	// fails, the sweeper looks again.
	_ = s.unparkOf(ctx, sent)
	return nil
}

// lockMessages reads and locks the messages whose state an outcome changes.
func lockMessages(ctx context.Context, tx *db.Tx, items []*recordItem) (map[string]*sentMessage, error) {
	rows := db.NewRows("id text")
	for _, it := range items {
		if it.Verdict != VerdictRetry {
			rows.Add(it.Claim.MessageID)
		}
	}
	return lockSent(ctx, tx, rows)
}

// lockSent reads and locks the outbound messages of rows, which name them as id.
func lockSent(ctx context.Context, tx *db.Tx, rows *db.Rows) (map[string]*sentMessage, error) {
	msgs := map[string]*sentMessage{}
	query := `WITH {{rows}} SELECT ` + sentColumns + ` FROM v JOIN messages m ON m.id = v.id ORDER BY m.id` + tx.ForUpdate("m")
	err := tx.QueryRows(ctx, query, rows, func(r *sql.Rows) error {
		m, err := scanSent(r)
		msgs[m.id] = m
		return err
	})
	return msgs, err
}

// outcome applies the result of an attempt to its message.
func (a *advance) outcome(m *sentMessage, it *recordItem) error {
	a.touch(m)
	m.attempt, m.changed = it.Claim.Attempt, true
	switch {
	case it.Verdict == VerdictSent:
		u := &channels.StatusUpdate{ProviderID: it.Sent.ProviderID, Status: channels.StatusSent, At: a.now}
		if it.lost {
			u.ProviderID, m.trackingLost = "", true
		}
		if it.Sent.Pending && !it.lost && !m.refused() {
			if m.hadNoProvider && !it.owned { // it is to be sent again, and need not be
				a.settled.Add(m.id)
			}
			m.adopt(u)
			m.setStatus(Sending)
			if it.Sent.Held && m.status == Sending {
				return a.sayHeld(m)
			}
			return nil
		}
		s := m.merge(u, a.now)
		m.hadNoProvider = m.hadNoProvider && !it.owned // else fence has removed the send
		if !s.Changed && !s.flag {
			return nil
		}
		return a.emit(m, u, s, a.now)
	case !it.owned: // settled by somebody else: the attempt's row tells the rest
		return nil
	case it.fallback:
		return a.useFallback(m, told(it.Err), a.now)
	case it.Verdict == VerdictUncertain:
		return a.force(m, Uncertain, it.Err)
	case it.Verdict == VerdictRejected:
		return a.force(m, Rejected, it.Err)
	}
	return a.force(m, Failed, it.Err)
}

func (a *advance) touch(m *sentMessage) {
	if a.touched[m.id] == nil {
		a.touched[m.id] = m
		a.order = append(a.order, m)
	}
}

func (m *sentMessage) setStatus(s Status) {
	if rank[s] > rank[m.status] {
		m.status, m.changed = s, true
	}
}

// force puts m in a state of our own making and announces it.
func (a *advance) force(m *sentMessage, to Status, e *channels.SendError) error {
	if rank[to] <= rank[m.status] {
		return nil
	}
	return a.put(m, to, e)
}

// put is force for a state that may be a step back.
func (a *advance) put(m *sentMessage, to Status, e *channels.SendError) error {
	a.touch(m)
	s := step{Change: Change{To: to, Changed: true}, from: m.status}
	m.status, m.changed = to, true
	u := &channels.StatusUpdate{}
	if e != nil {
		u.Error = told(e)
		text, err := jsonTextOf(u.Error)
		if err != nil {
			return err
		}
		m.errorText = text
	}
	if to.Final() && to != Cancelled {
		m.failedAt = db.NullMicros(a.now)
	}
	return a.emit(m, u, s, a.now)
}
