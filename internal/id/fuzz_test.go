package id

import (
	"strings"
	"testing"
)

// FuzzUUID checks that what is an id is written back the same, and that nothing
// else is one.
func FuzzUUID(f *testing.F) {
	for _, s := range []string{"msg_01k00000000000000000000001", "msg_7zzzzzzzzzzzzzzzzzzzzzzzzz", "msg_8zzzzzzzzzzzzzzzzzzzzzzzzz", "msg_", "",
		"msg_01K00000000000000000000001", "MSG_01k00000000000000000000001", "msg_01k0000000000000000000000l", "01k00000000000000000000001", "msg_01k0000000000000000000000\x00"} {
		f.Add("msg", s)
		f.Add("", s)
	}
	f.Fuzz(func(t *testing.T, prefix, s string) {
		u, err := UUID(prefix, s)
		if Valid(prefix, s) != (err == nil) {
			t.Errorf("%q: Valid and UUID differ", s)
		}
		if err != nil {
			return
		}
		if again := FromUUID(prefix, u); again != s {
			t.Errorf("%q is %s and then %q", s, u, again)
		}
		if strings.ContainsAny(strings.TrimPrefix(s, prefix), "ilouILOU") {
			t.Errorf("%q is an id", s)
		}
	})
}
