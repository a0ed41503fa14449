package conversations

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/id"
)

// thread is what a batch does to the open conversation of a (channel, contact)
// pair. Every message of the pair in the batch adds to it.
type thread struct {
	tenantID, channelID, contactID string

	lastMessageID string
	lastAt        time.Time     // arrival of the newest message
	unread        int64         // inbound messages added
	inboundAt     time.Time     // the provider's time of the newest inbound message
	window        time.Duration // 0: the channel has no customer service window
	windowAt      time.Time     // when the window closes; carried over from resolved conversations

	id          string
	isNew       bool
	reopened    bool // it was snoozed or pending, and the customer wrote
	status      string
	unreadCount int64

	name, profileName string // of the contact, as stored before this batch
}

type threadKey struct{ channelID, contactID string }

// threads collects the threads of a batch.
type threads map[threadKey]*thread

func (ts threads) of(tenantID, channelID, contactID string, window time.Duration) *thread {
	k := threadKey{channelID, contactID}
	if ts[k] == nil {
		ts[k] = &thread{tenantID: tenantID, channelID: channelID, contactID: contactID, window: window, id: id.New(id.Conversation)}
	}
	return ts[k]
}

// heard notes an inbound message. at is the provider's time: a redelivery of an
// old message does not open the window for longer than the customer was owed.
func (t *thread) heard(at, now time.Time) {
	t.unread++
	if at.IsZero() || at.After(now) {
		at = now
	}
	if at.After(t.inboundAt) {
		t.inboundAt = at
		if t.window > 0 {
			t.windowAt = at.Add(t.window)
		}
	}
}

// touched notes the newest message of the thread.
func (t *thread) touched(messageID string, at time.Time) {
	if !at.Before(t.lastAt) {
		t.lastMessageID, t.lastAt = messageID, at
	}
}

const upsertThreads = `
	WITH {{rows}} INSERT INTO conversations (id, tenant_id, channel_id, contact_id, status, unread_count, last_message_id,
		last_message_at, last_inbound_at, window_expires_at, created_at, updated_at)
	SELECT id, tenant_id, channel_id, contact_id, 'open', unread, last_id, last_at, inbound_at, window_at, at, at FROM v WHERE true
	ON CONFLICT (channel_id, contact_id) WHERE status <> 'resolved' DO UPDATE SET
		unread_count = conversations.unread_count + excluded.unread_count,
		last_message_id = CASE WHEN excluded.last_message_at >= conversations.last_message_at
			THEN excluded.last_message_id ELSE conversations.last_message_id END,
		last_message_at = CASE WHEN excluded.last_message_at >= conversations.last_message_at
			THEN excluded.last_message_at ELSE conversations.last_message_at END,
		last_inbound_at = CASE WHEN conversations.last_inbound_at IS NULL OR excluded.last_inbound_at > conversations.last_inbound_at
			THEN COALESCE(excluded.last_inbound_at, conversations.last_inbound_at) ELSE conversations.last_inbound_at END,
		window_expires_at = CASE WHEN conversations.window_expires_at IS NULL OR excluded.window_expires_at > conversations.window_expires_at
			THEN COALESCE(excluded.window_expires_at, conversations.window_expires_at) ELSE conversations.window_expires_at END,
		reopened_at = CASE WHEN excluded.unread_count > 0 AND conversations.status <> 'open'
			THEN excluded.updated_at ELSE conversations.reopened_at END,
		snoozed_until = CASE WHEN excluded.unread_count > 0 THEN NULL ELSE conversations.snoozed_until END,
		status = CASE WHEN excluded.unread_count > 0 THEN 'open' ELSE conversations.status END,
		updated_at = excluded.updated_at
	RETURNING id, channel_id, contact_id, status, unread_count, reopened_at,
		(SELECT c.name FROM contacts c WHERE c.id = conversations.contact_id),
		(SELECT c.profile_name FROM contacts c WHERE c.id = conversations.contact_id)`

// saveThreads finds or opens the conversation of each thread and adds to it. It locks
// the conversations until the end of tx, so messages of one pair are stored one
// batch after the other.
func (s *Store) saveThreads(ctx context.Context, tx *db.Tx, now time.Time, ts threads) error {
	rows := db.NewRows("id text", "tenant_id text", "channel_id text", "contact_id text", "unread bigint", "last_id text",
		"last_at bigint", "inbound_at bigint", "window_at bigint", "at bigint").
		Share("tenant_id", "channel_id").Share("last_at", "at")
	keys := slices.SortedFunc(maps.Keys(ts), func(a, b threadKey) int {
		return cmp.Or(cmp.Compare(a.channelID, b.channelID), cmp.Compare(a.contactID, b.contactID))
	})
	for _, k := range keys {
		t := ts[k]
		rows.Add(t.id, t.tenantID, t.channelID, t.contactID, t.unread, t.lastMessageID, db.Micros(t.lastAt),
			db.NullMicros(t.inboundAt), db.NullMicros(t.windowAt), db.Micros(now))
	}
	return tx.QueryRows(ctx, upsertThreads, rows, func(r *sql.Rows) error {
		var conversationID, status string
		var k threadKey
		var unread int64
		var reopened sql.NullInt64
		var name, profileName sql.NullString
		if err := r.Scan(&conversationID, &k.channelID, &k.contactID, &status, &unread, &reopened, &name, &profileName); err != nil {
			return err
		}
		if !name.Valid { // what we remembered of the contact is no longer so
			s.owners.forget()
			return errRace
		}
		t := ts[k]
		t.isNew, t.id = conversationID == t.id, conversationID
		t.status, t.unreadCount = status, unread
		t.name, t.profileName = name.String, profileName.String
		t.reopened = reopened.Valid && reopened.Int64 == db.Micros(now)
		return nil
	})
}

const selectWindows = `
	WITH {{rows}} SELECT c.channel_id, c.contact_id, max(c.window_expires_at)
	FROM v JOIN conversations c ON c.contact_id = v.contact_id AND c.channel_id = v.channel_id
	WHERE c.window_expires_at IS NOT NULL GROUP BY c.channel_id, c.contact_id`

// windows returns when the customer service window of each pair closes. It looks
// at resolved conversations too: resolving one does not shut the window.
func windows(ctx context.Context, tx *db.Tx, pairs map[threadKey]bool) (map[threadKey]time.Time, error) {
	rows := db.NewRows("channel_id text", "contact_id text")
	for k := range pairs {
		rows.Add(k.channelID, k.contactID)
	}
	closes := map[threadKey]time.Time{}
	err := tx.QueryRows(ctx, selectWindows, rows, func(r *sql.Rows) error {
		var k threadKey
		var at int64
		if err := r.Scan(&k.channelID, &k.contactID, &at); err != nil {
			return err
		}
		closes[k] = db.Time(at)
		return nil
	})
	return closes, err
}

// conversationData is the body of conversation.created and conversation.updated.
type conversationData struct {
	ID          string   `json:"id"`
	ChannelID   string   `json:"channelId"`
	ContactID   string   `json:"contactId"`
	Status      string   `json:"status"`
	UnreadCount int64    `json:"unreadCount"`
	AssigneeID  string   `json:"assigneeId,omitempty"`
	Labels      []string `json:"labels,omitempty"`
}

func (t *thread) data() conversationData {
	return conversationData{ID: t.id, ChannelID: t.channelID, ContactID: t.contactID, Status: t.status, UnreadCount: t.unreadCount}
}
