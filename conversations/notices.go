package conversations

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

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
	if err := b.dropKnownChanges(ctx); err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	if len(b.changes) == 0 {
		return nil
	}
	if err := b.updateTemplates(ctx); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	if err := b.updateLimits(ctx); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	if err := b.updateContacts(ctx); err != nil {
		return fmt.Errorf("contacts: %w", err)
	}
	for _, n := range b.changes {
		c := n.event.Change
		err := b.emit(c.Type, n.item, "", changeData{
			ChannelID: n.item.ChannelID, ChannelType: n.item.ChannelType, Field: c.Field, Timestamp: stamp(n.at(b.now)), Summary: c.Summary,
			Severity: c.Severity, Template: c.Template, Limit: c.Limit, Identity: c.Identity, Optout: c.Optout,
			ContactID: n.contactID, Raw: n.event.Raw,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// updateTemplates follows what is said about templates, the newest of each kind
// of news. A status that was announced before the one we have changes nothing.
func (b *ingestBatch) updateTemplates(ctx context.Context) error {
	type key struct{ channelID, name, language string }
	type news struct {
		channels.TemplateChange
		said int64
	}
	merged := map[key]*news{}
	for _, n := range slices.SortedStableFunc(slices.Values(b.changes), func(x, y *notice) int { return x.at(b.now).Compare(y.at(b.now)) }) {
		t := n.event.Change.Template
		if t == nil {
			continue
		}
		k := key{n.item.ChannelID, t.Name, strings.ReplaceAll(t.Language, "-", "_")}
		if merged[k] == nil {
			merged[k] = &news{}
		}
		m := merged[k]
		if t.Status != "" {
			m.Status, m.Reason, m.said = t.Status, t.Reason, db.Micros(n.at(b.now))
		}
		m.Quality, m.Category = cmp.Or(t.Quality, m.Quality), cmp.Or(t.Category, m.Category)
	}
	rows := db.NewRows("channel_id text", "name text", "language text", "status text", "quality text", "category text", "reason text", "at bigint", "said bigint")
	for k, m := range merged {
		rows.Add(k.channelID, k.name, k.language, m.Status, m.Quality, m.Category, m.Reason, db.Micros(b.now), m.said)
	}
	_, err := b.tx.ExecRows(ctx, `
		WITH {{rows}} UPDATE templates SET
			status = CASE WHEN v.said >= templates.changed_at AND v.status <> '' THEN v.status ELSE templates.status END,
			rejected_reason = CASE WHEN v.said >= templates.changed_at AND v.status <> '' THEN v.reason ELSE templates.rejected_reason END,
			paused_until = CASE WHEN v.said >= templates.changed_at AND v.status NOT IN ('', templates.status) THEN 0 ELSE templates.paused_until END,
			changed_at = CASE WHEN v.said >= templates.changed_at THEN v.said ELSE templates.changed_at END,
			quality = CASE WHEN v.quality <> '' THEN v.quality ELSE templates.quality END,
			category = CASE WHEN v.category <> '' THEN v.category ELSE templates.category END,
			updated_at = v.at
		FROM v WHERE templates.channel_id = v.channel_id AND templates.name = v.name
			AND replace(templates.language, '-', '_') = v.language`, rows)
	return err
}

// updateLimits follows the provider: an account that was upgraded may send faster,
// or to more people, from now on; one that was lowered may not.
func (b *ingestBatch) updateLimits(ctx context.Context) error {
	for _, n := range b.changes {
		l := n.event.Change.Limit
		if l == nil {
			continue
		}
		if l.Throughput > 0 {
			if _, err := b.tx.ExecContext(ctx, `UPDATE channels SET throughput = $1, version = version + 1, updated_at = $2 WHERE id = $3`,
				l.Throughput, db.Micros(b.now), n.item.ChannelID); err != nil {
				return err
			}
		}
		if l.Recipients == 0 {
			continue
		}
		var portfolio string
		if err := b.tx.GetContext(ctx, &portfolio, `SELECT portfolio FROM channels WHERE id = $1`, n.item.ChannelID); err != nil {
			return err
		}
		news, err := setTier(ctx, b.tx, b.now, n.item.TenantID, n.item.ChannelID, TierScope(n.item.TenantID, n.item.ChannelID, portfolio),
			l.Tier, int64(l.Recipients), "provider")
		if err != nil {
			return err
		}
		b.events = append(b.events, news...)
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
		optouts.Add(n.item.TenantID, k[0], k[1], k[2], n.event.Change.Optout.Stopped, db.Micros(n.at(b.now)))
	}
	_, err := b.tx.ExecRows(ctx, `
		WITH {{rows}} INSERT INTO optouts (tenant_id, contact_id, channel_id, category, stopped, at)
		SELECT tenant_id, contact_id, channel_id, category, stopped, at FROM v WHERE true
		ON CONFLICT (contact_id, channel_id, category) DO UPDATE SET stopped = excluded.stopped, at = excluded.at
		WHERE excluded.at >= optouts.at`, optouts)
	return err
}
