package conversations

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
)

// exchangeAAD binds a sealed exchange to its attempt.
func exchangeAAD(tenantID, messageID string, attempt int64) string {
	return tenantID + "|attempts|exchange|" + messageID + "|" + strconv.FormatInt(attempt, 10)
}

// sealExchange encrypts what was said during an attempt; nil if no call was made,
// or if it cannot be kept: the outcome counts more than its record.
func (s *Store) sealExchange(o Outcome) []byte {
	x := o.Sent.Exchange
	if o.Err != nil {
		x = o.Err.Exchange
	}
	if x == nil {
		return nil
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return nil
	}
	sealed, err := s.opts.Seal(raw, exchangeAAD(o.Claim.TenantID, o.Claim.MessageID, o.Claim.Attempt))
	if err != nil {
		return nil
	}
	return sealed
}

// openExchange is the inverse of sealExchange.
func (s *Store) openExchange(sealed []byte, tenantID, messageID string, attempt int64) (*channels.Exchange, error) {
	raw, err := s.opts.Unseal(sealed, exchangeAAD(tenantID, messageID, attempt))
	if err != nil {
		return nil, err
	}
	x := &channels.Exchange{}
	return x, json.Unmarshal(raw, x)
}

// PruneExchanges forgets up to limit exchanges of attempts that began before the
// given time, and returns how many; call it again until that is less than limit.
func (s *Store) PruneExchanges(ctx context.Context, before time.Time, limit int) (int64, error) {
	return s.db.Exec(ctx, `UPDATE attempts SET exchange = NULL WHERE (message_id, attempt) IN
		(SELECT message_id, attempt FROM attempts WHERE started_at < $1 AND exchange IS NOT NULL ORDER BY started_at LIMIT $2)`,
		db.Micros(before), limit)
}
