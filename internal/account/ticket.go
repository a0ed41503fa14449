package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

const ticketTTL = 30 * time.Second

// ticketHolder names a key or a session; what it may do is looked up when the
// ticket is used.
type ticketHolder struct {
	UserID    string `json:"userId,omitempty"`
	SessionID string `json:"sessionId,omitempty"`
	KeyID     string `json:"keyId,omitempty"`
}

// NewTicket returns a token that opens one socket for p within 30 seconds.
// Browsers need it: they cannot send headers when they open a WebSocket.
func (s *Store) NewTicket(ctx context.Context, p *Principal) (token string, expires time.Time, err error) {
	holder, err := json.Marshal(ticketHolder{p.UserID, p.SessionID, p.KeyID})
	if err != nil {
		return "", expires, fmt.Errorf("new ticket: %w", err)
	}
	token, expires = "lt_"+random(secretSize), s.now().Add(ticketTTL)
	_, err = s.db.Exec(ctx, `INSERT INTO tickets (token_hash, tenant_id, principal, expires_at) VALUES ($1, $2, $3, $4)`,
		hashToken(token), p.TenantID, string(holder), db.Micros(expires))
	if err != nil {
		return "", expires, fmt.Errorf("new ticket: %w", err)
	}
	return token, expires, nil
}

// RedeemTicket returns the principal of a ticket, once. It is a fault of kind
// Unauthorized if the ticket is unknown, used or expired, or its owner's
// credential has ended since.
func (s *Store) RedeemTicket(ctx context.Context, token string) (*Principal, error) {
	bad := fault.New(fault.Unauthorized, "ticket_invalid", "The ticket is unknown, used or expired. Ask for a new one.")
	var row struct {
		TenantID  string `db:"tenant_id"`
		Principal string `db:"principal"`
		ExpiresAt int64  `db:"expires_at"`
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return tx.GetContext(ctx, &row, `DELETE FROM tickets WHERE token_hash = $1 RETURNING tenant_id, principal, expires_at`, hashToken(token))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, bad
	}
	if err != nil {
		return nil, fmt.Errorf("redeem ticket: %w", err)
	}
	if !s.now().Before(db.Time(row.ExpiresAt)) {
		return nil, bad
	}
	var h ticketHolder
	if err := json.Unmarshal([]byte(row.Principal), &h); err != nil {
		return nil, fmt.Errorf("redeem ticket: %w", err)
	}
	return s.current(ctx, &Principal{TenantID: row.TenantID, UserID: h.UserID, SessionID: h.SessionID, KeyID: h.KeyID})
}
