package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

const (
	maxDescription = 500           // characters
	maxKeyChannels = 100           // of one key
	maxLimit       = 1_000_000_000 // requests; more is unlimited
)

// check says what is wrong with k, expiry counted from now.
func (k Key) check(now time.Time) error {
	errs := []error{checkName(k.Name)}
	if utf8.RuneCountInString(k.Description) > maxDescription || !isLine(strings.ReplaceAll(k.Description, "\n", " ")) {
		errs = append(errs, fault.Field("/description", "invalid", "A description is text of at most 500 characters."))
	}
	if len(k.Permissions) == 0 {
		errs = append(errs, fault.Field("/permissions", "required", "A key needs at least one permission."))
	}
	for i, p := range k.Permissions {
		if !p.Valid() {
			errs = append(errs, fault.Field("/permissions/"+strconv.Itoa(i), "unknown", "There is no such permission."))
		}
	}
	if len(k.ChannelIDs) > maxKeyChannels {
		errs = append(errs, fault.Field("/channelIds", "too_many", "A key names at most 100 channels."))
	}
	if k.PerMinute < 0 || k.PerMinute > maxLimit {
		errs = append(errs, fault.Field("/perMinute", "invalid", "A limit is 0 (unlimited) to 1,000,000,000."))
	}
	if k.PerDay < 0 || k.PerDay > maxLimit {
		errs = append(errs, fault.Field("/perDay", "invalid", "A limit is 0 (unlimited) to 1,000,000,000."))
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now) {
		errs = append(errs, fault.Field("/expiresAt", "past", "The key would have expired already."))
	}
	if err := errors.Join(errs...); err != nil {
		return firstFault(err)
	}
	return nil
}

// mayGrant checks that by has everything that k gets, and that k's channels exist
// apart from those that it had: they may have been deleted since.
func mayGrant(ctx context.Context, tx *db.Tx, by *Principal, k Key, had []string) error {
	for i, p := range k.Permissions {
		if !by.Can(p) {
			return &fault.Error{Kind: fault.Forbidden, Code: "permission_missing",
				Message: fmt.Sprintf("You cannot give a permission that you do not have (number %d of the list).", i+1)}
		}
	}
	if len(by.ChannelIDs) > 0 && len(k.ChannelIDs) == 0 {
		return fault.Field("/channelIds", "required", "You are limited to channels: name the ones that the key may use.")
	}
	for i, channel := range k.ChannelIDs {
		known := slices.Contains(had, channel)
		if !known && plausible(channel) {
			err := tx.GetContext(ctx, &known, `SELECT count(*) > 0 FROM channels WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL`,
				k.TenantID, channel)
			if err != nil {
				return err
			}
		}
		if !known || !by.CanChannel(channel) {
			return fault.Field("/channelIds/"+strconv.Itoa(i), "unknown", "There is no such channel.")
		}
	}
	return nil
}

// array writes a list as a column: never null.
func array[T ~string](items []T) string {
	if len(items) == 0 {
		return "[]"
	}
	raw, _ := json.Marshal(items) // strings cannot fail
	return string(raw)
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// unique drops repeats and keeps the order.
func unique[T comparable](items []T) []T {
	var out []T
	seen := map[T]bool{}
	for _, it := range items {
		if !seen[it] {
			seen[it] = true
			out = append(out, it)
		}
	}
	return out
}
