package conversations

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// refusal is what a provider said about more than one message: a template, or
// marketing to a person or at all. It comes as the answer to a call or in a report.
type refusal struct {
	tenantID, channelID, contactID, messageID string

	template *channels.TemplateUse // that was sent; nil: see the message's content
	scope    channels.Scope
	final    bool // its class is: the template is gone, the person is not to be written to
	title    string
	action   string
	wait     time.Duration // that the provider or its table names; 0: none
}

const (
	// personPause is how long a person gets no marketing after the provider held a
	// message back for their sake. Source: Meta, error 131049: "wait at least 24
	// hours".
	personPause = 24 * time.Hour
	// marketingPause is how long a channel sends no marketing after a complaint that
	// names no time.
	marketingPause = time.Hour
	// templatePause is Meta's first pause of a template. Source: Meta, "Template
	// pausing": 3 hours, then 6, then disabled.
	templatePause = 3 * time.Hour
)

// refusalsOf lists what the outcomes of attempts say.
func refusalsOf(items []*recordItem) (list []refusal) {
	for _, it := range items {
		if it.Err == nil || it.Err.Scope != channels.ScopeTemplate && it.Err.Scope != channels.ScopeMarketing {
			continue
		}
		list = append(list, refusal{it.Claim.TenantID, it.Claim.ChannelID, it.Claim.ContactID, it.Claim.MessageID,
			it.Claim.Out.Content.Template, it.Err.Scope, it.Err.Class.Final(), it.Err.Title, it.Err.Action, it.Err.RetryAfter})
	}
	return list
}

// refused is what a report says about m.
func refused(m *sentMessage, e *channels.ProviderError) (r refusal, ok bool) {
	if e == nil || e.Scope != channels.ScopeTemplate && e.Scope != channels.ScopeMarketing {
		return refusal{}, false
	}
	r = refusal{m.tenantID, m.channelID, m.contactID, m.id, nil, e.Scope, e.Class.Final(), e.Title, e.Action, 0}
	if m.usedFallback {
		if d, err := m.policy(); err == nil && d.Fallback != nil {
			r.template = d.Fallback.Content.Template
		}
	}
	return r, true
}

// keepRefusals does what refusals say about later messages, and announces it: once
// for each template, person and channel, in an order that all nodes keep.
func keepRefusals(ctx context.Context, tx *db.Tx, now time.Time, list []refusal) (evs []events.Event, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	if err := nameTemplates(ctx, tx, list); err != nil {
		return nil, fmt.Errorf("keep refusals: %w", err)
	}
	stopped := map[refusalKey]refusal{}
	for _, r := range list {
		k, ok := r.key()
		if old, had := stopped[k]; ok && (!had || r.final && !old.final || r.final == old.final && r.wait > old.wait) {
			stopped[k] = r
		}
	}
	persons := db.NewRows("channel_id text", "contact_id text", "tenant_id text", "detail text")
	for _, k := range slices.SortedFunc(maps.Keys(stopped), refusalKey.compare) {
		r, e := stopped[k], []events.Event(nil)
		switch k.kind {
		case refusedTemplate:
			e, err = r.stopTemplate(ctx, tx, now)
		case refusedChannel:
			e, err = r.stopMarketing(ctx, tx, now)
		case refusedPerson:
			persons.Add(r.channelID, r.contactID, r.tenantID, r.title)
		}
		if err != nil {
			return nil, fmt.Errorf("keep a refusal: %w", err)
		}
		evs = append(evs, e...)
	}
	query := strings.NewReplacer("{clock}", tx.Dialect.Clock(), "{pause}", fmt.Sprint(personPause.Microseconds())).Replace(holdPersons)
	if _, err := tx.ExecRows(ctx, query, persons); err != nil {
		return nil, fmt.Errorf("hold marketing back: %w", err)
	}
	return evs, nil
}

const holdPersons = `
	WITH {{rows}} INSERT INTO holds (channel_id, kind, key, tenant_id, reason, detail, until, at)
	SELECT channel_id, 'marketing', contact_id, tenant_id, '` + WaitMarketing + `', detail, {clock} + {pause}, {clock} FROM v WHERE true
	ON CONFLICT (channel_id, kind, key) DO UPDATE SET detail = excluded.detail, until = excluded.until, at = excluded.at`

// What a refusal can stop, in the order in which their rows are locked.
const (
	refusedTemplate = iota
	refusedChannel
	refusedPerson
)

// refusalKey is what a refusal stops: a template in a language, marketing on a
// channel, or marketing to a person.
type refusalKey struct {
	kind                 int
	channelID, name, sub string
}

func (k refusalKey) compare(other refusalKey) int {
	return cmp.Or(cmp.Compare(k.kind, other.kind), cmp.Compare(k.channelID, other.channelID), cmp.Compare(k.name, other.name), cmp.Compare(k.sub, other.sub))
}

