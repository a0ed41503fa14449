package conversations

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/id"
)

// Lease is how long a claim lasts unless renewed. With a sweep every 2 s, a node that
// dies is noticed within 15 s.
const Lease = 12 * time.Second

// startWithin is how soon after its claim a call must begin. A process that was
// stopped for longer may have lost the claim without knowing.
const startWithin = Lease * 2 / 3

// Claim is a message that this node, and no other, may hand to its provider once.
type Claim struct {
	MessageID, TenantID, ChannelID, ContactID string

	Attempt    int64 // the fencing token: a result with an older one is void
	Tries      int64 // attempts that the provider refused before
	ValidUntil time.Time
	StartBy    time.Time // by this process's clock: a call that began later might be another node's too
	EndBy      time.Time // by this process's clock: when the validity ends, whatever its wall clock says
	Fallback   bool      // Out is the fallback template
	Out        channels.Outbound
	Probe      bool                // it finds out whether the provider can be reached
	Refusal    *channels.SendError // a limit ends the message: record it, make no call
	took       taken
	priority   int64
	seq        int64 // place in its lane
	unsure     bool  // another node may have claimed from its lane at the same moment
}

const claimSends = `
	UPDATE sends SET state = 'sending', attempt = attempt + 1, lease_until = {clock} + $1, lease_owner = $2, wait_reason = '', wait_until = 0
	WHERE seq IN (SELECT s.seq` + claimable + `{only} ORDER BY s.priority, s.due_at, s.seq LIMIT $3{lock})
	RETURNING message_id, tenant_id, channel_id, contact_id, attempt, tries, valid_until, valid_until - {clock}, priority, seq, {unsure}`

// ClaimFilter restricts a claim to one channel, or to all but some, and to what
// the limits of each channel allow.
type ClaimFilter struct {
	Only   string
	Except []string
	Limits func(channelID string) ChannelLimits // nil: none; it is called in a transaction, and must not use the database
}

// ClaimSends takes up to limit sends for this node and records an open attempt
// for each, so that a crash leaves a trace of every call that may have been made.
func (s *Store) ClaimSends(ctx context.Context, limit int, f ClaimFilter) ([]Claim, error) {
	for range claimRounds {
		claims, found, err := s.claim(ctx, limit, f)
		if err != nil || len(claims) > 0 || found == 0 {
			return claims, err
		}
	}
	return nil, nil // the next call goes on
}

// claimRounds bounds how often a claim looks again because limits hold all that it
// found: what is held is out of its way then.
const claimRounds = 20

func (s *Store) claim(ctx context.Context, limit int, f ClaimFilter) (claims []Claim, found int, err error) {
	err = s.inTx(ctx, func(tx *db.Tx) (err error) {
		claims, found, err = s.claimIn(ctx, tx, limit, f)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("claim sends: %w", err)
	}
	return claims, found, nil
}

// claimIn is claim in a transaction of the caller's.
func (s *Store) claimIn(ctx context.Context, tx *db.Tx, limit int, f ClaimFilter) (claims []Claim, found int, err error) {
	claims, err = s.takeSends(ctx, tx, limit, f)
	if err != nil || len(claims) == 0 {
		return nil, 0, err
	}
	claims, unknown := known(claims, f.Limits)
	found = len(claims)
	claims, back, err := oneEach(ctx, tx, claims)
	if err != nil {
		return nil, 0, fmt.Errorf("lanes: %w", err)
	}
	back = append(back, unknown...)
	if err := loadOutbound(ctx, tx, claims); err != nil {
		return nil, 0, err
	}
	claims, waits, err := s.pass(ctx, tx, claims, back, f.Limits)
	if err != nil {
		return nil, 0, err
	}
	if err := s.openAttempts(ctx, tx, claims); err != nil {
		return nil, 0, err
	}
	return claims, found, events.Append(ctx, tx, waits)
}

// known puts the claims of channels back of which the limits are not known.
func known(claims []Claim, limits func(string) ChannelLimits) (keep []Claim, back []putBack) {
	if limits == nil {
		return claims, nil
	}
	for _, c := range claims {
		if limits(c.ChannelID).Unknown {
			back = append(back, putBack{claim: c})
			continue
		}
		keep = append(keep, c)
	}
	return keep, back
}

// takeSends marks sends as claimed and returns them in the order in which they go out.
func (s *Store) takeSends(ctx context.Context, tx *db.Tx, limit int, f ClaimFilter) (claims []Claim, err error) {
	claimed := time.Now()
	query, args := s.claimQuery(tx, limit, f)
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c Claim
		var valid, left int64
		if err := rows.Scan(&c.MessageID, &c.TenantID, &c.ChannelID, &c.ContactID, &c.Attempt, &c.Tries, &valid, &left, &c.priority, &c.seq, &c.unsure); err != nil {
			return nil, err
		}
		c.ValidUntil, c.StartBy, c.EndBy = db.Time(valid), claimed.Add(startWithin), claimed.Add(time.Duration(left)*time.Microsecond)
		claims = append(claims, c)
	}
	slices.SortFunc(claims, func(a, b Claim) int { return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.seq, b.seq)) })
	return claims, rows.Err()
}

