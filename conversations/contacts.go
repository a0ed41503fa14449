package conversations

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
)

const contactColumns = `id, tenant_id, name, profile_name, country, attributes, created_at, updated_at`

func scanContact(row scanner) (c Contact, err error) {
	var attributes string
	var created, updated int64
	err = row.Scan(&c.ID, &c.TenantID, &c.Name, &c.ProfileName, &c.Country, &attributes, &created, &updated)
	c.Attributes, c.CreatedAt, c.UpdatedAt = json.RawMessage(attributes), db.Time(created), db.Time(updated)
	return c, err
}

// GetContact returns a contact with its identities, or a not_found fault.
func (s *Store) GetContact(ctx context.Context, tenantID, contactID string) (Contact, error) {
	c, err := scanContact(s.db.QueryRowContext(ctx, `SELECT `+contactColumns+` FROM contacts WHERE tenant_id = $1 AND id = $2`, tenantID, contactID))
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.Missing("contact")
	}
	if err != nil {
		return c, fmt.Errorf("get contact %s: %w", contactID, err)
	}
	list := []Contact{c}
	err = s.loadIdentities(ctx, list)
	return list[0], err
}

// ContactFilter selects contacts; empty fields select all.
type ContactFilter struct {
	Q          string   // the beginning of a name or an address, whatever its case
	ChannelIDs []string // with a conversation on any of these; for keys bound to channels
}

// met selects contacts with a conversation on one of the channels.
func (w *where) met(channelIDs []string) {
	if len(channelIDs) == 0 {
		return
	}
	w.sql += ` AND EXISTS (SELECT 1 FROM conversations c WHERE c.contact_id = contacts.id`
	w.in("c.channel_id", channelIDs)
	w.sql += `)`
}

// CheckContact returns a not_found fault for a contact that f does not select by its
// channels.
func (s *Store) CheckContact(ctx context.Context, tenantID, contactID string, f ContactFilter) error {
	w := where{args: []any{tenantID, contactID}, sql: ` WHERE tenant_id = $1 AND id = $2`}
	w.met(f.ChannelIDs)
	var found string
	err := s.db.GetContext(ctx, &found, `SELECT id FROM contacts`+w.sql, w.args...)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Missing("contact")
	}
	if err != nil {
		return fmt.Errorf("check contact %s: %w", contactID, err)
	}
	return nil
}

// ListContacts returns up to limit contacts with ids below before, newest first.
func (s *Store) ListContacts(ctx context.Context, tenantID string, f ContactFilter, before string, limit int) ([]Contact, error) {
	w := where{args: []any{tenantID}, sql: ` WHERE tenant_id = $1`}
	if before != "" {
		w.add("id < ", before)
	}
	if f.Q != "" {
		w.beginning(s.db.Dialect, strings.ToLower(f.Q))
	}
	w.met(f.ChannelIDs)
	w.args = append(w.args, limit)
	rows, err := s.db.QueryContext(ctx, `SELECT `+contactColumns+` FROM contacts`+w.sql+fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(w.args)), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list contacts: %w", err)
	}
	defer rows.Close()
	var list []Contact
	for rows.Next() {
		c, err := scanContact(rows)
		if err != nil {
			return nil, fmt.Errorf("list contacts: %w", err)
		}
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, s.loadIdentities(ctx, list)
}

// beginning selects contacts with a name or an address that begins with q. These
// are ranges, each with an index of its own; LIKE would have none in SQLite.
func (w *where) beginning(d db.Dialect, q string) {
	const last = "\U0010FFFF" // sorts after whatever may follow q
	w.args = append(w.args, q, q+last)
	within := func(column string) string {
		return fmt.Sprintf(`lower(%[1]s)%[2]s >= $%[3]d AND lower(%[1]s)%[2]s < $%[4]d`, column, d.Bytewise(), len(w.args)-1, len(w.args))
	}
	w.sql += ` AND id IN (SELECT id FROM contacts WHERE tenant_id = $1 AND name <> '' AND ` + within("name") +
		` UNION SELECT id FROM contacts WHERE tenant_id = $1 AND profile_name <> '' AND ` + within("profile_name") +
		` UNION SELECT contact_id FROM identities WHERE tenant_id = $1 AND ` + within("value") + `)`
}

