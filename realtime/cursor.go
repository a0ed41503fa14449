package realtime

import (
	"errors"
	"strconv"
	"strings"
)

// EmptyEpoch is the epoch of a log that never had an event. The first event
// gives the log its real one, so position 0 of EmptyEpoch is valid in any.
const EmptyEpoch = "e0"

// ErrCursor is returned by ParseCursor.
var ErrCursor = errors.New("realtime: malformed cursor")

// Cursor is a position in a tenant's log: everything up to Seq has been seen. It
// is written v1.<epoch>.<seq>. The epoch names one life of the log; it changes
// when the log is restored or truncated, and sequence numbers start to mean
// other events.
type Cursor struct {
	Epoch string
	Seq   int64
}

func (c Cursor) String() string {
	return string(c.append(make([]byte, 0, 40)))
}

func (c Cursor) append(dst []byte) []byte {
	dst = append(append(append(dst, "v1."...), c.Epoch...), '.')
	return strconv.AppendInt(dst, c.Seq, 10)
}

// ParseCursor is the inverse of Cursor.String. It accepts nothing else.
func ParseCursor(s string) (Cursor, error) {
	rest, ok := strings.CutPrefix(s, "v1.")
	epoch, digits, found := strings.Cut(rest, ".")
	if !ok || !found || !validEpoch(epoch) {
		return Cursor{}, ErrCursor
	}
	seq, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || seq < 0 || strconv.FormatInt(seq, 10) != digits {
		return Cursor{}, ErrCursor
	}
	return Cursor{epoch, seq}, nil
}

func validEpoch(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Reasons of a Reset.
const (
	ResetRetention = "retention" // the events are older than the log keeps
	ResetEpoch     = "epoch"     // the log is another one than the cursor's
)

// Reset says that the events From to To, both included, are not delivered. The
// next event has prev = To.
type Reset struct {
	Reason string `json:"reason"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
}

// Head is the state of a log: its epoch, its newest sequence number and the
// oldest one still kept (Seq+1 when none is).
type Head struct {
	Epoch  string
	Seq    int64
	Oldest int64
}

// Locate returns the position from which a reader with cursor c goes on, and the
// gap to announce to it, if there is one. A cursor of another epoch, or ahead of
// the log, goes on at the newest event: its numbers mean nothing here, and the
// retained events can be read from the start by whoever needs them again.
func (h Head) Locate(c Cursor) (pos int64, gap *Reset) {
	if c.Epoch == EmptyEpoch && c.Seq == 0 {
		c.Epoch = h.Epoch
	}
	switch {
	case c.Epoch != h.Epoch || c.Seq > h.Seq:
		return h.Seq, &Reset{ResetEpoch, min(h.Oldest, h.Seq), h.Seq}
	case c.Seq < h.Oldest-1:
		return h.Oldest - 1, &Reset{ResetRetention, c.Seq + 1, h.Oldest - 1}
	}
	return c.Seq, nil
}
