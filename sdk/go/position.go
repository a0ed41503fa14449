package linktor

import (
	"fmt"
	"strconv"
	"strings"
)

// emptyEpoch is the epoch of a log that never had an event; the first event
// gives it its real one.
const emptyEpoch = "e0"

// position is where a stream is in the log: everything up to seq was received.
type position struct {
	epoch   string
	seq     int64
	foreign string // a cursor of the caller's that we cannot read; the server may
}

// cursor is what to resume from; empty for "from now on".
func (p *position) cursor() string {
	switch p.epoch {
	case "":
		return p.foreign
	case emptyEpoch:
		// The numbers after an empty log's start are another epoch's, whose name we
		// do not know yet. Resuming from 0 repeats some; they are dropped by number.
		return "v1." + emptyEpoch + ".0"
	}
	return fmt.Sprintf("v1.%s.%d", p.epoch, p.seq)
}

// reset goes to a cursor, forwards or backwards.
func (p *position) reset(cursor string) {
	*p = position{seq: -1, foreign: cursor}
	if epoch, seq, ok := parseCursor(cursor); ok {
		p.epoch, p.seq = epoch, seq
	}
}

// advance takes over a cursor of the server's, without going backwards.
func (p *position) advance(cursor string) {
	if epoch, seq, ok := parseCursor(cursor); ok {
		p.epoch, p.seq = epoch, max(p.seq, seq)
	}
}

func parseCursor(s string) (epoch string, seq int64, ok bool) {
	rest, ok := strings.CutPrefix(s, "v1.")
	epoch, digits, found := strings.Cut(rest, ".")
	seq, err := strconv.ParseInt(digits, 10, 64)
	return epoch, seq, ok && found && epoch != "" && err == nil && seq >= 0
}
