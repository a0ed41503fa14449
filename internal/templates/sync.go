package templates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
	"github.com/linktor/linktor/internal/registry"
)

// Synced says what a Sync did.
type Synced struct{ Added, Changed, Removed, Total int }

// Sync makes the channel's rows equal to the provider's list. A provider without
// a list is asked about each template that we know; it can have more.
func (s *Store) Sync(ctx context.Context, o *registry.Open) (Synced, error) {
	provider, ok := o.Account.(channels.Templater)
	if !ok {
		return Synced{}, channels.ErrUnsupported
	}
	known, err := s.List(ctx, o.TenantID, o.ID, Filter{Limit: maxTemplates})
	if err != nil {
		return Synced{}, err
	}
	list, err := provider.ListTemplates(ctx)
	complete := err == nil
	if errors.Is(err, channels.ErrUnsupported) {
		list, err = askEach(ctx, provider, known)
	}
	if err != nil {
		return Synced{}, fmt.Errorf("list the provider's templates: %w", err)
	}
	var done Synced
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		done, err = s.replace(ctx, tx, o, known, list, complete)
		return err
	})
	if err != nil {
		return Synced{}, fmt.Errorf("sync templates of channel %s: %w", o.ID, err)
	}
	return done, nil
}

// maxTemplates bounds the templates of one channel. Source: Meta, Message
// templates, "up to 6,000 templates" per verified account, times languages.
const maxTemplates = 60_000

func askEach(ctx context.Context, provider channels.Templater, known []Template) (list []channels.Template, err error) {
	for _, t := range known {
		if t.ProviderID == "" {
			continue
		}
		fresh, err := provider.GetTemplate(ctx, t.ProviderID)
		if err != nil {
			return nil, err
		}
		if fresh.Name == "" {
			fresh.Name, fresh.Language = t.Name, t.Language
		}
		list = append(list, fresh)
	}
	return list, nil
}

type nameKey struct{ name, language string }

// replace writes the provider's list over what we know, with events for changes
// of status. Rows that the list lacks are removed if it is complete.
func (s *Store) replace(ctx context.Context, tx *db.Tx, o *registry.Open, known []Template, list []channels.Template, complete bool) (Synced, error) {
	before := map[nameKey]Template{}
	for _, t := range known {
		before[nameKey{t.Name, t.Language}] = t
	}
	done := Synced{}
	var changes []events.Event
	for _, t := range list {
		key := nameKey{t.Name, t.Language}
		old, had := before[key]
		delete(before, key)
		done.Total++
		switch {
		case !had:
			done.Added++
		case !equal(old.Template, t):
			done.Changed++
		}
		if had && old.Status != t.Status {
			e, err := s.statusEvent(o, t)
			if err != nil {
				return done, err
			}
			changes = append(changes, e)
		}
		if _, err := s.upsert(ctx, tx, o, t, complete); err != nil {
			return done, err
		}
	}
	if complete {
		for _, gone := range before {
			if _, err := tx.ExecContext(ctx, `DELETE FROM templates WHERE id = $1`, gone.ID); err != nil {
				return done, err
			}
			done.Removed++
		}
	}
	return done, events.Append(ctx, tx, changes)
}

func equal(a, b channels.Template) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// upsert writes one template and returns its row.
func (s *Store) upsert(ctx context.Context, tx *db.Tx, o *registry.Open, t channels.Template, listed bool) (Template, error) {
	now := db.Micros(s.now())
	synced := int64(0)
	if listed {
		synced = now
	}
	components := string(t.Components)
	if components == "" {
		components = "[]"
	}
	var r row
	err := tx.GetContext(ctx, &r, `
		INSERT INTO templates (id, tenant_id, channel_id, provider_id, name, language, category, status, quality,
			rejected_reason, parameter_format, ttl_seconds, components, created_at, updated_at, synced_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)
		ON CONFLICT (channel_id, name, language) DO UPDATE SET provider_id = excluded.provider_id, category = excluded.category,
			status = excluded.status, quality = excluded.quality, rejected_reason = excluded.rejected_reason,
			parameter_format = excluded.parameter_format, ttl_seconds = excluded.ttl_seconds, components = excluded.components,
			paused_until = CASE WHEN excluded.status <> templates.status THEN 0 ELSE templates.paused_until END,
			updated_at = excluded.updated_at, synced_at = CASE WHEN excluded.synced_at > 0 THEN excluded.synced_at ELSE templates.synced_at END
		RETURNING id, tenant_id, channel_id, provider_id, name, language, category, status, quality, rejected_reason,
			parameter_format, ttl_seconds, components, created_at, updated_at, synced_at`,
		id.New(id.Template), o.TenantID, o.ID, t.ProviderID, t.Name, t.Language, t.Category, t.Status, t.Quality,
		t.RejectedReason, t.ParameterFormat, t.TTLSeconds, components, now, synced)
	return r.template(), err
}

