package conversations

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
)

const insertQueued = `
	WITH {{rows}} INSERT INTO messages (id, tenant_id, channel_id, conversation_id, contact_id, direction, type, status, content,
		to_address, reply_to_id, context, options, author, author_id, reference, category, request_id, created_at, updated_at, valid_until,
		scheduled_at, delivery, used_fallback)
	SELECT id, tenant_id, channel_id, conversation_id, contact_id, 'outbound', type, status, content, to_address, reply_to_id,
		context, options, author, author_id, reference, category, request_id, at, at, valid_until, scheduled_at, delivery, used_fallback FROM v`

// insertSends takes its order from n: the sequence number of a row decides its
// place in the lane. What is not scheduled is due at once: due_at is compared with
// the database's clock, which need not agree with ours.
const insertSends = `
	WITH {{rows}} INSERT INTO sends (message_id, tenant_id, channel_id, contact_id, state, priority, due_at, valid_until, on_uncertain,
		ordering, windowed)
	SELECT message_id, tenant_id, channel_id, contact_id, state, priority, due_at, valid_until, on_uncertain, ordering, windowed FROM v ORDER BY n`

// insert stores the messages with their sends and appends their events.
func (b *queueBatch) insert(ctx context.Context) error {
	msgs := db.NewRows("id text", "tenant_id text", "channel_id text", "conversation_id text", "contact_id text", "type text",
		"content long", "to_address text", "reply_to_id text", "context text", "options text", "author text", "author_id text", "reference text",
		"category text", "request_id text", "at bigint", "valid_until bigint", "status text", "scheduled_at bigint", "delivery text",
		"used_fallback boolean")
	sends := db.NewRows("message_id text", "tenant_id text", "channel_id text", "contact_id text", "priority bigint",
		"valid_until bigint", "on_uncertain text", "n bigint", "state text", "due_at bigint", "ordering text", "windowed boolean")
	for n, it := range b.items {
		m, content, options, err := it.message(b)
		if err != nil {
			return err
		}
		delivery, err := m.Delivery.text()
		if err != nil {
			return err
		}
		to, err := jsonText(reference{To: &it.To})
		if err != nil {
			return err
		}
		it.msg = m
		msgs.Add(m.ID, m.TenantID, m.ChannelID, m.ConversationID, m.ContactID, m.Type, content, m.To, m.ReplyToID, to, options,
			m.Author.Type, m.Author.ID, m.Reference, m.Category, m.RequestID, db.Micros(b.now), db.Micros(m.ValidUntil),
			string(m.Status), db.NullMicros(m.ScheduledAt), delivery, m.UsedFallback)
		due := int64(0)
		if m.Status == Scheduled {
			due = db.Micros(m.ScheduledAt)
		}
		sends.Add(m.ID, m.TenantID, m.ChannelID, m.ContactID, it.priority(), db.Micros(m.ValidUntil), m.Delivery.onUncertain(), int64(n),
			string(m.Status), due, string(m.Ordering()), it.freeForm() && !it.fallback)
		if err := b.announce(it); err != nil {
			return err
		}
	}
	if _, err := b.tx.ExecRows(ctx, insertQueued, msgs); err != nil {
		return err
	}
	_, err := b.tx.ExecRows(ctx, insertSends, sends)
	return err
}

// message is the row of a draft, as it will be read back.
func (it *queueItem) message(b *queueBatch) (m Message, content, options string, err error) {
	raw, err := json.Marshal(it.Content)
	if err != nil {
		return m, "", "", err
	}
	if options, err = jsonText(it.Options); err != nil {
		return m, "", "", err
	}
	now := db.Time(db.Micros(b.now)) // to the precision of the column
	m = Message{
		ID: it.id, TenantID: it.TenantID, ChannelID: it.ChannelID, ConversationID: it.thread.id, ContactID: it.party.contactID,
		Direction: Outbound, Type: it.Content.Type, Status: Queued, Content: it.Content, To: address(it.party.identities),
		ReplyToID: it.ReplyToID, Metadata: map[string]string{}, Options: it.Options, Author: it.Author, Reference: it.Reference,
		Category: it.Category, RequestID: it.RequestID, CreatedAt: now, UpdatedAt: now, ValidUntil: now.Add(it.validity()),
		Delivery: it.delivery(), UsedFallback: it.fallback,
	}
	if it.scheduled(b.now) {
		m.Status, m.ScheduledAt = Scheduled, db.Time(db.Micros(it.SendAt))
		m.ValidUntil = m.ScheduledAt.Add(it.validity())
		m.Waiting = &Waiting{Reason: WaitScheduled, Until: m.ScheduledAt}
	}
	return m, string(raw), options, nil
}

