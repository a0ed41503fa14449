//go:build chaos

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var armed = arm(os.Getenv("LINKTOR_CHAOS_CRASH_AT"))

// At kills the process, without any of its clean-up, if this is the moment.
func At(point string) { armed(point) }

func arm(setting string) func(point string) {
	name, times, _ := strings.Cut(setting, ":")
	if name == "" {
		return func(string) {}
	}
	n, err := strconv.ParseInt(times, 10, 64)
	if err != nil {
		n = 1
	}
	var passed atomic.Int64
	return func(point string) {
		if point == name && passed.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // there is nobody left to tell
			select {}                                      // nothing more happens here
		}
	}
}
