package conversations

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
)

// maxKey is how long a text may be by which a row is found, in bytes. Providers' ids
// take about a hundred. An index of PostgreSQL holds 2,704; and from 30,000 on, its
// errors that quote a key exceed what the driver reads.
const maxKey = 512

// clean makes the texts by which rows are found storable: what is looked for must
// be what was written.
func clean(e *channels.Event) {
	if m := e.Message; m != nil {
		cleanAll(&m.ProviderID, &m.GroupID)
		cleanParty(&m.From)
		if m.Context != nil {
			cleanAll(&m.Context.MessageID)
		}
		if m.Content.Reaction != nil {
			cleanAll(&m.Content.Reaction.MessageID)
		}
	}
	if u := e.Status; u != nil {
		cleanAll(&u.ProviderID, &u.AltID, &u.MessageID)
		cleanParty(&u.Recipient)
	}
	if c := e.Change; c != nil {
		if c.Identity != nil {
			cleanAll(&c.Identity.Old.Value, &c.Identity.New.Value)
		}
		if c.Optout != nil {
			cleanParty(&c.Optout.Party)
		}
		if c.Template != nil {
			cleanAll(&c.Template.ProviderID, &c.Template.Name, &c.Template.Language)
		}
	}
}

func cleanParty(p *channels.Party) {
	for i := range p.Identities {
		cleanAll(&p.Identities[i].Value)
	}
}

func cleanAll(texts ...*string) {
	for _, t := range texts {
		*t = cleanKey(*t)
	}
}

// cleanKey returns s as it can be stored and found. Of one that is too long the
// beginning stays, and its hash keeps it apart from others.
func cleanKey(s string) string {
	if len(s) <= maxKey {
		return db.Storable(s)
	}
	sum := sha256.Sum256([]byte(s))
	return db.Storable(strings.ToValidUTF8(s[:maxKey-100], "")) + "…" + hex.EncodeToString(sum[:])
}
