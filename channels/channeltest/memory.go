package channeltest

import (
	"runtime"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
)

// OddBody lets acct parse a body that no provider should send. It fails nowhere,
// costs little memory, and no reason quotes canary, which stands for what a customer
// wrote. It returns what came out.
func OddBody(t *testing.T, acct channels.Account, name string, body []byte, canary string) ([]channels.Event, error) {
	t.Helper()
	before := allocated()
	events, err := acct.Parse(body)
	// An event takes about 250 bytes, and an item in the longest list two.
	if used, most := allocated()-before, uint64(1<<20+160*len(body)); used > most {
		t.Errorf("%s: %d bytes of memory for %d of JSON", name, used, len(body))
	}
	if len(events) > 0 && err != nil {
		t.Errorf("%s: %d events, %v", name, len(events), err)
	}
	Events(t, events)
	for _, e := range events {
		if strings.Contains(e.Reason, canary) {
			t.Errorf("%s: the reason quotes a value: %s", name, e.Reason)
		}
	}
	return events, err
}

// allocated is how many bytes were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
