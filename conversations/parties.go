package conversations

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/id"
	"github.com/nyaruka/phonenumbers"
)

// party is a person about to be found or made.
type party struct {
	tenantID, namespace string
	identities          []channels.Identity // the first decides if none is known
	profileName         string

	contactID string
	isNew     bool
}

// identityKey names an identity.
type identityKey struct{ tenantID, namespace, kind, value string }

func (p *party) key(i channels.Identity) identityKey {
	return identityKey{p.tenantID, p.namespace, string(i.Kind), i.Value}
}

func compareKeys(a, b identityKey) int {
	return cmp.Or(cmp.Compare(a.tenantID, b.tenantID), cmp.Compare(a.namespace, b.namespace),
		cmp.Compare(a.kind, b.kind), cmp.Compare(a.value, b.value))
}

// resolveParties finds the contact of each party by its identities, in their
// order, and makes contacts for those that have none. Identities are added to a
// contact but never moved: two contacts that turn out to share one are not merged.
func (s *Store) resolveParties(ctx context.Context, tx *db.Tx, now time.Time, parties []*party) error {
	found, err := s.lookUpIdentities(ctx, tx, parties)
	if err != nil {
		return err
	}
	fresh := map[identityKey]*party{}
	for _, p := range parties {
		if !p.take(found) {
			if k := p.key(p.identities[0]); fresh[k] == nil {
				fresh[k] = p
			}
		}
	}
	if len(fresh) > 0 {
		made, err := s.makeContacts(ctx, tx, now, fresh)
		if err != nil {
			return err
		}
		maps.Copy(found, made)
		for _, p := range parties {
			p.take(found)
		}
	}
	return addIdentities(ctx, tx, now, parties, found)
}

// take sets the contact of p from what is known, and reports whether it could.
func (p *party) take(found map[identityKey]string) bool {
	for _, i := range p.identities {
		if contactID, ok := found[p.key(i)]; ok {
			p.contactID = contactID
			return true
		}
	}
	return false
}

const selectIdentities = `
	WITH {{rows}} ` + db.ByKey + ` SELECT tenant_id, channel_type, kind, value, contact_id
	FROM (SELECT v.*, (SELECT i.contact_id FROM identities i WHERE i.tenant_id = v.tenant_id AND i.channel_type = v.channel_type
		AND i.kind = v.kind AND i.value = v.value) AS contact_id FROM v) k
	WHERE contact_id IS NOT NULL`

// lookUpIdentities returns the contacts of the identities that have one.
func (s *Store) lookUpIdentities(ctx context.Context, tx *db.Tx, parties []*party) (map[identityKey]string, error) {
	rows := db.NewRows("tenant_id text", "channel_type text", "kind text", "value text")
	found, asked := map[identityKey]string{}, map[identityKey]bool{}
	for _, p := range parties {
		for _, i := range p.identities {
			k := p.key(i)
			if asked[k] {
				continue
			}
			asked[k] = true
			if contactID, ok := s.owners.get(k); ok {
				found[k] = contactID
				continue
			}
			rows.Add(k.tenantID, k.namespace, k.kind, k.value)
		}
	}
	err := tx.QueryRows(ctx, selectIdentities, rows, func(r *sql.Rows) error {
		var k identityKey
		var contactID string
		err := r.Scan(&k.tenantID, &k.namespace, &k.kind, &k.value, &contactID)
		found[k] = contactID
		s.learnOwner(tx, k, contactID)
		return err
	})
	return found, err
}

// upsertIdentities returns the contact that owns each identity after it: the one
// given, or that of another node which was quicker.
const upsertIdentities = `
	WITH {{rows}} INSERT INTO identities (tenant_id, channel_type, kind, value, contact_id, raw, created_at)
	SELECT tenant_id, channel_type, kind, value, contact_id, raw, at FROM v WHERE true
	ON CONFLICT (tenant_id, channel_type, kind, value) DO UPDATE SET raw = identities.raw
	RETURNING tenant_id, channel_type, kind, value, contact_id`

const insertContacts = `
	WITH {{rows}} INSERT INTO contacts (id, tenant_id, profile_name, country, created_at, updated_at)
	SELECT id, tenant_id, profile_name, country, at, at FROM v`

