package conversations

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/id"
)

// arrival is one message of a webhook on its way into the tables.
type arrival struct {
	item  *ingestItem
	event *channels.Event
	in    *channels.Inbound

	id        string
	party     *party
	thread    *thread
	replyToID string
}

// MediaPending is announced after a commit that stored media still to be fetched.
type MediaPending struct{}

type providerKey struct{ channelID, providerID string }

// storeMessages stores the messages of the batch that are not stored already.
func (b *ingestBatch) storeMessages(ctx context.Context) error {
	if err := b.dropKnown(ctx); err != nil || len(b.msgs) == 0 {
		return err
	}
	parties := make([]*party, len(b.msgs))
	for i, m := range b.msgs {
		p := &party{tenantID: m.item.TenantID, namespace: m.item.Identity, identities: m.identities(), profileName: m.in.From.Name}
		m.party, parties[i], m.id = p, p, id.New(id.Message)
	}
	if err := b.s.resolveParties(ctx, b.tx, b.now, parties); err != nil {
		return fmt.Errorf("contacts: %w", err)
	}
	if err := b.resolveReferences(ctx); err != nil {
		return fmt.Errorf("references: %w", err)
	}
	ts := threads{}
	for _, m := range b.msgs {
		m.thread = ts.of(m.item.TenantID, m.item.ChannelID, m.party.contactID, m.item.Window)
		m.addTo(m.thread, b)
	}
	if err := b.s.saveThreads(ctx, b.tx, b.now, ts); err != nil {
		return fmt.Errorf("conversations: %w", err)
	}
	renamed, err := b.updateProfileNames(ctx)
	if err != nil {
		return fmt.Errorf("profile names: %w", err)
	}
	if err := b.insertMessages(ctx); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	return b.announceArrivals(renamed)
}

// identities are those of the sender, and the new ones that a notice inside the
// conversation announces: they lead to the same contact from now on, unless they
// belong to another already.
func (m *arrival) identities() []channels.Identity {
	ids := m.in.From.Identities
	sys := m.in.Content.System
	if sys == nil {
		return ids
	}
	if sys.NewPhone != "" {
		ids = append(ids[:len(ids):len(ids)], channels.Identity{Kind: channels.IdentityPhone, Value: sys.NewPhone})
	}
	if sys.NewUserID != "" {
		ids = append(ids[:len(ids):len(ids)], channels.Identity{Kind: channels.IdentityUserID, Value: sys.NewUserID})
	}
	return ids
}

func (m *arrival) addTo(t *thread, b *ingestBatch) {
	at := b.now
	if m.in.Historic && !m.in.At.IsZero() && m.in.At.Before(b.now) {
		at = m.in.At
	}
	t.touched(m.id, at)
	if !m.in.Echo && !m.in.Historic {
		t.heard(m.in.At, b.now)
	}
}

const selectKnown = `
	WITH {{rows}} ` + db.ByKey + ` SELECT channel_id, provider_id,
		EXISTS (SELECT 1 FROM messages m WHERE m.channel_id = v.channel_id AND m.provider_message_id = v.provider_id LIMIT 1) FROM v`

// dropKnown removes messages that were stored before, and repeats within the
// batch: providers deliver at least once. Messages stored before are rare, since
// exact repeats of a body are caught by the journal, so they are looked up only
// after insertMessages has met one.
func (b *ingestBatch) dropKnown(ctx context.Context) error {
	rows := db.NewRows("channel_id text", "provider_id text")
	seen := map[providerKey]bool{}
	fresh := b.msgs[:0]
	for _, m := range b.msgs {
		k := providerKey{m.item.ChannelID, m.in.ProviderID}
		if !seen[k] {
			seen[k] = true
			fresh = append(fresh, m)
			rows.Add(k.channelID, k.providerID)
		}
	}
	b.msgs = fresh
	if !b.careful {
		return nil
	}
	stored := map[providerKey]bool{}
	err := b.tx.QueryRows(ctx, selectKnown, rows, func(r *sql.Rows) error {
		var k providerKey
		var known bool
		err := r.Scan(&k.channelID, &k.providerID, &known)
		stored[k] = known
		return err
	})
	b.msgs = fresh[:0]
	for _, m := range fresh {
		if !stored[providerKey{m.item.ChannelID, m.in.ProviderID}] {
			b.msgs = append(b.msgs, m)
		}
	}
	return err
}

const insertMessages = `
	WITH {{rows}} INSERT INTO messages (id, tenant_id, channel_id, conversation_id, contact_id, direction, type, status, content,
		from_address, to_address, provider_message_id, alt_provider_id, reply_to_id, context, metadata, author, journal_id,
		provider_at, created_at, updated_at, sent_at)
	SELECT id, tenant_id, channel_id, conversation_id, contact_id, direction, type, status, content, from_address, to_address,
		provider_id, alt_id, reply_to_id, context, metadata, author, journal_id, provider_at, at, at, sent_at FROM v`

const insertMedia = `
	WITH {{rows}} INSERT INTO media (id, tenant_id, channel_id, message_id, state, source, mime_type, filename, size, due_at, created_at, updated_at)
	SELECT id, tenant_id, channel_id, message_id, 'pending', source, mime_type, filename, size, at, at, at FROM v`