func (s *Store) loadIdentities(ctx context.Context, list []Contact) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]string, len(list))
	at := map[string]*Contact{}
	for i := range list {
		list[i].Identities = []ContactIdentity{}
		ids[i], at[list[i].ID] = list[i].ID, &list[i]
	}
	w := where{args: []any{list[0].TenantID}, sql: ` WHERE ` + besides("tenant_id") + ` = $1`}
	w.in("contact_id", ids)
	rows, err := s.db.QueryContext(ctx, `SELECT contact_id, channel_type, kind, value, raw, created_at FROM identities`+w.sql+` ORDER BY created_at, kind, value`, w.args...)
	if err != nil {
		return fmt.Errorf("identities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var contactID string
		var i ContactIdentity
		var created int64
		if err := rows.Scan(&contactID, &i.ChannelType, &i.Kind, &i.Value, &i.Raw, &created); err != nil {
			return err
		}
		i.CreatedAt = db.Time(created)
		at[contactID].Identities = append(at[contactID].Identities, i)
	}
	return rows.Err()
}

// ContactDraft is a contact about to be made.
type ContactDraft struct {
	Name       string
	Attributes json.RawMessage // a JSON object; nil = {}
	Identity   string          // namespace of the identities
	Identities []channels.Identity
}

// CreateContact stores a contact. An identity that another contact has is a
// conflict: contacts are never merged silently.
func (s *Store) CreateContact(ctx context.Context, tenantID string, d ContactDraft) (Contact, error) {
	now := s.opts.Now()
	contactID := id.New(id.Contact)
	attributes := "{}"
	if d.Attributes != nil {
		attributes = string(d.Attributes)
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO contacts (id, tenant_id, name, country, attributes, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $6)`, contactID, tenantID, d.Name, countryOf(d.Identities), attributes, db.Micros(now)); err != nil {
			return err
		}
		for _, i := range d.Identities {
			if _, err := tx.ExecContext(ctx, `INSERT INTO identities (tenant_id, channel_type, kind, value, contact_id, raw, created_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7)`, tenantID, d.Identity, string(i.Kind), i.Value, contactID, i.Raw, db.Micros(now)); err != nil {
				return err
			}
		}
		e, err := events.New(tenantID, "contact.created", "", "", now, contactRef{ID: contactID, Name: d.Name})
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
	if db.IsUnique(err) {
		return Contact{}, fault.New(fault.Conflict, "identity_taken", "One of these addresses belongs to another contact.")
	}
	if err != nil {
		return Contact{}, fmt.Errorf("create contact: %w", err)
	}
	return s.GetContact(ctx, tenantID, contactID)
}

// ContactPatch changes a contact; nil leaves a field alone.
type ContactPatch struct {
	Name       *string
	Attributes json.RawMessage
}

// UpdateContact applies p and returns the contact as it is then.
func (s *Store) UpdateContact(ctx context.Context, tenantID, contactID string, p ContactPatch) (Contact, error) {
	now := s.opts.Now()
	err := s.inTx(ctx, func(tx *db.Tx) error {
		c, err := scanContact(tx.QueryRowContext(ctx, `SELECT `+contactColumns+` FROM contacts WHERE tenant_id = $1 AND id = $2`+
			tx.ForUpdate("contacts"), tenantID, contactID))
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("contact")
		}
		if err != nil {
			return err
		}
		if p.Name != nil {
			c.Name = *p.Name
		}
		if p.Attributes != nil {
			c.Attributes = p.Attributes
		}
		if _, err := tx.ExecContext(ctx, `UPDATE contacts SET name = $1, attributes = $2, updated_at = $3 WHERE tenant_id = $4 AND id = $5`,
			c.Name, string(c.Attributes), db.Micros(now), tenantID, contactID); err != nil {
			return err
		}
		e, err := events.New(tenantID, "contact.updated", "", "", now, contactRef{ID: contactID, Name: c.Name, ProfileName: c.ProfileName})
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
	if err != nil {
		return Contact{}, fmt.Errorf("update contact %s: %w", contactID, err)
	}
	return s.GetContact(ctx, tenantID, contactID)
}
