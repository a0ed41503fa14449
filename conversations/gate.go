package conversations

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// ChannelLimits are what a channel's provider allows. Zero values limit nothing.
type ChannelLimits struct {
	PairEvery  time.Duration // one message to one recipient in this time,
	PairBurst  int64         // or so many at once, to be paid back before the next
	TierScope  string        // who shares the messaging tier
	TierReject bool          // a message over the tier is rejected instead of waiting
	Unknown    bool          // find out first: nothing of the channel is claimed
}

// taken is what a claim has used up, to be given back if no call is made.
type taken struct {
	pairEvery time.Duration
	tierScope string
}

// gate puts those claims back that a limit of their channel holds, says why, and
// returns the others. It runs in the transaction that claims, so that nodes agree
// without asking anybody else: throughput, which changes by the millisecond, is
// the only limit that lives outside.
type gate struct {
	s      *Store
	tx     *db.Tx
	limits func(channelID string) ChannelLimits
	claims []Claim
	back   []putBack
}

// pass returns the claims that limits let through, and the events of the others. back
// are claims that are put back in any case.
func (s *Store) pass(ctx context.Context, tx *db.Tx, claims []Claim, back []putBack, limits func(string) ChannelLimits) (passed []Claim, evs []events.Event, err error) {
	g := &gate{s: s, tx: tx, limits: limits, claims: claims, back: back}
	if limits != nil {
		for _, step := range []func(context.Context) error{g.templates, g.pairs, g.tiers, g.probes} {
			if err := step(ctx); err != nil {
				return nil, nil, fmt.Errorf("limits: %w", err)
			}
		}
	}
	if len(g.back) == 0 {
		return g.claims, nil, nil
	}
	var undo []Claim
	for _, b := range g.back {
		undo = append(undo, b.claim)
	}
	if err := undoLimits(ctx, tx, undo); err != nil {
		return nil, nil, fmt.Errorf("limits: %w", err)
	}
	evs, err = giveBack(ctx, tx, s.opts.Now(), g.back, false)
	return g.claims, evs, err
}

// filter keeps the claims for which fn returns nil, and puts the others back.
func (g *gate) filter(fn func(c *Claim) *putBack) {
	keep := g.claims[:0]
	for i := range g.claims {
		if b := fn(&g.claims[i]); b != nil {
			b.claim = g.claims[i]
			g.back = append(g.back, *b)
			continue
		}
		keep = append(keep, g.claims[i])
	}
	g.claims = keep
}

// untilActed holds a claim until something happens; it is looked at anyway when
// its validity ends.
func (g *gate) untilActed(c *Claim) time.Duration { return max(0, c.ValidUntil.Sub(g.s.opts.Now())) }

// lookAgain is when a paused template is looked at again although nothing told of a
// change: one that came while its messages were put back would wake nobody.
const lookAgain = 10 * time.Minute

// templateState is what is known of the template of a claim.
type templateState struct {
	status, category string
	pausedFor        time.Duration // 0: not known
	marketing        time.Duration // for which marketing is held back
}

const selectTemplateStates = `
	WITH {{rows}} SELECT v.id, COALESCE(t.status, ''), COALESCE(NULLIF(t.category, ''), m.category), COALESCE(t.paused_until, 0), COALESCE(t.paused_until, 0) - {clock},
		COALESCE((SELECT max(h.until) FROM holds h WHERE h.channel_id = v.channel_id AND h.kind = 'marketing' AND h.key IN ('', v.contact_id)), 0) - {clock}
	FROM v JOIN messages m ON m.id = v.id
	LEFT JOIN templates t ON t.channel_id = v.channel_id AND t.name = v.name AND t.language = v.language`

