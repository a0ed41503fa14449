package simulator

import (
	"strconv"
	"strings"
)

// Magic is one row of the table of magic recipient numbers.
type Magic struct {
	Number  string `json:"number"` // x stands for any digit, CCCCCC for a six-digit code
	Example string `json:"example"`
	Effect  string `json:"effect"`
}

// MagicNumbers is the table, for people. doc.go repeats it.
func MagicNumbers() []Magic {
	return []Magic{
		{"+15550CCCCCC", "+15550131026", "refused at once with error code CCCCCC; LINK: 112400, 112401, 112402, 112500 are refused at once, other codes come as status 112403 (#CCCCCC)"},
		{"+15551CCCCCC", "+15551131026", "accepted, then failed with error code CCCCCC; LINK: 112xxx and 012409 are the result code itself, others come as 112403 (#CCCCCC)"},
		{"+15552000429", "+15552000429", "HTTP 429 with Retry-After: 2 and code 130429; LINK: 429 without a body"},
		{"+15552000500", "+15552000500", "HTTP 500 with a body that is not the provider's"},
		{"+15552000408", "+15552000408", "the request is read and never answered"},
		{"+15552000777", "+15552000777", "accepted and delivered, but the connection is reset before the answer"},
		{"+15552000200", "+15552000200", "accepted, but the answer is 200 with a body that is not JSON"},
		{"+15553xxxxxx", "+15553000001", "accepted, no status ever"},
		{"+15554xxxxxx", "+15554000001", "accepted, each status twice"},
		{"+15555xxxxxx", "+15555000001", "accepted, statuses in the order read, delivered, sent"},
		{"+15556xxxxxx", "+15556000001", "sent and delivered arrive before the send is answered"},
		{"+15557xxxxxx", "+15557000001", "accepted, statuses 20 s late (lateMs)"},
		{"+15558xxxxxx", "+15558000001", "accepted, delivered is left out: sent, read"},
	}
}

// spell is what a magic number does to a send. The zero value does nothing.
type spell struct {
	refuse int    // synchronous error code; -1 is code 0
	fail   int    // asynchronous error code
	http   int    // 429, 500: answer so; 408: hang; 777: accept, then reset; 200: accept, then garble
	mode   string // a status mode
}

// magic reads the spell of a recipient. Magic numbers are +1555, a digit that
// says how, and six digits that say what.
func magic(phone string) spell {
	d := digits(phone)
	if len(d) != 11 || !strings.HasPrefix(d, "1555") {
		return spell{}
	}
	code, _ := strconv.Atoi(d[5:]) // six digits always convert
	switch d[4] {
	case '0':
		if code == 0 {
			code = -1
		}
		return spell{refuse: code}
	case '1':
		return spell{fail: code}
	case '2':
		return spell{http: code}
	case '3':
		return spell{mode: StatusesNone}
	case '4':
		return spell{mode: StatusesDuplicated}
	case '5':
		return spell{mode: StatusesReordered}
	case '6':
		return spell{mode: StatusesBefore}
	case '7':
		return spell{mode: StatusesLate}
	case '8':
		return spell{mode: StatusesSkipped}
	}
	return spell{}
}
