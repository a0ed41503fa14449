package api

import (
	"strings"

	"github.com/linktor/linktor/internal/account"
)

// eventPermission is what a reader of events of a type, or of a prefix such as
// "message.", needs beside events:view: an event shows what its resource shows, so
// it takes the same permission. Empty means nothing more.
func eventPermission(typ string) account.Permission {
	family, _, _ := strings.Cut(typ, ".")
	switch family {
	case "message", "media", "call", "provider": // the last two hold what the provider sent, as received
		return account.ViewMessages
	case "conversation":
		return account.ViewConversations
	case "contact":
		return account.ViewContacts
	}
	return ""
}

// seesEvent reports whether p may see events of a type.
func seesEvent(p *account.Principal, typ string) bool {
	want := eventPermission(typ)
	return want == "" || p.Can(want)
}