// templates holds what is made from a paused template, and marketing where that is
// held back. A template that is gone for good ends its messages without a call.
func (g *gate) templates(ctx context.Context) error {
	rows := db.NewRows("id text", "channel_id text", "contact_id text", "name text", "language text")
	for _, c := range g.claims {
		if t := c.Out.Content.Template; t != nil {
			rows.Add(c.MessageID, c.ChannelID, c.ContactID, t.Name, t.Language.Code)
		}
	}
	states := map[string]templateState{}
	err := g.tx.QueryRows(ctx, strings.ReplaceAll(selectTemplateStates, "{clock}", g.tx.Dialect.Clock()), rows, func(r *sql.Rows) error {
		var id string
		var t templateState
		var until, paused, marketing int64
		if err := r.Scan(&id, &t.status, &t.category, &until, &paused, &marketing); err != nil {
			return err
		}
		if t.status == "PAUSED" && until > 0 && paused <= 0 { // the pause that we supposed is over
			t.status = ""
		}
		t.pausedFor, t.marketing = time.Duration(max(0, paused))*time.Microsecond, time.Duration(max(0, marketing))*time.Microsecond
		states[id] = t
		return nil
	})
	if err != nil {
		return err
	}
	g.filter(func(c *Claim) *putBack {
		t, ok := states[c.MessageID]
		switch {
		case !ok:
		case t.status == "PAUSED" && t.pausedFor > 0:
			return &putBack{reason: WaitTemplatePaused, wait: t.pausedFor, due: t.pausedFor}
		case t.status == "PAUSED":
			return &putBack{reason: WaitTemplatePaused, open: true, due: min(g.untilActed(c), lookAgain)}
		case t.status == "DISABLED" || t.status == "REJECTED" || t.status == "DELETED":
			c.Refusal = &channels.SendError{Class: channels.ClassTemplate, Code: "template_" + strings.ToLower(t.status),
				Title: "The template can no longer be sent", Action: "Its status at the provider is " + t.status + ": use another template."}
		case t.category == "MARKETING" && t.marketing > 0:
			return &putBack{reason: WaitMarketing, wait: t.marketing, due: t.marketing}
		}
		return nil
	})
	return nil
}

const (
	// pairWindow is how long a burst may take. Meta allows 6 s; calls take a while
	// to arrive.
	pairWindow = 5 * time.Second
	// pairSlack keeps a message that travels faster than the one before it from
	// arriving too early.
	pairSlack = 250 * time.Millisecond
)

// takePairs lets a message through if everything before it is paid back, or if it
// belongs to a burst that is not used up. Source: Meta, "Pair rate limits": a burst
// borrows from the time after it.
const takePairs = `
	WITH {{rows}} INSERT INTO pairs (channel_id, contact_id, window_at, used, free_at)
	SELECT channel_id, contact_id, {clock}, 1, {clock} + every + {slack} FROM v WHERE true
	ON CONFLICT (channel_id, contact_id) DO UPDATE SET
		used = CASE WHEN pairs.free_at <= {clock} THEN 1 ELSE pairs.used + 1 END,
		window_at = CASE WHEN pairs.free_at <= {clock} THEN excluded.window_at ELSE pairs.window_at END,
		free_at = CASE WHEN pairs.free_at <= {clock} THEN excluded.free_at ELSE pairs.free_at + {every} END
	WHERE pairs.free_at <= {clock} OR pairs.window_at + {window} > {clock} AND pairs.used < {burst}
	RETURNING channel_id, contact_id`

