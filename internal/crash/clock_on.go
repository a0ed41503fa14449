//go:build chaos

package crash

import (
	"os"
	"strings"
	"time"
)

// Now is the time on a clock that is wrong by LINKTOR_CHAOS_CLOCK_OFFSET: 5m, or
// 5m,1h@10s to jump to an hour ahead ten seconds after the start.
func Now() time.Time { return wrong(time.Now()) }

var wrong = offset(os.Getenv("LINKTOR_CHAOS_CLOCK_OFFSET"), time.Now())

func offset(setting string, started time.Time) func(time.Time) time.Time {
	type step struct{ by, after time.Duration }
	var steps []step
	for part := range strings.SplitSeq(setting, ",") {
		by, after, _ := strings.Cut(part, "@")
		var s step
		s.by, _ = time.ParseDuration(by)       // nothing is no offset
		s.after, _ = time.ParseDuration(after) // nothing is from the start
		steps = append(steps, s)
	}
	return func(now time.Time) time.Time {
		by := time.Duration(0)
		for _, s := range steps {
			if now.Sub(started) >= s.after {
				by = s.by
			}
		}
		return now.Round(0).Add(by) // without the monotonic reading, which never is wrong
	}
}