func (s *Store) claimQuery(tx *db.Tx, limit int, f ClaimFilter) (string, []any) {
	args := []any{Lease.Microseconds(), s.opts.Node, limit}
	only, lock, unsure := "", "", "FALSE" // SQLite has one writer at a time
	if f.Only != "" {
		args = append(args, f.Only)
		only = ` AND s.channel_id = $4`
	}
	for _, id := range f.Except {
		args = append(args, id)
		only += fmt.Sprintf(` AND s.channel_id <> $%d`, len(args))
	}
	if tx.Dialect == db.Postgres {
		lock, unsure = ` FOR UPDATE OF s SKIP LOCKED`, mayCollide
	}
	return strings.NewReplacer("{clock}", tx.Dialect.Clock(), "{pass}", strconv.FormatInt(passAfter.Microseconds(), 10),
		"{only}", only, "{lock}", lock, "{unsure}", unsure).Replace(claimSends), args
}

func (s *Store) openAttempts(ctx context.Context, tx *db.Tx, claims []Claim) error {
	rows := db.NewRows("message_id text", "attempt bigint", "tenant_id text", "node text", "at bigint", "fallback boolean")
	for _, c := range claims {
		rows.Add(c.MessageID, c.Attempt, c.TenantID, s.opts.Node, db.Micros(s.opts.Now()), c.Fallback)
	}
	_, err := tx.ExecRows(ctx, `WITH {{rows}} INSERT INTO attempts (message_id, attempt, tenant_id, node, started_at, fallback)
		SELECT message_id, attempt, tenant_id, node, at, fallback FROM v`, rows)
	return err
}

// loadOutbound reads what is to be sent. A message quoted is named by the
// provider's id, which may have become known since it was queued.
func loadOutbound(ctx context.Context, tx *db.Tx, claims []Claim) error {
	rows := db.NewRows("id text")
	byID := map[string]*Claim{}
	for i := range claims {
		rows.Add(claims[i].MessageID)
		byID[claims[i].MessageID] = &claims[i]
	}
	return tx.QueryRows(ctx, `
		WITH {{rows}} SELECT m.id, m.content, m.context, m.options, m.used_fallback, m.delivery, COALESCE(q.alt_provider_id, q.provider_message_id, '')
		FROM v JOIN messages m ON m.id = v.id LEFT JOIN messages q ON q.id = m.reply_to_id AND m.reply_to_id <> ''`, rows,
		func(r *sql.Rows) error {
			var messageID, content, ref, options, delivery, quoted string
			var fallback bool
			if err := r.Scan(&messageID, &content, &ref, &options, &fallback, &delivery, &quoted); err != nil {
				return err
			}
			c := byID[messageID]
			c.Out = channels.Outbound{MessageID: messageID, ReplyTo: quoted, ValidUntil: c.ValidUntil}
			var to reference
			if err := parseJSON(ref, &to); err != nil {
				return err
			}
			if to.To != nil {
				c.Out.To = *to.To
			}
			if err := parseJSON(options, &c.Out.Options); err != nil {
				return err
			}
			if c.Fallback = fallback; fallback {
				var d Delivery
				err := parseJSON(delivery, &d)
				if d.Fallback != nil {
					c.Out.Content = d.Fallback.Content
				}
				return err
			}
			return parseJSON(content, &c.Out.Content)
		})
}

// ReactionTarget returns the provider's id of one of our messages, for content
// that must name it.
func (s *Store) ReactionTarget(ctx context.Context, tenantID, messageID string) (string, error) {
	if !id.Valid(id.Message, messageID) {
		return messageID, nil // already the provider's
	}
	m, err := s.GetMessage(ctx, tenantID, messageID)
	if err != nil {
		return "", err
	}
	if m.AltProviderID != "" {
		return m.AltProviderID, nil
	}
	return m.ProviderID, nil
}

// RenewLeases extends the leases of this node.
func (s *Store) RenewLeases(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `UPDATE sends SET lease_until = `+s.db.Dialect.Clock()+` + $1 WHERE lease_owner = $2 AND state = 'sending'`,
		Lease.Microseconds(), s.opts.Node)
	return err
}