func (b *ingestBatch) insertMessages(ctx context.Context) error {
	rows := db.NewRows("id text", "tenant_id text", "channel_id text", "conversation_id text", "contact_id text",
		"direction text", "type text", "status text", "content long", "from_address text", "to_address text", "provider_id text",
		"alt_id text", "reply_to_id text", "context text", "metadata long", "author text", "journal_id text",
		"provider_at bigint", "at bigint", "sent_at bigint").Share("tenant_id", "channel_id").
		Share("direction", "status", "author", "to_address", "alt_id", "sent_at", "at").Share("reply_to_id", "context")
	media := db.NewRows("id text", "tenant_id text", "channel_id text", "message_id text", "source text", "mime_type text",
		"filename text", "size bigint", "at bigint")
	for _, m := range b.msgs {
		if err := m.keepMedia(media, b); err != nil {
			return err
		}
		if err := m.addRow(rows, b); err != nil {
			return err
		}
	}
	if media.Len() > 0 {
		b.tx.Announce(MediaPending{})
	}
	if _, err := b.tx.ExecRows(ctx, insertMedia, media); err != nil {
		return err
	}
	b.rest = db.Insert{Query: insertMessages, Rows: rows}
	echo := func(m *arrival) bool { return m.in.Echo }
	if len(b.changes) == 0 && (len(b.reports) == 0 || !slices.ContainsFunc(b.msgs, echo)) {
		return nil // goes with the events: what follows looks for none of them
	}
	_, err := b.tx.ExecRows(ctx, b.rest.Query, b.rest.Rows)
	b.rest = db.Insert{}
	return err
}

// keepMedia replaces the provider's reference to a file by one of ours, and notes
// the file as still to be fetched.
func (m *arrival) keepMedia(rows *db.Rows, b *ingestBatch) error {
	part := m.in.Content.MediaPart()
	if part == nil || part.MediaID != "" || part.ProviderID == "" && part.URL == "" {
		return nil
	}
	source, err := json.Marshal(part)
	if err != nil {
		return err
	}
	part.MediaID, part.ProviderID, part.URL = id.New(id.Media), "", ""
	rows.Add(part.MediaID, m.item.TenantID, m.item.ChannelID, m.id, string(source), part.MimeType, part.Filename, part.Size, db.Micros(b.now))
	return nil
}

func (m *arrival) addRow(rows *db.Rows, b *ingestBatch) error {
	content, err := json.Marshal(m.in.Content)
	if err != nil {
		return err
	}
	context, err := jsonText(reference{Context: m.in.Context, Referral: m.in.Referral, GroupID: m.in.GroupID})
	if err != nil {
		return err
	}
	metadata, err := jsonText(m.metadata(b))
	if err != nil {
		return err
	}
	direction, status, author, sentAt := Inbound, Received, "", sql.NullInt64{}
	from, to := address(m.in.From.Identities), ""
	if m.in.Echo {
		direction, status, author, sentAt = Outbound, Sent, "phone", db.NullMicros(m.in.At)
		from, to = to, from
	}
	alt := sql.NullString{String: m.in.Metadata["waMessageId"], Valid: m.in.Metadata["waMessageId"] != "" && m.in.Metadata["waMessageId"] != m.in.ProviderID}
	rows.Add(m.id, m.item.TenantID, m.item.ChannelID, m.thread.id, m.party.contactID, direction, m.in.Content.Type, string(status),
		string(content), from, to, m.in.ProviderID, alt, m.replyToID, context, metadata, author, m.item.applied.JournalID,
		db.NullMicros(m.in.At), db.Micros(b.now), sentAt)
	return nil
}

// reference is what is stored in messages.context.
type reference struct {
	To       *channels.Recipient `json:"to,omitempty"`
	Context  *channels.Context   `json:"context,omitempty"`
	Referral *channels.Referral  `json:"referral,omitempty"`
	GroupID  string              `json:"groupId,omitempty"`
}

// metadata is what the provider says about the message, and whether it is late: a
// webhook may be an old one that somebody sends again. It is applied all the same,
// because providers redeliver for days and repeats are harmless.
func (m *arrival) metadata(b *ingestBatch) map[string]string {
	md := m.in.Metadata
	if md == nil {
		md = map[string]string{}
	}
	if late := b.s.opts.LateAfter; late > 0 && !m.in.Historic && !m.in.At.IsZero() && b.now.Sub(m.in.At) > late {
		md["late"] = "true"
	}
	if m.in.From.Name != "" && md["profileName"] == "" {
		md["profileName"] = m.in.From.Name
	}
	return md
}

// announceArrivals appends the events of what storeMessages did.
func (b *ingestBatch) announceArrivals(renamed []*arrival) error {
	told := map[*thread]bool{}
	for _, m := range b.msgs {
		if t := m.thread; !told[t] && (t.isNew || t.reopened) {
			typ := "conversation.updated"
			if t.isNew {
				typ = "conversation.created"
			}
			if err := b.emit(typ, m.item, t.id, t.data()); err != nil {
				return err
			}
		}
		told[m.thread] = true
		typ := "message.received"
		if m.in.Echo {
			typ = "message.created"
		}
		if err := b.emit(typ, m.item, m.thread.id, m.data(b)); err != nil {
			return err
		}
	}
	for _, m := range renamed {
		p := m.party
		e, err := events.New(p.tenantID, "contact.updated", "", "", b.now, contactRef{p.contactID, m.thread.name, p.profileName})
		if err != nil {
			return err
		}
		b.events = append(b.events, e)
	}
	return nil
}
