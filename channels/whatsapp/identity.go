package whatsapp

import (
	"strings"

	"github.com/linktor/linktor/channels"
)

// address is how a payload names one customer.
type address struct{ phone, userID, parent text }

// party collects the identities of a customer. The phone comes first: Meta sends
// it whenever the business may know it, and older contacts are stored by it.
// Conflicting identifiers are not resolved here. Source: Meta, "Business-scoped
// user IDs".
func party(a address, contacts []contact) channels.Party {
	c := match(a, contacts)
	if a.phone == "" {
		a.phone = text(c.WaID)
	}
	if a.userID == "" {
		a.userID = text(c.UserID)
	}
	if a.parent == "" {
		a.parent = text(c.ParentUserID)
	}
	p := channels.Party{Name: strings.TrimSpace(string(c.Profile.Name))}
	p.Identities = make([]channels.Identity, 0, 2)
	if phone := e164(string(a.phone)); phone != "" {
		p.Identities = append(p.Identities,
			channels.Identity{Kind: channels.IdentityPhone, Value: phone, Raw: string(a.phone)})
	} else if a.userID == "" {
		a.userID = a.phone // not a number: some payloads write the user id here
	}
	if a.userID != "" {
		p.Identities = append(p.Identities, channels.Identity{Kind: channels.IdentityUserID, Value: string(a.userID)})
	}
	if a.parent != "" {
		p.Identities = append(p.Identities, channels.Identity{Kind: channels.IdentityParentUser, Value: string(a.parent)})
	}
	if name := string(c.Profile.Username); strings.Trim(name, "@ ") != "" {
		p.Identities = append(p.Identities, channels.Identity{
			Kind: channels.IdentityUsername, Value: strings.Trim(name, "@ "), Raw: name,
		})
	}
	return p
}

// match finds the contact that a payload means. The array is in no particular
// order, so a lone contact counts only if the payload names nobody.
func match(a address, contacts []contact) contact {
	for _, c := range contacts {
		if a.phone != "" && digits(string(c.WaID)) == digits(string(a.phone)) {
			return c
		}
		if a.userID != "" && string(c.UserID) == string(a.userID) {
			return c
		}
	}
	if len(contacts) == 1 && a.phone == "" && a.userID == "" {
		return contacts[0]
	}
	return contact{}
}

// e164 writes a phone number as + and digits. It returns "" for what is no phone
// number. Meta writes wa_ids without +, some pages with it.
func e164(s string) string {
	d := digits(s)
	if d == "" {
		return ""
	}
	return "+" + d
}

// digits returns the digits of a phone number as people write it, or "" if s
// holds anything else.
func digits(s string) string {
	clean := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
		case c == '+' || c == ' ' || c == '-' || c == '(' || c == ')' || c == '.':
			clean = false
		default:
			return ""
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
