package conversations

import (
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
)

// tierWindow is the time in which the people of a messaging tier are counted.
// Source: Meta, "Messaging limits": unique users in a moving 24 hours.
const tierWindow = 24 * time.Hour

// tierLook is how often a message over the tier is looked at if FreeTiers, which
// knows when there is a reason to, has missed one.
const tierLook = time.Hour

// Tier is how many people may be written to first in 24 hours.
type Tier struct {
	Scope      string
	Name       string // the provider's or the preset's, e.g. TIER_1K
	Recipients int64  // 0: not known, nothing is limited; -1: unlimited
	Used       int64
	Next       time.Time // when a place becomes free; zero if none is taken
	Source     string    // provider, operator or check
	UpdatedAt  time.Time
}

func (t Tier) limited() bool { return t.Recipients > 0 }

// lockTier reads a tier, locks it until the end of tx, and forgets the people who
// have left the window.
func lockTier(ctx context.Context, tx *db.Tx, scope string) (t Tier, err error) {
	t.Scope = scope
	err = tx.QueryRowContext(ctx, `SELECT recipients, used FROM tiers WHERE scope = $1`+forUpdate(tx), scope).Scan(&t.Recipients, &t.Used)
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil
	}
	if err != nil || !t.limited() {
		return t, err
	}
	res, err := tx.ExecContext(ctx, `DELETE FROM tier_recipients WHERE scope = $1 AND at <= `+tx.Dialect.Clock()+` - $2`, scope, tierWindow.Microseconds())
	if err != nil {
		return t, err
	}
	gone, err := res.RowsAffected()
	t.Used -= gone
	return t, err
}

func forUpdate(tx *db.Tx) string {
	if tx.Dialect == db.Postgres {
		return ` FOR UPDATE`
	}
	return ""
}

