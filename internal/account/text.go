package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linktor/linktor/internal/fault"
)

// plausible reports whether s can be an id or a token of ours. PostgreSQL refuses
// text with a zero byte or bad UTF-8, which must look like an unknown id and not
// like a failure.
func plausible(s string) bool {
	return len(s) <= 100 && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// checkAfter refuses a list position that is no id.
func checkAfter(after string) error {
	if plausible(after) {
		return nil
	}
	return fault.New(fault.Malformed, "invalid_cursor", "The cursor is not one of this list's. Start without after.")
}

// isLine reports whether s is text without control characters, and without the
// replacement character, which bad UTF-8 turns into.
func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, utf8.RuneError) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// line makes a harmless line of at most n bytes out of what a stranger sent.
func line(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.ToValidUTF8(s[:min(len(s), n)], "")
}
