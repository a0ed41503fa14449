package conversations

import (
	"context"
	"database/sql"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
)

const selectReferenced = `
	WITH {{rows}}
	SELECT v.channel_id, v.provider_id, m.id FROM v
	JOIN messages m ON m.channel_id = v.channel_id AND m.provider_message_id = v.provider_id
	UNION
	SELECT v.channel_id, v.provider_id, m.id FROM v
	JOIN messages m ON m.channel_id = v.channel_id AND m.alt_provider_id = v.provider_id`

// resolveReferences finds our ids of the messages that arrivals reply to, react
// to, edit or delete. One that we do not have keeps the provider's id.
func (b *ingestBatch) resolveReferences(ctx context.Context) error {
	rows := db.NewRows("channel_id text", "provider_id text")
	asked := map[providerKey]bool{}
	for _, m := range b.msgs {
		for _, ref := range referred(m.in) {
			if k := (providerKey{m.item.ChannelID, ref}); !asked[k] {
				asked[k] = true
				rows.Add(k.channelID, k.providerID)
			}
		}
	}
	ours := map[providerKey]string{}
	for _, m := range b.msgs { // a reply may come in the same batch as what it replies to
		ours[providerKey{m.item.ChannelID, m.in.ProviderID}] = m.id
	}
	err := b.tx.QueryRows(ctx, selectReferenced, rows, func(r *sql.Rows) error {
		var k providerKey
		var messageID string
		if err := r.Scan(&k.channelID, &k.providerID, &messageID); err != nil {
			return err
		}
		ours[k] = messageID
		return nil
	})
	if err != nil {
		return err
	}
	b.deleted = db.NewRows("id text", "at bigint")
	for _, m := range b.msgs {
		find := func(ref string) string { return ours[providerKey{m.item.ChannelID, ref}] }
		if c := m.in.Context; c != nil && c.MessageID != "" {
			m.replyToID, c.ProviderMessageID = find(c.MessageID), c.MessageID
		}
		if r := m.in.Content.Reaction; r != nil {
			r.ProviderMessageID = r.MessageID
			if ours := find(r.MessageID); ours != "" {
				m.replyToID, r.MessageID = ours, ours
			}
		}
		if sys := m.in.Content.System; sys != nil {
			sys.ProviderMessageID = sys.MessageID
			if ours := find(sys.MessageID); ours != "" {
				m.replyToID, sys.MessageID = ours, ours
				if sys.Kind == "message_deleted" {
					b.deleted.Add(ours, db.Micros(b.now))
				}
			}
		}
	}
	return nil
}

// markDeleted flags the messages that customers deleted, once all of the batch are
// stored: one may come with its deletion.
func (b *ingestBatch) markDeleted(ctx context.Context) error {
	if b.deleted == nil {
		return nil
	}
	_, err := b.tx.ExecRows(ctx, `WITH {{rows}} UPDATE messages SET deleted_at = v.at, updated_at = v.at FROM v
		WHERE messages.id = v.id AND messages.deleted_at IS NULL`, b.deleted)
	return err
}

// referred lists the provider's ids that a message points at.
func referred(in *channels.Inbound) (ids []string) {
	add := func(id string) {
		if id != "" {
			ids = append(ids, id)
		}
	}
	if in.Context != nil {
		add(in.Context.MessageID)
	}
	if in.Content.Reaction != nil {
		add(in.Content.Reaction.MessageID)
	}
	if in.Content.System != nil {
		add(in.Content.System.MessageID)
	}
	return ids
}

// workingCopy returns in with copies of everything that is changed on the way into
// the tables: a transaction that runs again must find the message as it came.
func workingCopy(in *channels.Inbound) *channels.Inbound {
	c := *in
	if part := c.Content.MediaPart(); part != nil {
		file := *part
		c.Content = withMedia(c.Content, &file)
	}
	if c.Content.Reaction != nil {
		reaction := *c.Content.Reaction
		c.Content.Reaction = &reaction
	}
	if c.Content.System != nil {
		notice := *c.Content.System
		c.Content.System = &notice
	}
	if c.Context != nil {
		quoted := *c.Context
		c.Context = &quoted
	}
	return &c
}
