package conversations

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
)

// earlier reports whether u is about an attempt that another one followed: it has
// another id at the provider than the message has now.
func (m *sentMessage) earlier(u *channels.StatusUpdate) bool {
	switch {
	case u.ProviderID == "" || u.ProviderID == m.providerID:
		return false
	case strings.Contains(" "+m.formerIDs, " "+u.ProviderID+" "):
		return true
	}
	return m.providerID != "" && u.ProviderID != m.altID && (u.AltID == "" || u.AltID != m.altID)
}

// refused reports whether m ended here: the provider should not have it.
func (m *sentMessage) refused() bool {
	return m.status == Expired || m.status == Cancelled || m.status == Rejected
}

// proves reports whether a provider that reports s has taken the message.
func proves(s channels.Status) bool {
	return s == channels.StatusSent || s == channels.StatusDelivered || s == channels.StatusRead
}

func (m *sentMessage) policy() (d Delivery, err error) {
	err = parseJSON(m.delivery, &d)
	return d, err
}

// fallbackHelps reports whether m failed with e only because it is no template, and
// has one.
func (m *sentMessage) fallbackHelps(e *channels.ProviderError) bool {
	if e == nil || !e.NeedsTemplate || m.usedFallback || m.delivery == "" {
		return false
	}
	d, err := m.policy()
	return err == nil && d.Fallback != nil
}

// useFallback notes that the template of m is sent from now on, for the reason e.
func (a *advance) useFallback(m *sentMessage, e *channels.ProviderError, at time.Time) error {
	a.touch(m)
	m.usedFallback, m.extra = true, true
	return a.emit(m, &channels.StatusUpdate{Error: e}, step{}, at)
}

// fallBack sends the template of a message that the provider took and then failed.
func (a *advance) fallBack(m *sentMessage, u *channels.StatusUpdate, from Status, at time.Time) error {
	d, err := m.policy()
	if err != nil {
		return err
	}
	m.usedFallback = true
	a.restart(m, lane{priorityOf(&d.Fallback.Content, d.Fallback.Category), d.onUncertain(), orderingOf(d.Ordering, &channels.Content{}), false})
	return a.emit(m, &channels.StatusUpdate{Error: u.Error}, step{Change: Change{To: Queued, Changed: true}, from: from}, at)
}

// lane is how a message waits.
type lane struct {
	priority    int64
	onUncertain string
	ordering    Ordering
	windowed    bool // it may only be sent inside the service window
}

// restart makes m a queued message that waits for another attempt. What the
// earlier ones brought stays in its timeline.
func (a *advance) restart(m *sentMessage, l lane) {
	a.touch(m)
	if m.providerID != "" {
		m.formerIDs += m.providerID + " "
	}
	m.providerID, m.altID, m.errorText, m.pricingText = "", "", "", ""
	m.sentAt, m.deliveredAt, m.readAt, m.failedAt = sql.NullInt64{}, sql.NullInt64{}, sql.NullInt64{}, sql.NullInt64{}
	m.status, m.trackingLost, m.changed, m.extra = Queued, false, true, true
	a.settled.Add(m.id) // an attempt whose answer is not in must not be the last word
	a.queueAgain(m, l)
}

// queueAgain gives m a place at the end of its lane.
func (a *advance) queueAgain(m *sentMessage, l lane) {
	a.again.Add(m.id, l.priority, m.validUntil, l.onUncertain, string(l.ordering), l.windowed, int64(a.again.Len()))
}

func newAgain() *db.Rows {
	return db.NewRows("message_id text", "priority bigint", "valid_until bigint", "on_uncertain text", "ordering text", "windowed boolean", "n bigint")
}

// sendAgain counts on from the attempts made before: an answer to one of them must
// not be taken for the answer to the next.
func (a *advance) sendAgain(ctx context.Context, tx *db.Tx) error {
	if a.again.Len() == 0 {
		return nil
	}
	tx.Announce(SendsQueued{a.again.Len()})
	_, err := tx.ExecRows(ctx, `
		WITH {{rows}} INSERT INTO sends (message_id, tenant_id, channel_id, contact_id, state, priority, due_at, valid_until, on_uncertain,
			ordering, windowed, attempt)
		SELECT m.id, m.tenant_id, m.channel_id, m.contact_id, 'queued', v.priority, 0, v.valid_until, v.on_uncertain, v.ordering, v.windowed,
			COALESCE((SELECT MAX(t.attempt) FROM attempts t WHERE t.message_id = m.id), 0)
		FROM v JOIN messages m ON m.id = v.message_id ORDER BY v.n`, a.again)
	return err
}

const updateExtra = `
	WITH {{rows}} UPDATE messages SET former_ids = v.former_ids, used_fallback = v.used_fallback, late_acceptance = v.late,
		possible_duplicate = v.duplicate, valid_until = v.valid_until, updated_at = v.at
	FROM v WHERE messages.id = v.id`

// saveRare writes the columns that hardly any message changes.
func (a *advance) saveRare(ctx context.Context, tx *db.Tx) error {
	rows := db.NewRows("id text", "former_ids text", "used_fallback boolean", "late boolean", "duplicate boolean", "valid_until bigint", "at bigint")
	for _, m := range a.order {
		if m.extra {
			rows.Add(m.id, m.formerIDs, m.usedFallback, m.late, m.duplicate, m.validUntil, db.Micros(a.now))
		}
	}
	_, err := tx.ExecRows(ctx, updateExtra, rows)
	return err
}

// dead reports whether a message in s is a dead letter: it will not be sent unless
// somebody asks for it.
func dead(s Status) bool { return s == Failed || s == Rejected || s == Expired }

const insertDead = `
	WITH {{rows}} INSERT INTO dead_letters (message_id, tenant_id, channel_id, at, class, code)
	SELECT message_id, tenant_id, channel_id, at, class, code FROM v WHERE true
	ON CONFLICT (message_id) DO UPDATE SET at = excluded.at, class = excluded.class, code = excluded.code`

func deadRows() *db.Rows {
	return db.NewRows("message_id text", "tenant_id text", "channel_id text", "at bigint", "class text", "code text")
}

// saveDead keeps the list of dead letters. A message whose outcome is left to a
// person is one too, see handOver.
func (a *advance) saveDead(ctx context.Context, tx *db.Tx) error {
	in, out := deadRows(), db.NewRows("message_id text")
	for _, m := range a.order {
		switch {
		case m.status == m.stored:
		case dead(m.status):
			var e channels.ProviderError
			if m.errorText != "" {
				if err := json.Unmarshal([]byte(m.errorText), &e); err != nil {
					return err
				}
			}
			in.Add(m.id, m.tenantID, m.channelID, db.Micros(a.now), string(e.Class), e.Code)
		case dead(m.stored) || m.stored == Uncertain:
			out.Add(m.id)
		}
	}
	if _, err := tx.ExecRows(ctx, insertDead, in); err != nil {
		return err
	}
	_, err := tx.ExecRows(ctx, `WITH {{rows}} DELETE FROM dead_letters WHERE message_id IN (SELECT message_id FROM v)`, out)
	return err
}

// told is e as events and the API tell it.
func told(e *channels.SendError) *channels.ProviderError {
	if e == nil {
		return nil
	}
	return &channels.ProviderError{Class: e.Class, Code: e.Code, Title: e.Title, Action: e.Action, Detail: e.Detail, NeedsTemplate: e.NeedsTemplate}
}
