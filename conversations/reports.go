package conversations

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/id"
)

// report is one status on its way into the tables.
type report struct {
	item   *ingestItem
	update *channels.StatusUpdate
	msg    *sentMessage
}

// sentMessage is the state of an outbound message while statuses are applied.
type sentMessage struct {
	id, tenantID, channelID, conversationID, contactID string

	stored        Status // of the row
	status        Status
	providerID    string
	altID         string
	reference     string
	duplicate     bool
	trackingLost  bool
	deletedAt     sql.NullInt64
	sentAt        sql.NullInt64
	deliveredAt   sql.NullInt64
	readAt        sql.NullInt64
	failedAt      sql.NullInt64
	errorText     string
	pricingText   string
	attempt       int64 // of the outcome applied; 0 for a report
	changed       bool  // a column differs from the row
	hadNoProvider bool

	formerIDs    string // the provider's ids of attempts that were followed by another, each with a space after it
	delivery     string // a Delivery
	validUntil   int64
	usedFallback bool
	late         bool // the provider took it although it had ended here
	extra        bool // one of the columns of updateExtra differs from the row
}

const sentColumns = `m.id, m.tenant_id, m.channel_id, m.conversation_id, m.contact_id, m.status,
	COALESCE(m.provider_message_id, ''), COALESCE(m.alt_provider_id, ''), m.reference, m.possible_duplicate, m.tracking_lost,
	m.deleted_at, m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.error, m.pricing, m.former_ids, m.delivery,
	COALESCE(m.valid_until, 0), m.used_fallback, m.late_acceptance`

func scanSent(r *sql.Rows, key ...any) (*sentMessage, error) {
	var m sentMessage
	err := r.Scan(append(key, &m.id, &m.tenantID, &m.channelID, &m.conversationID, &m.contactID, &m.status, &m.providerID,
		&m.altID, &m.reference, &m.duplicate, &m.trackingLost, &m.deletedAt, &m.sentAt, &m.deliveredAt, &m.readAt,
		&m.failedAt, &m.errorText, &m.pricingText, &m.formerIDs, &m.delivery, &m.validUntil, &m.usedFallback, &m.late)...)
	m.hadNoProvider, m.stored = m.providerID == "", m.status
	return &m, err
}

// applyReports merges the batch's statuses into their messages. One that belongs
// to no message we know yet is parked.
func (b *ingestBatch) applyReports(ctx context.Context) error {
	if len(b.reports) == 0 {
		return nil
	}
	if err := b.findReported(ctx); err != nil {
		return fmt.Errorf("find reported messages: %w", err)
	}
	a := newAdvance(b.now)
	var strays []*report
	for _, r := range b.reports {
		if r.msg == nil {
			strays = append(strays, r)
			continue
		}
		if err := a.apply(r.msg, r.update, r.item.applied.JournalID, r.item.arrived(b.now)); err != nil {
			return err
		}
	}
	if err := a.save(ctx, b.tx); err != nil {
		return fmt.Errorf("statuses: %w", err)
	}
	b.events = append(b.events, a.events...)
	return b.park(ctx, strays)
}

// findReported looks messages up by the provider's id, then by ours where the
// provider echoed it, then by the provider's other id. It locks them.
func (b *ingestBatch) findReported(ctx context.Context) error {
	byID := map[string]*sentMessage{} // one object per row, whichever key found it
	look := func(column string, key func(*report) string) error {
		rows := db.NewRows("channel_id text", "k text")
		waiting := map[providerKey][]*report{}
		for _, r := range b.reports {
			if r.msg != nil || key(r) == "" {
				continue
			}
			k := providerKey{r.item.ChannelID, key(r)}
			if waiting[k] == nil {
				rows.Add(k.channelID, k.providerID)
			}
			waiting[k] = append(waiting[k], r)
		}
		query := `WITH {{rows}} SELECT v.channel_id, v.k, ` + sentColumns + ` FROM v JOIN messages m ON m.channel_id = v.channel_id AND m.` +
			column + ` = v.k WHERE m.direction = 'outbound' ORDER BY m.id` + b.tx.ForUpdate("m")
		return b.tx.QueryRows(ctx, query, rows, func(r *sql.Rows) error {
			var k providerKey
			m, err := scanSent(r, &k.channelID, &k.providerID)
			if err != nil {
				return err
			}
			if byID[m.id] == nil {
				byID[m.id] = m
			}
			for _, rep := range waiting[k] {
				rep.msg = byID[m.id]
			}
			return nil
		})
	}
	if err := look("provider_message_id", func(r *report) string { return r.update.ProviderID }); err != nil {
		return err
	}
	ours := func(r *report) string {
		if id.Valid(id.Message, r.update.MessageID) {
			return r.update.MessageID
		}
		return ""
	}
	if err := look("id", ours); err != nil {
		return err
	}
	return look("alt_provider_id", func(r *report) string { return r.update.AltID })
}

