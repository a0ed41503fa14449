package conversations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

// Webhook is a verified and parsed webhook body.
type Webhook struct {
	TenantID, ChannelID, ChannelType string

	Identity   string            // namespace of its identities: Description.Identity
	Window     time.Duration     // customer service window; 0 = none
	Headers    map[string]string // kept in the journal; without secrets
	Body       []byte
	ReceivedAt time.Time
	Events     []channels.Event
	ParseErr   string // why there are no events; the body is kept as failed
	Replay     bool   // from the journal: applied again even if it was applied
}

// Ingested is announced after each commit of webhooks: how many shared it.
type Ingested struct{ Bodies int }

// Applied says what became of a webhook.
type Applied struct {
	JournalID string
	Duplicate bool // exactly this body was applied before: nothing was done
	Events    int  // items applied
	Failed    int  // items kept in the journal with a reason
	Logged    int  // events appended to the log: 0 means that nothing changed
}

// ingestItem is a webhook on its way through a shared transaction.
type ingestItem struct {
	*Webhook
	sha, id   string
	sealed    []byte
	truncated bool // sealed is not the whole body
	problems  []JournalProblem
	skip      bool // nothing to apply: an exact redelivery
	piece     bool // one item of a body, see applyPieces
	applied   Applied
	err       error
}

// Ingest applies a webhook: when it returns nil, everything in it is committed,
// or kept in the journal with a reason. Repeats are harmless: messages are unique
// by (channel, provider id), statuses merge by rank, and an exact repeat of a body
// is only counted. An error means that the database did not take it, and the
// provider must be told to come again.
func (s *Store) Ingest(ctx context.Context, w Webhook) (Applied, error) {
	sum := sha256.Sum256(w.Body)
	it := &ingestItem{Webhook: &w, sha: hex.EncodeToString(sum[:]), id: id.New(id.Journal)}
	if w.ParseErr != "" {
		it.problems = append(it.problems, JournalProblem{-1, w.ParseErr})
	}
	for i := range w.Events {
		it.vet(i)
	}
	if err := s.sealBody(it); err != nil {
		return Applied{}, fmt.Errorf("ingest: seal the body: %w", err)
	}
	if err := s.ingest.Do(ctx, it); err != nil {
		return Applied{}, unavailable(err)
	}
	if it.err != nil {
		return Applied{}, unavailable(it.err)
	}
	return it.applied, nil
}

// vet makes event i fit to be stored, or an item of the journal with a reason.
func (it *ingestItem) vet(i int) {
	e := &it.Events[i]
	clean(e)
	if e.Kind == channels.EventMessage {
		m := e.Message
		if m.ProviderID == "" { // the same body has the same hash: still stored once
			m.ProviderID = fmt.Sprintf("body:%s:%d", it.sha[:32], i)
		}
		if len(m.From.Identities) == 0 {
			e.Kind, e.Reason = channels.EventInvalid, "the message names no sender"
		}
	}
	if e.Kind == channels.EventInvalid {
		it.problems = append(it.problems, JournalProblem{i, e.Reason})
	}
}

// unavailable is the fault for a database that is away.
func unavailable(err error) error {
	f := fault.New(fault.Unavailable, "storage_unavailable", "The message store is not available. Try again.")
	f.RetryAfter, f.Err = time.Second, err
	return f
}

// runIngest commits items together. If that fails because of the data, each is
// tried alone, so that a bad one harms nobody else.
func (s *Store) runIngest(items []*ingestItem, settled func()) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	err := s.tryWebhooks(ctx, items, settled)
	switch {
	case err == nil:
		crash.At("after_ingest_commit")
	case !db.IsData(err) && !errors.Is(err, errRace) && !errors.Is(err, errPanic):
		for _, it := range items {
			it.err = err
		}
	case len(items) > 1:
		for _, it := range items {
			s.runIngest([]*ingestItem{it}, settled)
		}
	default:
		items[0].err = s.applyPieces(ctx, items[0], err)
	}
}

