package conversations

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/linktor/linktor/internal/db"
)

// Reasons to wait that let later messages pass one of OrderBestEffort: what holds it
// up by itself once it has lasted, what can last for days at once. The other limits
// are those of the channel or the recipient: who passed would meet the same.
const (
	holdUps = `('` + WaitRetry + `', '` + WaitUncertain + `')`
	dayLong = `('` + WaitTemplatePaused + `', '` + WaitMarketing + `', '` + WaitTier + `')`
)

// held notes since when a message has been held up. v.reason is why it waits now.
const held = `held_since = CASE WHEN sends.held_since = 0 AND (v.reason IN ` + holdUps + ` OR v.reason IN ` + dayLong + `) THEN {clock} ELSE sends.held_since END`

// passable is true of an earlier message p that later ones may pass: not while it is
// due, for then it would be claimed beside them.
const passable = `(p.ordering = 'bestEffort' AND (p.state = 'uncertain' OR p.due_at > {clock}) AND (p.wait_reason IN ` + dayLong + `
			OR p.held_since > 0 AND p.held_since <= {clock} - {pass} AND p.wait_reason IN ` + holdUps + `))`

// claimable selects sends that are due, whose channel may send, and that are the
// first of their lane: the next message of a (channel, contact) pair waits until
// the one before it is settled, or may be passed. One that was passed waits in turn
// for what passed it. What is scheduled or left to a person is in no lane.
const claimable = ` FROM sends s WHERE s.state = 'queued' AND s.due_at <= {clock} AND s.valid_until > {clock}
	AND NOT EXISTS (SELECT 1 FROM sends p WHERE p.channel_id = s.channel_id AND p.contact_id = s.contact_id
		AND (p.state = 'sending' OR p.seq < s.seq AND p.state IN ('queued', 'uncertain') AND NOT ` + passable + `))
	AND EXISTS (SELECT 1 FROM channels c WHERE c.id = s.channel_id AND c.enabled AND c.paused_reason = '' AND c.deleted_at IS NULL)
	AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.channel_id = s.channel_id AND h.kind = 'channel' AND h.key = '' AND h.until > {clock})`

// mayCollide is true of a claimed message that passes another, and of one that may be
// passed: two nodes that do not see each other's claim yet can take both.
const mayCollide = `(sends.ordering = 'bestEffort' AND sends.held_since > 0 OR EXISTS (SELECT 1 FROM sends o
		WHERE o.channel_id = sends.channel_id AND o.contact_id = sends.contact_id AND o.seq < sends.seq AND o.state IN ('queued', 'uncertain')))`

// oneEach keeps one claim a lane: the first. The others are put back, and so are
// those of a lane that another node has claimed from meanwhile.
func oneEach(ctx context.Context, tx *db.Tx, claims []Claim) (keep []Claim, back []putBack, err error) {
	taken, err := takenLanes(ctx, tx, claims)
	if err != nil {
		return nil, nil, err
	}
	first := map[threadKey]int64{}
	for _, c := range claims {
		k := threadKey{c.ChannelID, c.ContactID}
		if seq, ok := first[k]; !ok || c.seq < seq {
			first[k] = c.seq
		}
	}
	for _, c := range claims {
		k := threadKey{c.ChannelID, c.ContactID}
		if taken[k] || c.seq != first[k] {
			back = append(back, putBack{claim: c})
			continue
		}
		keep = append(keep, c)
	}
	return keep, back, nil
}

const lockLanes = `WITH {{rows}} SELECT pg_advisory_xact_lock(l.key) FROM (
	SELECT DISTINCT hashtextextended(channel_id || ' ' || contact_id, 0) AS key FROM v ORDER BY 1) l`

// takenLanes returns the lanes of unsure claims in which another node has a call
// under way: it waits for those that claim at this moment, and looks again.
func takenLanes(ctx context.Context, tx *db.Tx, claims []Claim) (map[threadKey]bool, error) {
	mine, lanes := map[string]bool{}, []threadKey{}
	for _, c := range claims {
		mine[c.MessageID] = true
		if c.unsure {
			lanes = append(lanes, threadKey{c.ChannelID, c.ContactID})
		}
	}
	if len(lanes) == 0 {
		return nil, nil //nolint:nilnil // none is taken
	}
	slices.SortFunc(lanes, func(a, b threadKey) int {
		return cmp.Or(cmp.Compare(a.channelID, b.channelID), cmp.Compare(a.contactID, b.contactID))
	})
	rows := db.NewRows("channel_id text", "contact_id text")
	for _, k := range slices.Compact(lanes) {
		rows.Add(k.channelID, k.contactID)
	}
	if err := tx.QueryRows(ctx, lockLanes, rows, func(*sql.Rows) error { return nil }); err != nil {
		return nil, err
	}
	taken := map[threadKey]bool{}
	err := tx.QueryRows(ctx, `WITH {{rows}} SELECT s.channel_id, s.contact_id, s.message_id FROM v
		JOIN sends s ON s.channel_id = v.channel_id AND s.contact_id = v.contact_id WHERE s.state = 'sending'`, rows, func(r *sql.Rows) error {
		var k threadKey
		var messageID string
		if err := r.Scan(&k.channelID, &k.contactID, &messageID); err != nil {
			return err
		}
		if !mine[messageID] {
			taken[k] = true
		}
		return nil
	})
	return taken, err
}