func (s *Store) makeContacts(ctx context.Context, tx *db.Tx, now time.Time, fresh map[identityKey]*party) (map[identityKey]string, error) {
	rows := db.NewRows("tenant_id text", "channel_type text", "kind text", "value text", "contact_id text", "raw text", "at bigint")
	for _, k := range slices.SortedFunc(maps.Keys(fresh), compareKeys) {
		p := fresh[k]
		p.contactID = id.New(id.Contact)
		rows.Add(k.tenantID, k.namespace, k.kind, k.value, p.contactID, p.identities[0].Raw, db.Micros(now))
	}
	contacts := db.NewRows("id text", "tenant_id text", "profile_name text", "country text", "at bigint")
	made := map[identityKey]string{}
	err := tx.QueryRows(ctx, upsertIdentities, rows, func(r *sql.Rows) error {
		var k identityKey
		var contactID string
		if err := r.Scan(&k.tenantID, &k.namespace, &k.kind, &k.value, &contactID); err != nil {
			return err
		}
		p := fresh[k]
		if p.isNew = contactID == p.contactID; p.isNew {
			contacts.Add(contactID, k.tenantID, p.profileName, countryOf(p.identities), db.Micros(now))
		}
		made[k] = contactID
		s.learnOwner(tx, k, contactID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecRows(ctx, insertContacts, contacts)
	return made, err
}

const addIdentityRows = `
	WITH {{rows}} INSERT INTO identities (tenant_id, channel_type, kind, value, contact_id, raw, created_at)
	SELECT tenant_id, channel_type, kind, value, contact_id, raw, at FROM v WHERE true
	ON CONFLICT (tenant_id, channel_type, kind, value) DO NOTHING`

// addIdentities gives each contact the identities of its party that nobody has.
func addIdentities(ctx context.Context, tx *db.Tx, now time.Time, parties []*party, found map[identityKey]string) error {
	missing := map[identityKey][2]string{}
	for _, p := range parties {
		for _, i := range p.identities {
			if k := p.key(i); found[k] == "" {
				missing[k] = [2]string{p.contactID, i.Raw}
			}
		}
	}
	rows := db.NewRows("tenant_id text", "channel_type text", "kind text", "value text", "contact_id text", "raw text", "at bigint")
	for _, k := range slices.SortedFunc(maps.Keys(missing), compareKeys) {
		rows.Add(k.tenantID, k.namespace, k.kind, k.value, missing[k][0], missing[k][1], db.Micros(now))
	}
	_, err := tx.ExecRows(ctx, addIdentityRows, rows)
	return err
}

const updateProfiles = `
	WITH {{rows}} UPDATE contacts SET profile_name = v.name, updated_at = v.at FROM v WHERE contacts.id = v.id`

// updateProfileNames stores the names that people changed and returns the messages
// that told.
func (b *ingestBatch) updateProfileNames(ctx context.Context) ([]*arrival, error) {
	newest := map[string]*arrival{}
	for _, m := range b.msgs {
		if p := m.party; p.profileName != "" && !p.isNew {
			newest[p.contactID] = m
		}
	}
	rows := db.NewRows("id text", "name text", "at bigint")
	var changed []*arrival
	for _, contactID := range slices.Sorted(maps.Keys(newest)) {
		if m := newest[contactID]; m.party.profileName != m.thread.profileName {
			changed = append(changed, m)
			rows.Add(contactID, m.party.profileName, db.Micros(b.now))
		}
	}
	_, err := b.tx.ExecRows(ctx, updateProfiles, rows)
	return changed, err
}

// countryOf returns the ISO code of the first phone number, or "".
func countryOf(identities []channels.Identity) string {
	for _, i := range identities {
		if i.Kind != channels.IdentityPhone {
			continue
		}
		n, err := phonenumbers.Parse(i.Value, "")
		if err != nil {
			return ""
		}
		if region := phonenumbers.GetRegionCodeForNumber(n); region != "ZZ" {
			return region
		}
		return ""
	}
	return ""
}

// address is how a party is shown: its phone number, else its first identity.
func address(identities []channels.Identity) string {
	for _, i := range identities {
		if i.Kind == channels.IdentityPhone {
			return i.Value
		}
	}
	if len(identities) > 0 {
		return identities[0].Value
	}
	return ""
}

// recipientIdentities are the identities that a send names.
func recipientIdentities(to channels.Recipient, raw string) []channels.Identity {
	var ids []channels.Identity
	add := func(kind channels.IdentityKind, value string) {
		if value != "" {
			ids = append(ids, channels.Identity{Kind: kind, Value: value, Raw: raw})
		}
	}
	add(channels.IdentityPhone, to.Phone)
	add(channels.IdentityUserID, to.UserID)
	add(channels.IdentityGroup, to.GroupID)
	return ids
}

func parseJSON(text string, v any) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), v)
}
