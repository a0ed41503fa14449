package conversations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

// Draft is a checked message about to be queued.
type Draft struct {
	TenantID, ChannelID, ChannelType string

	Identity    string // namespace: Description.Identity
	To          channels.Recipient
	ToRaw       string // as the caller wrote it
	Content     channels.Content
	ReplyToID   string // our id of the message quoted
	Options     channels.Options
	Window      time.Duration // customer service window of the channel; 0 = none
	ValidFor    time.Duration // 0 = DefaultValidity
	SendAt      time.Time     // zero = now
	Ordering    Ordering      // empty = by the type of the content
	Fallback    *Fallback     // sent instead if the window is closed
	OnUncertain string        // auto, resend, never, manual; empty = auto
	Reference   string
	Category    string // of a template
	Author      Author
	RequestID   string

	IdempotencyKey string // empty = none
	Fingerprint    string // of the request body
}

// DefaultValidity is how long a message may wait for the provider to accept it.
// Source: LINK Mobility, absoluteValidityTime ("default 48 hours ahead").
const DefaultValidity = 48 * time.Hour

// idempotencyTTL is how long a key is remembered.
const idempotencyTTL = 7 * 24 * time.Hour

// Priorities of a send, lower first: replies inside the window before utility
// before marketing.
const (
	priorityReply     = 0
	priorityUtility   = 1
	priorityMarketing = 2
)

// SendsQueued is announced after a commit that queued sends.
type SendsQueued struct{ N int }

// queueItem is a draft on its way through a shared transaction.
type queueItem struct {
	*Draft
	id       string
	party    *party
	thread   *thread
	fallback bool // the window is closed: the template is sent
	msg      Message
	replayed bool
	err      error
	again    bool // the same key is in the same batch: to be run once that one is stored
}

// Queue stores a message to be sent and returns it once it is committed. With an
// IdempotencyKey seen before, it returns the first message and replayed = true, or
// a fault (idempotency_mismatch) if the request was another one. Free-form content
// outside the customer service window is a fault (window_closed), and so is marketing
// to a customer who has stopped it (opted_out).
func (s *Store) Queue(ctx context.Context, d Draft) (m Message, replayed bool, err error) {
	for {
		it := &queueItem{Draft: &d}
		if err := s.queue.Do(ctx, it); err != nil {
			return Message{}, false, unavailable(err)
		}
		if it.again {
			continue
		}
		return it.msg, it.replayed, it.err
	}
}

// runQueue commits drafts together; if the data of one spoils that, each alone.
func (s *Store) runQueue(items []*queueItem, settled func()) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	err := s.queueAll(ctx, items, settled)
	switch {
	case err == nil:
		crash.At("after_queue_commit")
	case len(items) > 1 && (db.IsData(err) || errors.Is(err, errRace)):
		for _, it := range items {
			s.runQueue([]*queueItem{it}, settled)
		}
	case db.IsData(err):
		items[0].err = fmt.Errorf("queue: %w", err)
	default:
		for _, it := range items {
			it.err = unavailable(err)
		}
	}
}

func (s *Store) queueAll(ctx context.Context, items []*queueItem, settled func()) error {
	return s.inTx(ctx, func(tx *db.Tx) error {
		b := &queueBatch{s: s, tx: tx, now: s.opts.Now(), threads: threads{}}
		for _, it := range items {
			it.err, it.again, it.replayed, it.fallback = nil, false, false, false
			it.id = id.New(id.Message) // after b.now, see amongNewest
		}
		if err := b.claimKeys(ctx, items); err != nil {
			return fmt.Errorf("idempotency keys: %w", err)
		}
		if err := b.guard(ctx); err != nil {
			return fmt.Errorf("windows and consent: %w", err)
		}
		if len(b.items) == 0 {
			return nil
		}
		if err := b.resolve(ctx); err != nil {
			return err
		}
		if err := b.insert(ctx); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
		tx.Announce(SendsQueued{len(b.items)})
		tx.BeforeCommit(settled)
		crash.At("before_queue_commit")
		return events.Append(ctx, tx, b.events)
	})
}

// queueBatch is the work of one transaction.
type queueBatch struct {
	s       *Store
	tx      *db.Tx
	now     time.Time
	items   []*queueItem // those that are to be stored
	threads threads
	windows map[threadKey]time.Time
	events  []events.Event
}

// freeForm reports whether d may only be sent inside the window.
func (d *Draft) freeForm() bool { return d.Window > 0 && d.Content.Type != channels.TypeTemplate }