// advance applies statuses to messages and gathers what is to be written.
type advance struct {
	now      time.Time
	touched  map[string]*sentMessage
	order    []*sentMessage
	statuses *db.Rows
	recorded map[string]bool
	settled  *db.Rows // messages that the provider has: they must not be sent again
	again    *db.Rows // messages that are to be sent once more, see sendAgain
	events   []events.Event
	refusals []refusal
}

func newAdvance(now time.Time) *advance {
	return &advance{
		now: now, touched: map[string]*sentMessage{}, recorded: map[string]bool{},
		statuses: db.NewRows("message_id text", "tenant_id text", "provider text", "at bigint", "participant text",
			"status text", "applied boolean", "received_at bigint", "error text", "pricing text", "journal_id text"),
		settled: db.NewRows("message_id text"), again: newAgain(),
	}
}

// apply merges one report into m.
func (a *advance) apply(m *sentMessage, u *channels.StatusUpdate, journalID string, receivedAt time.Time) error {
	at := u.At
	if at.IsZero() {
		at = receivedAt
	}
	a.touch(m)
	change := m.merge(u, at)
	errText, err := jsonTextOf(u.Error)
	if err != nil {
		return err
	}
	pricing, err := jsonTextOf(u.Pricing)
	if err != nil {
		return err
	}
	if pricing != "" && m.pricingText != pricing {
		m.pricingText, m.changed = pricing, true
	}
	if change.Changed && change.To == Failed {
		m.errorText = errText
		if r, ok := refused(m, u.Error); ok {
			a.refusals = append(a.refusals, r)
		}
	}
	if change.Correction {
		m.errorText = ""
	}
	key := strings.Join([]string{m.id, u.Provider, fmt.Sprint(db.Micros(at)), u.Participant}, "|")
	if !a.recorded[key] {
		a.recorded[key] = true
		a.statuses.Add(m.id, m.tenantID, u.Provider, db.Micros(at), u.Participant, string(u.Status), change.Changed,
			db.Micros(receivedAt), errText, pricing, journalID)
	}
	if !change.Changed && !change.flag {
		return nil
	}
	tell := func() error { return a.emit(m, u, change, at) }
	if change.Changed && change.To == Failed && m.fallbackHelps(u.Error) {
		tell = func() error { return a.fallBack(m, u, change.from, at) }
	}
	if err := tell(); err != nil {
		return err
	}
	a.events[len(a.events)-1].JournalID = journalID
	return nil
}

func (a *advance) emit(m *sentMessage, u *channels.StatusUpdate, s step, at time.Time) error {
	d := statusData{
		MessageID: m.id, Status: m.status, Timestamp: stamp(at), ChannelID: m.channelID, ConversationID: m.conversationID,
		ContactID: m.contactID, Error: u.Error, Pricing: u.Pricing, Correction: s.Correction,
		PossibleDuplicate: m.duplicate, TrackingLost: m.trackingLost, Reference: m.reference, WaMessageID: m.waMessageID(),
		LateAcceptance: m.late, UsedFallback: m.usedFallback,
	}
	if s.Changed {
		d.PreviousStatus = s.from
	}
	if m.deletedAt.Valid {
		d.DeletedAt = stamp(db.Time(m.deletedAt.Int64))
	}
	e, err := events.New(m.tenantID, "message.status", m.channelID, m.conversationID, a.now, d)
	if err != nil {
		return err
	}
	a.events = append(a.events, e)
	return nil
}

func (m *sentMessage) waMessageID() string {
	if m.altID != "" {
		return m.altID
	}
	return m.providerID
}

// jsonTextOf is jsonText for a pointer that may be nil.
func jsonTextOf[T any](v *T) (string, error) {
	if v == nil {
		return "", nil
	}
	raw, err := json.Marshal(v)
	return string(raw), err
}
