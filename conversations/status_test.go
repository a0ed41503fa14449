package conversations

import (
	"testing"

	"github.com/linktor/linktor/channels"
	"pgregory.net/rapid"
)

func TestAdvance(t *testing.T) {
	tests := []struct {
		name   string
		from   Status
		update channels.Status
		want   Change
	}{
		{"accepted", Sending, channels.StatusSent, Change{Sent, true, false}},
		{"delivered before sent was seen", Uncertain, channels.StatusDelivered, Change{Delivered, true, false}},
		{"sent after delivered", Delivered, channels.StatusSent, Change{Delivered, false, false}},
		{"read twice", Read, channels.StatusRead, Change{Read, false, false}},
		{"failed after sent", Sent, channels.StatusFailed, Change{Failed, true, false}},
		{"failed after delivered is evidence", Delivered, channels.StatusFailed, Change{Delivered, false, false}},
		{"delivered after failed corrects", Failed, channels.StatusDelivered, Change{Delivered, true, true}},
		{"sent after failed", Failed, channels.StatusSent, Change{Failed, false, false}},
		{"expired never leaves", Expired, channels.StatusDelivered, Change{Expired, false, false}},
		{"cancelled never leaves", Cancelled, channels.StatusRead, Change{Cancelled, false, false}},
		{"an unknown word changes nothing", Sent, channels.StatusUnknown, Change{Sent, false, false}},
	}
	for _, tt := range tests {
		if got := Advance(tt.from, tt.update); got != tt.want {
			t.Errorf("%s: Advance(%s, %s) = %+v; want %+v", tt.name, tt.from, tt.update, got, tt.want)
		}
	}
}

// Whatever the order and however often the reports come, the message ends in the
// same state, never steps back, and no change is announced twice.
func TestAdvanceAnyOrder(t *testing.T) {
	all := []channels.Status{channels.StatusSent, channels.StatusDelivered, channels.StatusRead, channels.StatusFailed}
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, rapid.ID).Draw(t, "reports")
		repeated := rapid.Permutation(append(append([]channels.Status{}, reports...), reports...)).Draw(t, "order")
		want := fold(t, Sending, reports)
		if got := fold(t, Sending, repeated); got != want {
			t.Fatalf("%v ends in %s, %v in %s", reports, want, repeated, got)
		}
	})
}

func fold(t *rapid.T, s Status, reports []channels.Status) Status {
	seen := map[Status]bool{}
	for _, r := range reports {
		c := Advance(s, r)
		if c.Changed == (c.To == s) {
			t.Fatalf("Advance(%s, %s) = %+v", s, r, c)
		}
		if c.Changed && seen[c.To] {
			t.Fatalf("%s is announced twice in %v", c.To, reports)
		}
		if c.Changed && s != Failed && rank[c.To] < rank[s] {
			t.Fatalf("%s steps back to %s", s, c.To)
		}
		seen[c.To], s = true, c.To
	}
	return s
}