func (b *queueBatch) announce(it *queueItem) error {
	add := func(typ string, data any) error {
		e, err := events.New(it.TenantID, typ, it.ChannelID, it.thread.id, b.now, data)
		b.events = append(b.events, e)
		return err
	}
	if it.thread.isNew {
		it.thread.isNew = false // once
		if err := add("conversation.created", it.thread.data()); err != nil {
			return err
		}
	}
	m := &it.msg
	return add("message.created", messageData{
		ID: m.ID, ChannelID: m.ChannelID, ChannelType: it.ChannelType, Direction: Outbound, To: m.To, Content: m.Content,
		Timestamp: stamp(b.now), Metadata: m.Metadata, ConversationID: m.ConversationID, ContactID: m.ContactID,
		Contact: contactRef{m.ContactID, it.thread.name, it.thread.profileName}, ReplyTo: m.ReplyToID, Status: m.Status,
		Reference: m.Reference, Author: &m.Author, SendAt: stampOf(m.ScheduledAt), UsedFallback: m.UsedFallback, FallbackTemplate: m.FallbackTemplate(),
	})
}

const claimKeyRows = `
	WITH {{rows}} INSERT INTO idempotency_keys (tenant_id, key, fingerprint, state, message_id, created_at, expires_at)
	SELECT tenant_id, key, fingerprint, 'done', message_id, at, expires_at FROM v WHERE true
	ON CONFLICT (tenant_id, key) DO UPDATE SET state = idempotency_keys.state
	RETURNING tenant_id, key, fingerprint, message_id`

// claimKeys reserves idempotency keys in the same transaction as the messages
// they stand for, and answers drafts whose key was used before. The rest is left
// in b.items.
func (b *queueBatch) claimKeys(ctx context.Context, items []*queueItem) error {
	rows := db.NewRows("tenant_id text", "key text", "fingerprint text", "message_id text", "at bigint", "expires_at bigint")
	type key struct{ tenantID, key string }
	keyed := map[key]*queueItem{}
	for _, it := range items {
		k := key{it.TenantID, it.IdempotencyKey}
		switch {
		case it.IdempotencyKey == "":
			b.items = append(b.items, it)
		case keyed[k] != nil:
			it.again = true
		default:
			keyed[k] = it
			rows.Add(k.tenantID, k.key, it.Fingerprint, it.id, db.Micros(b.now), db.Micros(b.now.Add(idempotencyTTL)))
		}
	}
	var replays []*queueItem
	err := b.tx.QueryRows(ctx, claimKeyRows, sortedRows(rows), func(r *sql.Rows) error {
		var k key
		var fingerprint, messageID string
		if err := r.Scan(&k.tenantID, &k.key, &fingerprint, &messageID); err != nil {
			return err
		}
		it := keyed[k]
		switch {
		case messageID == it.id:
			b.items = append(b.items, it)
		case fingerprint != it.Fingerprint || messageID == "":
			it.err = fault.New(fault.Invalid, "idempotency_mismatch",
				"This Idempotency-Key was used for a different request. Use a new key for each new request.")
		default:
			it.replayed, it.msg.ID = true, messageID
			replays = append(replays, it)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, it := range replays {
		if it.msg, err = getMessage(ctx, b.tx, it.TenantID, it.msg.ID); err != nil {
			return err
		}
	}
	return nil
}

// sortedRows orders rows by their first two columns, so that two nodes lock keys
// in the same order.
func sortedRows(r *db.Rows) *db.Rows { r.SortText(0, 1); return r }

// releaseKeys frees the keys of drafts that were refused: a refusal is not
// remembered, so the same key may be tried again.
func (b *queueBatch) releaseKeys(ctx context.Context, refused []*queueItem) error {
	rows := db.NewRows("tenant_id text", "key text")
	for _, it := range refused {
		if it.IdempotencyKey != "" {
			rows.Add(it.TenantID, it.IdempotencyKey)
		}
	}
	_, err := b.tx.ExecRows(ctx, `WITH {{rows}} DELETE FROM idempotency_keys
		WHERE (tenant_id, key) IN (SELECT tenant_id, key FROM v)`, rows)
	return err
}