// key is what r stops; ok is false for the refusal of a template that is none.
func (r refusal) key() (k refusalKey, ok bool) {
	switch {
	case r.scope == channels.ScopeTemplate && r.template == nil:
		return k, false
	case r.scope == channels.ScopeTemplate:
		return refusalKey{refusedTemplate, r.channelID, r.template.Name, r.template.Language.Code}, true
	case r.final:
		return refusalKey{refusedPerson, r.channelID, r.contactID, ""}, true
	}
	return refusalKey{refusedChannel, r.channelID, "", ""}, true
}

// nameTemplates finds the templates of those refusals that do not know what was
// sent: what their messages were accepted with.
func nameTemplates(ctx context.Context, tx *db.Tx, list []refusal) error {
	rows, found := db.NewRows("id text"), map[string]*channels.TemplateUse{}
	for _, r := range list {
		if r.scope == channels.ScopeTemplate && r.template == nil {
			rows.Add(r.messageID)
		}
	}
	err := tx.QueryRows(ctx, `WITH {{rows}} SELECT m.id, m.content FROM v JOIN messages m ON m.id = v.id`, rows, func(res *sql.Rows) error {
		var messageID, raw string
		var c channels.Content
		if err := res.Scan(&messageID, &raw); err != nil {
			return err
		}
		err := parseJSON(raw, &c)
		found[messageID] = c.Template
		return err
	})
	for i, r := range list {
		if r.template == nil {
			list[i].template = found[r.messageID]
		}
	}
	return err
}

// stopTemplate marks the template of a message as paused, or as disabled if the
// refusal is final. A pause of ours that is over begins again.
func (r refusal) stopTemplate(ctx context.Context, tx *db.Tx, now time.Time) ([]events.Event, error) {
	status, wait := "PAUSED", r.wait
	if r.final {
		status = "DISABLED"
	} else if wait <= 0 {
		wait = templatePause
	}
	t := channels.TemplateChange{Name: r.template.Name, Language: r.template.Language.Code, Status: status, Reason: r.title}
	err := tx.QueryRowContext(ctx, `UPDATE templates SET status = $4, rejected_reason = $5, updated_at = $6, changed_at = $6,
			paused_until = CASE WHEN $4 = 'PAUSED' THEN `+tx.Dialect.Clock()+` + $7 ELSE 0 END
		WHERE channel_id = $1 AND name = $2 AND language = $3
			AND (status <> $4 OR paused_until > 0 AND paused_until <= `+tx.Dialect.Clock()+`) RETURNING provider_id, category, quality`,
		r.channelID, t.Name, t.Language, status, r.title, db.Micros(now), wait.Microseconds()).Scan(&t.ProviderID, &t.Category, &t.Quality)
	if errors.Is(err, sql.ErrNoRows) { // marked already, or never synchronised
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.say(ctx, tx, now, "template.status", changeData{Template: &t, Severity: "warning", Summary: r.title + ". " + r.action})
}

// stopMarketing holds marketing on the whole channel back, and raises the alarm
// unless it was raised before.
func (r refusal) stopMarketing(ctx context.Context, tx *db.Tx, now time.Time) ([]events.Event, error) {
	var held bool
	if err := tx.GetContext(ctx, &held, `SELECT EXISTS (SELECT 1 FROM holds WHERE channel_id = $1 AND kind = 'marketing' AND key = '' AND until > `+
		tx.Dialect.Clock()+`)`, r.channelID); err != nil {
		return nil, err
	}
	wait := r.wait
	if wait <= 0 {
		wait = marketingPause
	}
	if err := hold(ctx, tx, r.tenantID, r.channelID, "marketing", WaitMarketing, r.title, wait); err != nil || held {
		return nil, err
	}
	return r.say(ctx, tx, now, "channel.alert", changeData{Severity: "critical", Summary: r.title + ". " + r.action})
}

func (r refusal) say(ctx context.Context, tx *db.Tx, now time.Time, typ string, d changeData) ([]events.Event, error) {
	if err := tx.GetContext(ctx, &d.ChannelType, `SELECT type FROM channels WHERE id = $1`, r.channelID); err != nil {
		return nil, err
	}
	d.ChannelID, d.Field, d.Timestamp = r.channelID, "messages", stamp(now)
	e, err := events.New(r.tenantID, typ, r.channelID, "", now, d)
	return []events.Event{e}, err
}

// slowPairs stops a pair whose provider found it too fast: no burst, and nothing
// at all before its message is tried again.
func slowPairs(ctx context.Context, tx *db.Tx, items []*recordItem) error {
	rows := db.NewRows("channel_id text", "contact_id text", "every bigint")
	for _, it := range items {
		if it.Verdict == VerdictRetry && it.Err != nil && it.Err.Class == channels.ClassThrottled && it.Err.Scope == channels.ScopeLane && it.Claim.took.pairEvery > 0 {
			rows.Add(it.Claim.ChannelID, it.Claim.ContactID, it.Wait.Microseconds())
		}
	}
	rows.SortText(0, 1)
	_, err := tx.ExecRows(ctx, `WITH {{rows}} UPDATE pairs SET window_at = 0, free_at = `+tx.Dialect.Clock()+` + v.every
		FROM v WHERE pairs.channel_id = v.channel_id AND pairs.contact_id = v.contact_id`, rows)
	return err
}
