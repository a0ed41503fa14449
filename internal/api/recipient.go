package api

import (
	"regexp"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/fault"
	"github.com/nyaruka/phonenumbers"
)

// userID is a business-scoped user id or its parent's: a country, a dot, and up
// to 128 letters, digits and dots, e.g. US.13491208655302741918 or US.ENT.11815799.
// Source: Meta, "Business-scoped user IDs".
var userID = regexp.MustCompile(`^[A-Z]{2}(\.ENT)?\.[A-Za-z0-9]{1,128}$`)

// parseRecipient reads whom a message is for: a phone number in any usual writing
// that has its country code, or a business-scoped user id.
func parseRecipient(to string) (channels.Recipient, error) {
	to = strings.TrimSpace(to)
	if to == "" {
		return channels.Recipient{}, fault.Field("/to", "required", "Name a recipient: a phone number such as +5511999999999, or a business-scoped user id.")
	}
	if userID.MatchString(to) {
		return channels.Recipient{UserID: to}, nil
	}
	phone, ok := e164(to)
	if !ok {
		return channels.Recipient{}, fault.Field("/to", "invalid", "The recipient is neither a phone number with its country code, such as +5511999999999, nor a business-scoped user id.")
	}
	return channels.Recipient{Phone: phone}, nil
}

// e164 normalises a phone number. The plus may be missing or written 00; spaces,
// dashes, dots and parentheses are ignored.
func e164(s string) (string, bool) {
	digits := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "\u00a0", "").Replace(s)
	if rest, ok := strings.CutPrefix(digits, "00"); ok {
		digits = "+" + rest
	}
	if !strings.HasPrefix(digits, "+") {
		digits = "+" + digits
	}
	if strings.Trim(digits[1:], "0123456789") != "" {
		return "", false // letters would be read as a vanity number
	}
	phone, ok := formatted(digits)
	if !ok {
		return "", false
	}
	// A zero that is dialled within the country is left out, as in +44 (0)20. Where
	// another one follows it, nobody knows which number is meant.
	again, ok := formatted(phone)
	return phone, ok && again == phone
}

func formatted(digits string) (string, bool) {
	n, err := phonenumbers.Parse(digits, "")
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}
