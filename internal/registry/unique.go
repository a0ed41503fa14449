package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

// alone refuses x if another channel of the tenant stands for the same account at
// the provider: each would count its own limits and show half of the conversations.
// It locks the tenant, so that two requests cannot both find nobody.
func (r *Registry) alone(ctx context.Context, tx *db.Tx, x row) error {
	mine, key, err := r.accountOf(x)
	if err != nil || mine == "" {
		return err
	}
	if tx.Dialect == db.Postgres { // SQLite has one writer
		if _, err := tx.ExecContext(ctx, `SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE`, x.TenantID); err != nil {
			return err
		}
	}
	var others []row
	if err := tx.SelectContext(ctx, &others, selectChannels+` AND tenant_id = $1 AND type = $2 AND id <> $3`, x.TenantID, x.Type, x.ID); err != nil {
		return err
	}
	for _, o := range others {
		theirs, _, err := r.accountOf(o)
		if err != nil {
			return err
		}
		if theirs == mine {
			return fault.Field("/settings/"+key, "taken", fmt.Sprintf("The channel %s stands for this account already. Change that one, or delete it first.", o.ID))
		}
	}
	return nil
}

// stillAlone is alone for a change. Channels that share an account from before this
// rule can be changed in every other way.
func (r *Registry) stillAlone(ctx context.Context, tx *db.Tx, before, after row) error {
	if before.Settings == after.Settings {
		return nil
	}
	was, _, err := r.accountOf(before)
	if err != nil {
		return err
	}
	is, _, err := r.accountOf(after)
	if err != nil || is == was {
		return err
	}
	return r.alone(ctx, tx, after)
}

// accountOf joins the values of the unique settings, and names the first of them;
// both are empty for a type that has none.
func (r *Registry) accountOf(x row) (account, key string, err error) {
	var settings object
	if err := json.Unmarshal([]byte(x.Settings), &settings); err != nil {
		return "", "", fmt.Errorf("channel %s: settings: %w", x.ID, err)
	}
	var values []string
	for _, s := range r.adapters[x.Type].description.Settings {
		if !s.Unique {
			continue
		}
		if key == "" {
			key = s.Key
		}
		values = append(values, plainText(settings[s.Key]))
	}
	return strings.Join(values, "\x00"), key, nil
}

// plainText is a setting as it is compared: a phone number may be written with a
// plus or without.
func plainText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return strings.TrimPrefix(strings.TrimSpace(s), "+")
}