// keep writes how many places are taken.
func (t Tier) keep(ctx context.Context, tx *db.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE tiers SET used = $2 WHERE scope = $1`, t.Scope, t.Used)
	return err
}

// tiers holds templates that would begin a conversation with more people than the
// messaging tier allows. People are counted from the claim on; who is not reached
// after all is taken out again.
func (g *gate) tiers(ctx context.Context) error {
	pairs := map[threadKey]bool{}
	for _, c := range g.claims {
		if c.Out.Content.Template != nil && c.Refusal == nil && g.limits(c.ChannelID).TierScope != "" {
			pairs[threadKey{c.ChannelID, c.ContactID}] = true
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	closes, err := windows(ctx, g.tx, pairs)
	if err != nil {
		return err
	}
	now := g.s.opts.Now()
	byScope := map[string][]*Claim{}
	for i := range g.claims {
		c := &g.claims[i]
		k := threadKey{c.ChannelID, c.ContactID}
		if pairs[k] && c.Out.Content.Template != nil && c.Refusal == nil && !closes[k].After(now) {
			scope := g.limits(c.ChannelID).TierScope
			byScope[scope] = append(byScope[scope], c)
		}
	}
	held := map[string]putBack{}
	for _, scope := range slices.Sorted(maps.Keys(byScope)) { // in order, so that two nodes cannot deadlock
		if err := g.tier(ctx, scope, byScope[scope], held); err != nil {
			return err
		}
	}
	g.filter(func(c *Claim) *putBack {
		b, ok := held[c.MessageID]
		if !ok {
			return nil
		}
		if g.limits(c.ChannelID).TierReject {
			c.Refusal = &channels.SendError{Class: channels.ClassRejected, Code: "tier_exhausted",
				Title:  "The messaging tier is used up",
				Action: fmt.Sprintf("%d of %d people were written to first in the last 24 hours: send later, or let such messages wait by the channel's tier policy.", b.used, b.limit)}
			return nil
		}
		return &b
	})
	return nil
}

// tier takes places in one scope for as many claims as there are.
func (g *gate) tier(ctx context.Context, scope string, claims []*Claim, held map[string]putBack) error {
	t, err := lockTier(ctx, g.tx, scope)
	if err != nil || !t.limited() {
		return err
	}
	rows := db.NewRows("scope text", "contact_id text")
	for _, c := range claims {
		rows.Add(scope, c.ContactID)
	}
	known := map[string]bool{}
	err = g.tx.QueryRows(ctx, `WITH {{rows}} SELECT DISTINCT r.contact_id FROM v JOIN tier_recipients r ON r.scope = v.scope AND r.contact_id = v.contact_id`, rows,
		func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			known[id] = true
			return err
		})
	if err != nil {
		return err
	}
	takes := db.NewRows("scope text", "contact_id text", "message_id text")
	var over []*Claim
	taken := map[string]bool{} // by two channels of the scope at once
	for _, c := range claims {
		switch {
		case taken[c.ContactID]:
		case known[c.ContactID] || t.Used < t.Recipients:
			if !known[c.ContactID] {
				t.Used++
			}
			known[c.ContactID], taken[c.ContactID] = true, true
			c.took.tierScope = scope
			takes.Add(scope, c.ContactID, c.MessageID)
		default:
			over = append(over, c)
		}
	}
	if err := g.takePlaces(ctx, t, takes); err != nil || len(over) == 0 {
		return err
	}
	var next int64
	if err := g.tx.GetContext(ctx, &next, `SELECT COALESCE(min(at), 0) + $2 - `+g.tx.Dialect.Clock()+` FROM tier_recipients WHERE scope = $1`,
		scope, tierWindow.Microseconds()); err != nil {
		return err
	}
	wait := time.Duration(max(next, 0)) * time.Microsecond
	for _, c := range over { // FreeTiers wakes as many as there are places for
		held[c.MessageID] = putBack{reason: WaitTier, wait: wait, due: min(g.untilActed(c), tierLook), limit: t.Recipients, used: t.Used}
	}
	return nil
}

func (g *gate) takePlaces(ctx context.Context, t Tier, takes *db.Rows) error {
	query := `WITH {{rows}} INSERT INTO tier_recipients (scope, contact_id, at, message_id, previous)
		SELECT scope, contact_id, {clock}, message_id, 0 FROM v WHERE true
		ON CONFLICT (scope, contact_id) DO UPDATE SET previous = tier_recipients.at, at = excluded.at, message_id = excluded.message_id`
	if _, err := g.tx.ExecRows(ctx, strings.ReplaceAll(query, "{clock}", g.tx.Dialect.Clock()), takes); err != nil {
		return err
	}
	return t.keep(ctx, g.tx)
}

// undoTiers takes people out again whom a claim has not reached. claims are sorted
// by scope.
func undoTiers(ctx context.Context, tx *db.Tx, claims []Claim) error {
	for len(claims) > 0 {
		scope := claims[0].took.tierScope
		n := 0
		for n < len(claims) && claims[n].took.tierScope == scope {
			n++
		}
		t, err := lockTier(ctx, tx, scope)
		if err != nil {
			return err
		}
		rows := db.NewRows("scope text", "contact_id text", "message_id text")
		for _, c := range claims[:n] {
			rows.Add(scope, c.ContactID, c.MessageID)
		}
		const mine = ` WHERE tier_recipients.scope = v.scope AND tier_recipients.contact_id = v.contact_id AND tier_recipients.message_id = v.message_id`
		if _, err := tx.ExecRows(ctx, `WITH {{rows}} UPDATE tier_recipients SET at = tier_recipients.previous, message_id = '' FROM v`+mine+` AND tier_recipients.previous > 0`, rows); err != nil {
			return err
		}
		gone, err := tx.ExecRows(ctx, `WITH {{rows}} DELETE FROM tier_recipients WHERE previous = 0 AND (scope, contact_id, message_id) IN (SELECT scope, contact_id, message_id FROM v)`, rows)
		if err != nil {
			return err
		}
		if t.limited() {
			t.Used -= gone
			if err := t.keep(ctx, tx); err != nil {
				return err
			}
		}
		claims = claims[n:]
	}
	return nil
}

// unreached takes those people out of the tier whose message a provider refused:
// the messages of items that are neither sent nor uncertain.
func unreached(ctx context.Context, tx *db.Tx, items []*recordItem) error {
	var claims []Claim
	for _, it := range items {
		if it.Claim.took.tierScope != "" && (it.Verdict == VerdictFailed || it.Verdict == VerdictRetry) {
			claims = append(claims, it.Claim)
		}
	}
	slices.SortFunc(claims, func(a, b Claim) int { return strings.Compare(a.took.tierScope, b.took.tierScope) })
	return undoTiers(ctx, tx, claims)
}