// pairs holds what would be too much for one recipient.
func (g *gate) pairs(ctx context.Context) error {
	type rule struct {
		every time.Duration
		burst int64
	}
	byRule := map[rule]*db.Rows{}
	for _, c := range g.claims {
		l := g.limits(c.ChannelID)
		if l.PairEvery <= 0 || c.Refusal != nil {
			continue
		}
		r := rule{l.PairEvery, l.PairBurst}
		if byRule[r] == nil {
			byRule[r] = db.NewRows("channel_id text", "contact_id text", "every bigint")
		}
		byRule[r].Add(c.ChannelID, c.ContactID, l.PairEvery.Microseconds())
	}
	for r, rows := range byRule {
		rows.SortText(0, 1)
		free := map[threadKey]bool{}
		query := g.sql(takePairs, "{every}", r.every.Microseconds(), "{burst}", r.burst)
		err := g.tx.QueryRows(ctx, query, rows, func(res *sql.Rows) error {
			var k threadKey
			err := res.Scan(&k.channelID, &k.contactID)
			free[k] = true
			return err
		})
		if err != nil {
			return err
		}
		if err := g.holdPairs(ctx, r.every, r.burst, free); err != nil {
			return err
		}
	}
	return nil
}

// sql fills in the clock, the constants of pairs and what else is given.
func (g *gate) sql(query string, with ...any) string {
	pairs := []string{"{clock}", g.tx.Dialect.Clock(), "{slack}", fmt.Sprint(pairSlack.Microseconds()), "{window}", fmt.Sprint(pairWindow.Microseconds())}
	for _, v := range with {
		pairs = append(pairs, fmt.Sprint(v))
	}
	return strings.NewReplacer(pairs...).Replace(query)
}

// holdPairs puts the claims of a rule back whose recipient is not free.
func (g *gate) holdPairs(ctx context.Context, every time.Duration, burst int64, free map[threadKey]bool) error {
	rows, ruled := db.NewRows("channel_id text", "contact_id text"), map[threadKey]bool{}
	for i := range g.claims {
		c := &g.claims[i]
		l, k := g.limits(c.ChannelID), threadKey{c.ChannelID, c.ContactID}
		if l.PairEvery != every || l.PairBurst != burst || c.Refusal != nil {
			continue
		}
		if ruled[k] = true; free[k] {
			c.took.pairEvery = every
		} else {
			rows.Add(k.channelID, k.contactID)
		}
	}
	type state struct{ wait, used int64 }
	held := map[threadKey]state{}
	err := g.tx.QueryRows(ctx, g.sql(`WITH {{rows}} SELECT p.channel_id, p.contact_id, p.free_at - {clock}, p.used
		FROM v JOIN pairs p ON p.channel_id = v.channel_id AND p.contact_id = v.contact_id`), rows, func(r *sql.Rows) error {
		var k threadKey
		var st state
		err := r.Scan(&k.channelID, &k.contactID, &st.wait, &st.used)
		held[k] = st
		return err
	})
	if err != nil {
		return err
	}
	g.filter(func(c *Claim) *putBack {
		k := threadKey{c.ChannelID, c.ContactID}
		if !ruled[k] || free[k] || c.Refusal != nil {
			return nil
		}
		wait := time.Duration(max(0, held[k].wait)) * time.Microsecond
		return &putBack{reason: WaitPair, wait: wait, due: wait, limit: burst, used: held[k].used}
	})
	return nil
}

// undoLimits gives back what claims used up without a call.
func undoLimits(ctx context.Context, tx *db.Tx, claims []Claim) error {
	rows := db.NewRows("channel_id text", "contact_id text", "every bigint")
	var tiered []Claim
	for _, c := range claims {
		if c.took.pairEvery > 0 {
			rows.Add(c.ChannelID, c.ContactID, c.took.pairEvery.Microseconds())
		}
		if c.took.tierScope != "" {
			tiered = append(tiered, c)
		}
	}
	rows.SortText(0, 1)
	if _, err := tx.ExecRows(ctx, `WITH {{rows}} UPDATE pairs SET used = pairs.used - 1, free_at = pairs.free_at - v.every
		FROM v WHERE pairs.channel_id = v.channel_id AND pairs.contact_id = v.contact_id AND pairs.used > 0`, rows); err != nil {
		return err
	}
	slices.SortFunc(tiered, func(a, b Claim) int { return strings.Compare(a.took.tierScope, b.took.tierScope) })
	return undoTiers(ctx, tx, tiered)
}