// guard refuses free-form drafts to people who have not written lately, or takes
// their templates instead, and marketing to people who have stopped that. Nothing is
// stored for those that it refuses, not even a contact. The window of a scheduled
// draft with a template is judged when it is due.
func (b *queueBatch) guard(ctx context.Context) error {
	parties := make([]*party, len(b.items))
	for i, it := range b.items {
		it.party = &party{tenantID: it.TenantID, namespace: it.Identity, identities: recipientIdentities(it.To, it.ToRaw)}
		parties[i] = it.party
	}
	found, err := b.s.lookUpIdentities(ctx, b.tx, parties)
	if err != nil {
		return err
	}
	windowed, marketed := map[threadKey]bool{}, map[threadKey]bool{}
	for _, it := range b.items {
		if !it.party.take(found) {
			continue
		}
		if it.Window > 0 {
			windowed[it.pair()] = true
		}
		if it.mayMarket() {
			marketed[it.pair()] = true
		}
	}
	if b.windows, err = windows(ctx, b.tx, windowed); err != nil {
		return err
	}
	stopped, err := stopped(ctx, b.tx, marketed)
	if err != nil {
		return err
	}
	keep := b.items[:0]
	var refused []*queueItem
	for _, it := range b.items {
		if it.err = b.judge(it, stopped[it.pair()]); it.err != nil {
			refused = append(refused, it)
			continue
		}
		keep = append(keep, it)
	}
	b.items = keep
	return b.releaseKeys(ctx, refused)
}

// pair is whom a draft is to, on which channel; it.party knows the contact.
func (it *queueItem) pair() threadKey { return threadKey{it.ChannelID, it.party.contactID} }

// judge refuses a draft, or decides whether its fallback is sent.
func (b *queueBatch) judge(it *queueItem, stopped bool) error {
	if closes := b.windows[it.pair()]; it.freeForm() && !closes.After(b.now) {
		if it.Fallback == nil {
			return windowClosed(closes, b.now)
		}
		it.fallback = !it.scheduled(b.now)
	}
	c, category := &it.Content, it.Category
	if it.fallback {
		c, category = &it.Fallback.Content, it.Fallback.Category
	}
	if stopped && marketing(c, category) {
		return optedOut(it.fallback)
	}
	return nil
}

func windowClosed(closed, now time.Time) error {
	detail := "The customer has never written on this channel"
	if !closed.IsZero() {
		detail = fmt.Sprintf("The customer service window closed %s ago", now.Sub(closed).Round(time.Minute))
	}
	f := fault.New(fault.Invalid, "window_closed", "%s; send a template instead.", detail)
	f.Problems = []channels.Problem{{Pointer: "/content/type", Code: "template_required",
		Message: "Outside the customer service window only templates can be sent."}}
	return f
}

// resolve finds or makes contacts and conversations.
func (b *queueBatch) resolve(ctx context.Context) error {
	parties := make([]*party, len(b.items))
	for i, it := range b.items {
		parties[i] = it.party
	}
	if err := b.s.resolveParties(ctx, b.tx, b.now, parties); err != nil {
		return fmt.Errorf("contacts: %w", err)
	}
	for _, it := range b.items {
		it.thread = b.threads.of(it.TenantID, it.ChannelID, it.party.contactID, it.Window)
		it.thread.touched(it.id, b.now)
		it.thread.windowAt = b.windows[threadKey{it.ChannelID, it.party.contactID}]
	}
	if err := b.s.saveThreads(ctx, b.tx, b.now, b.threads); err != nil {
		return fmt.Errorf("conversations: %w", err)
	}
	return nil
}

// scheduled reports whether d is for later.
func (d *Draft) scheduled(now time.Time) bool { return d.SendAt.After(now) }

func (it *queueItem) priority() int64 {
	if it.fallback {
		return priorityOf(&it.Fallback.Content, it.Fallback.Category)
	}
	return priorityOf(&it.Content, it.Category)
}

func (d *Draft) validity() time.Duration {
	if d.ValidFor > 0 {
		return d.ValidFor
	}
	return DefaultValidity
}

// Accepted returns the message that was stored under an idempotency key by the same
// request, with replayed = true; refusal if there is none, or the key has expired.
func (s *Store) Accepted(ctx context.Context, tenantID, key, fingerprint string, refusal error) (m Message, replayed bool, err error) {
	var stored, messageID string
	err = s.db.QueryRowContext(ctx, `SELECT fingerprint, message_id FROM idempotency_keys
		WHERE tenant_id = $1 AND key = $2 AND expires_at > $3`, tenantID, key, db.Micros(s.opts.Now())).Scan(&stored, &messageID)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && (messageID == "" || stored != fingerprint):
		return m, false, refusal
	case err != nil:
		return m, false, unavailable(err)
	}
	m, err = s.GetMessage(ctx, tenantID, messageID)
	return m, err == nil, err
}