// statusData is the data of a template.status event that does not come from a
// provider's webhook; its members are a subset of that one's.
type statusData struct {
	ChannelID   string                  `json:"channelId"`
	ChannelType string                  `json:"channelType"`
	Template    channels.TemplateChange `json:"template"`
}

func (s *Store) statusEvent(o *registry.Open, t channels.Template) (events.Event, error) {
	return events.New(o.TenantID, "template.status", o.ID, "", s.now(), statusData{o.ID, o.Type, channels.TemplateChange{
		ProviderID: t.ProviderID, Name: t.Name, Language: t.Language, Status: t.Status, Quality: t.Quality,
		Category: t.Category, Reason: t.RejectedReason,
	}})
}

// Create makes a template at the provider, then here. If the second step fails,
// the next Sync repairs it.
func (s *Store) Create(ctx context.Context, o *registry.Open, t channels.Template) (Template, error) {
	provider, ok := o.Account.(channels.Templater)
	if !ok {
		return Template{}, channels.ErrUnsupported
	}
	if _, err := s.one(ctx, selectTemplates+` AND name = $3 AND language = $4`, o.TenantID, o.ID, t.Name, t.Language); err == nil {
		return Template{}, fault.New(fault.Conflict, "template_exists", "The channel has a template of this name and language. Edit it instead.")
	} else if fault.KindOf(err) != fault.NotFound {
		return Template{}, err
	}
	made, err := provider.CreateTemplate(ctx, t)
	if err != nil {
		return Template{}, fmt.Errorf("create template: %w", err)
	}
	return s.keep(ctx, o, complete(made, t))
}

// complete fills what a provider's answer leaves out from what was asked for.
func complete(got, asked channels.Template) channels.Template {
	asked.ProviderID = got.ProviderID
	asked.Status, asked.Quality, asked.RejectedReason = got.Status, got.Quality, got.RejectedReason
	if got.Category != "" {
		asked.Category = got.Category
	}
	if asked.Status == "" {
		asked.Status = "PENDING"
	}
	return asked
}

func (s *Store) keep(ctx context.Context, o *registry.Open, t channels.Template) (kept Template, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if kept, err = s.upsert(ctx, tx, o, t, false); err != nil {
			return err
		}
		e, err := s.statusEvent(o, t)
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
	if err != nil {
		return Template{}, fmt.Errorf("store template: %w", err)
	}
	return kept, nil
}

// Edit changes a template at the provider, which reviews it again, then here. Nil
// arguments stay.
func (s *Store) Edit(ctx context.Context, o *registry.Open, templateID string, category *string, ttl *int, components json.RawMessage) (Template, error) {
	provider, ok := o.Account.(channels.Templater)
	if !ok {
		return Template{}, channels.ErrUnsupported
	}
	old, err := s.Get(ctx, o.TenantID, o.ID, templateID)
	if err != nil {
		return Template{}, err
	}
	t := old.Template
	if category != nil {
		t.Category = *category
	}
	if ttl != nil {
		t.TTLSeconds = *ttl
	}
	if components != nil {
		t.Components = components
	}
	if err := provider.EditTemplate(ctx, t); err != nil {
		return Template{}, fmt.Errorf("edit template %s: %w", templateID, err)
	}
	t.Status, t.RejectedReason = "PENDING", ""
	if fresh, err := provider.GetTemplate(ctx, t.ProviderID); err == nil { // else the webhook will tell
		t = complete(fresh, t)
	}
	return s.keep(ctx, o, t)
}

// Delete removes a template at the provider, then here.
func (s *Store) Delete(ctx context.Context, o *registry.Open, templateID string) error {
	provider, ok := o.Account.(channels.Templater)
	if !ok {
		return channels.ErrUnsupported
	}
	t, err := s.Get(ctx, o.TenantID, o.ID, templateID)
	if err != nil {
		return err
	}
	if err := provider.DeleteTemplate(ctx, t.Template); err != nil {
		return fmt.Errorf("delete template %s: %w", templateID, err)
	}
	if _, err := s.db.Exec(ctx, `DELETE FROM templates WHERE tenant_id = $1 AND id = $2`, o.TenantID, templateID); err != nil {
		return fmt.Errorf("delete template %s: %w", templateID, err)
	}
	return nil
}
