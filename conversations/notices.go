package conversations

import (
	"context"
	"fmt"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
)

// notice is one change that is neither a message nor a status.
type notice struct {
	item      *ingestItem
	event     *channels.Event
	party     *party
	contactID string
}

// applyChanges stores what changes say about templates, limits and contacts, and
// passes every one of them on as an event.
func (b *ingestBatch) applyChanges(ctx context.Context) error {
	if len(b.changes) == 0 {
		return nil
	}
	if err := b.updateTemplates(ctx); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	if err := b.updateThroughput(ctx); err != nil {
		return fmt.Errorf("throughput: %w", err)
	}
	if err := b.updateContacts(ctx); err != nil {
		return fmt.Errorf("contacts: %w", err)
	}
	for _, n := range b.changes {
		c := n.event.Change
		at := c.At
		if at.IsZero() {
			at = b.now
		}
		err := b.emit(c.Type, n.item, "", changeData{
			ChannelID: n.item.ChannelID, ChannelType: n.item.ChannelType, Field: c.Field, Timestamp: stamp(at), Summary: c.Summary,
			Severity: c.Severity, Template: c.Template, Limit: c.Limit, Identity: c.Identity, Optout: c.Optout,
			ContactID: n.contactID, Raw: n.event.Raw,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *ingestBatch) updateTemplates(ctx context.Context) error {
	rows := db.NewRows("channel_id text", "name text", "language text", "status text", "quality text", "category text", "reason text", "at bigint")
	for _, n := range b.changes {
		if t := n.event.Change.Template; t != nil {
			rows.Add(n.item.ChannelID, t.Name, t.Language, t.Status, t.Quality, t.Category, t.Reason, db.Micros(b.now))
		}
	}
	_, err := b.tx.ExecRows(ctx, `
		WITH {{rows}} UPDATE templates SET
			status = CASE WHEN v.status <> '' THEN v.status ELSE templates.status END,
			quality = CASE WHEN v.quality <> '' THEN v.quality ELSE templates.quality END,
			category = CASE WHEN v.category <> '' THEN v.category ELSE templates.category END,
			rejected_reason = CASE WHEN v.status <> '' THEN v.reason ELSE templates.rejected_reason END,
			updated_at = v.at
		FROM v WHERE templates.channel_id = v.channel_id AND templates.name = v.name
			AND replace(templates.language, '-', '_') = replace(v.language, '-', '_')`, rows)
	return err
}

// updateThroughput follows the provider: an account that was upgraded may send
// faster from now on.
func (b *ingestBatch) updateThroughput(ctx context.Context) error {
	for _, n := range b.changes {
		l := n.event.Change.Limit
		if l == nil || l.Throughput <= 0 {
			continue
		}
		if _, err := b.tx.ExecContext(ctx, `UPDATE channels SET throughput = $1, version = version + 1, updated_at = $2 WHERE id = $3`,
			l.Throughput, db.Micros(b.now), n.item.ChannelID); err != nil {
			return err
		}
	}
	return nil
}

// updateContacts keeps opt-outs, and gives a contact the new address that its
// provider announces.
func (b *ingestBatch) updateContacts(ctx context.Context) error {
	var parties []*party
	for _, n := range b.changes {
		var ids []channels.Identity
		switch c := n.event.Change; {
		case c.Optout != nil:
			ids = c.Optout.Party.Identities
		case c.Identity != nil && c.Identity.Old.Value != "" && c.Identity.New.Value != "":
			ids = []channels.Identity{c.Identity.Old, c.Identity.New}
		}
		if len(ids) > 0 {
			n.party = &party{tenantID: n.item.TenantID, namespace: n.item.Identity, identities: ids}
			parties = append(parties, n.party)
		}
	}
	if len(parties) == 0 {
		return nil
	}
	if err := b.s.resolveParties(ctx, b.tx, b.now, parties); err != nil {
		return err
	}
	rows := map[[3]string]*notice{} // one row may be written once a statement: the last word counts
	for _, n := range b.changes {
		if n.party == nil {
			continue
		}
		n.contactID = n.party.contactID
		if o := n.event.Change.Optout; o != nil {
			rows[[3]string{n.contactID, n.item.ChannelID, o.Category}] = n
		}
	}
	optouts := db.NewRows("tenant_id text", "contact_id text", "channel_id text", "category text", "stopped boolean", "at bigint")
	for k, n := range rows {
		optouts.Add(n.item.TenantID, k[0], k[1], k[2], n.event.Change.Optout.Stopped, db.Micros(b.now))
	}
	_, err := b.tx.ExecRows(ctx, `
		WITH {{rows}} INSERT INTO optouts (tenant_id, contact_id, channel_id, category, stopped, at)
		SELECT tenant_id, contact_id, channel_id, category, stopped, at FROM v WHERE true
		ON CONFLICT (contact_id, channel_id, category) DO UPDATE SET stopped = excluded.stopped, at = excluded.at`, optouts)
	return err
}
