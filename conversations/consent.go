package conversations

import (
	"context"
	"database/sql"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

// marketing reports whether c may only be sent to people who have not stopped that.
func marketing(c *channels.Content, category string) bool {
	return priorityOf(c, category) == priorityMarketing
}

// mayMarket reports whether d, or the template that it falls back on, is marketing.
func (d *Draft) mayMarket() bool {
	return marketing(&d.Content, d.Category) || d.Fallback != nil && marketing(&d.Fallback.Content, d.Fallback.Category)
}

// stopped returns those of the pairs whose contact has stopped marketing on the
// channel. What they said last counts.
func stopped(ctx context.Context, tx *db.Tx, pairs map[threadKey]bool) (map[threadKey]bool, error) {
	found := map[threadKey]bool{}
	if len(pairs) == 0 {
		return found, nil
	}
	rows := db.NewRows("channel_id text", "contact_id text")
	for k := range pairs {
		rows.Add(k.channelID, k.contactID)
	}
	err := tx.QueryRows(ctx, `WITH {{rows}} SELECT o.channel_id, o.contact_id, o.category, o.stopped FROM v
		JOIN optouts o ON o.contact_id = v.contact_id AND o.channel_id = v.channel_id ORDER BY o.at`, rows, func(r *sql.Rows) error {
		var k threadKey
		var category string
		var no bool
		if err := r.Scan(&k.channelID, &k.contactID, &category, &no); err != nil {
			return err
		}
		// Source: Meta, user_preferences webhooks: the category is marketing_messages.
		if strings.HasPrefix(strings.ToLower(category), "marketing") {
			found[k] = no
		}
		return nil
	})
	return found, err
}

// optedOut refuses a message, or its fallback if that is what would be sent.
func optedOut(fallback bool) error {
	at := "/content/template"
	if fallback {
		at = "/fallbackTemplate/template"
	}
	f := fault.New(fault.Invalid, "opted_out", "The customer has stopped marketing messages on this channel.")
	f.Problems = []channels.Problem{{Pointer: at, Code: "opted_out", Message: f.Message}}
	return f
}