// applyPieces applies the items of a body that cannot be applied as a whole, one
// transaction each, and keeps the rest as problems of its journal row.
func (s *Store) applyPieces(ctx context.Context, it *ingestItem, cause error) error {
	if len(it.Events) == 0 {
		return cause
	}
	found := it.problems
	it.problems = append(slices.Clip(found), JournalProblem{-1, "interrupted while its items were applied one by one"})
	if err := s.sealBody(it); err != nil {
		return err
	}
	shell, body := *it, *it.Webhook
	body.Events, shell.piece = nil, true
	shell.Webhook = &body
	if err := s.tryWebhooks(ctx, []*ingestItem{&shell}, nil); err != nil {
		return err
	}
	it.problems = found
	done, logged := 0, shell.applied.Logged
	for i := range it.Events {
		if it.Events[i].Kind == channels.EventInvalid {
			continue
		}
		piece, w := shell, body
		w.Events, w.Replay = it.Events[i:i+1], true
		piece.Webhook, piece.problems = &w, nil
		err := s.tryWebhooks(ctx, []*ingestItem{&piece}, nil)
		if err != nil && !db.IsData(err) && !errors.Is(err, errPanic) {
			return err
		}
		if err != nil {
			it.problems = append(it.problems, JournalProblem{i, "could not be stored"})
			continue
		}
		done++
		logged += piece.applied.Logged
	}
	it.applied = Applied{JournalID: shell.applied.JournalID, Events: done, Failed: len(it.problems), Logged: logged}
	s.results.add(map[string]*journalResult{it.applied.JournalID: it.result(s.opts.Now())})
	return s.keepProblems(ctx, it)
}

// errPanic means that applying an item has run into a bug: the same item will again.
var errPanic = errors.New("conversations: a panic")

// tryWebhooks is applyWebhooks for items that nobody has seen before: a panic ends
// neither the process nor their neighbours.
func (s *Store) tryWebhooks(ctx context.Context, items []*ingestItem, settled func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.opts.Log.ErrorContext(ctx, "panic while applying a webhook", "channelId", items[0].ChannelID, "items", len(items),
				"panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return s.applyWebhooks(ctx, items, settled)
}

func journalState(problems []JournalProblem, applied int) JournalState {
	switch {
	case len(problems) == 0:
		return JournalApplied
	case applied <= 0:
		return JournalFailed
	}
	return JournalPartial
}

// ingestBatch is the work of one transaction.
type ingestBatch struct {
	s       *Store
	tx      *db.Tx
	now     time.Time
	msgs    []*arrival
	reports []*report
	changes []*notice
	deleted *db.Rows // messages that customers deleted
	events  []events.Event
	rest    db.Insert // of messages: what is still to be inserted with the events
	parked  *db.Rows
	careful bool // look which messages are stored already, because a try without that failed
}

// applyWebhooks applies items in one transaction with a statement per kind of
// row, not per message.
func (s *Store) applyWebhooks(ctx context.Context, items []*ingestItem, settled func()) error {
	var parked *db.Rows
	var appended []events.Event
	tries := 0
	err := s.inTx(ctx, func(tx *db.Tx) error {
		tries++
		b := &ingestBatch{s: s, tx: tx, now: s.opts.Now(), careful: tries > 1}
		if err := b.journal(ctx, items); err != nil {
			return fmt.Errorf("ingest: journal: %w", err)
		}
		for _, it := range items {
			if !it.skip {
				b.sort(it)
			}
		}
		for _, step := range []func(context.Context) error{b.storeMessages, b.applyReports, b.applyChanges} {
			if err := step(ctx); err != nil {
				return again(fmt.Errorf("ingest: %w", err))
			}
		}
		parked, appended = b.parked, b.events
		crash.At("before_ingest_commit")
		tx.Announce(Ingested{len(items)})
		tx.BeforeCommit(settled)
		if err := events.AppendBeside(ctx, tx, b.events, b.rest); err != nil {
			return again(err)
		}
		return b.markDeleted(ctx) // last: the messages travel with the events
	})
	if err == nil {
		s.noteResults(items, appended)
	}
	if err == nil && parked.Len() > 0 {
		// The send that these reports belong to may have been recorded meanwhile.
		// If this look fails, the sweeper looks again.
		_ = s.unparkOf(ctx, parked)
	}
	return err
}

// again turns the violation of a unique key, a message that is stored already, into
// errRace: the next try looks before it inserts.
func again(err error) error {
	if db.IsUnique(err) {
		return errors.Join(errRace, err)
	}
	return err
}

// sort puts the events of a body where they are applied.
func (b *ingestBatch) sort(it *ingestItem) {
	for i := range it.Events {
		e := &it.Events[i]
		switch e.Kind {
		case channels.EventMessage:
			b.msgs = append(b.msgs, &arrival{item: it, event: e, in: workingCopy(e.Message)})
		case channels.EventStatus:
			b.reports = append(b.reports, &report{item: it, update: e.Status})
		case channels.EventChange:
			b.changes = append(b.changes, &notice{item: it, event: e})
		}
	}
}

func (b *ingestBatch) emit(typ string, it *ingestItem, conversationID string, data any) error {
	e, err := events.New(it.TenantID, typ, it.ChannelID, conversationID, b.now, data)
	if err != nil {
		return err
	}
	e.JournalID = it.applied.JournalID
	b.events = append(b.events, e)
	return nil
}

// jsonText is v as it is stored; empty for an empty value.
func jsonText(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	if s := string(raw); s != "null" {
		return s, nil
	}
	return "", nil
}
