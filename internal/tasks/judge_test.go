package tasks

import (
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
)

// TestNamedDelay checks that a provider's own delay is kept at first and grows
// when it is named again and again.
func TestNamedDelay(t *testing.T) {
	for _, tt := range []struct {
		tries int64
		named time.Duration
		want  time.Duration
	}{
		{0, 2 * time.Second, 2 * time.Second},
		{1, 2 * time.Second, 4 * time.Second},
		{5, 2 * time.Second, 64 * time.Second},
		{1000, 2 * time.Second, maxBackoff},
		{3, 30 * time.Minute, 30 * time.Minute},
		{0, 5 * time.Hour, maxRetryAfter},
	} {
		e := &channels.SendError{Class: channels.ClassThrottled, RetryAfter: tt.named}
		if o := judge(conversations.Claim{Tries: tt.tries}, channels.Sent{}, e); o.Wait != tt.want {
			t.Errorf("try %d, named %v: waits %v; want %v", tt.tries, tt.named, o.Wait, tt.want)
		}
	}
}

// TestPairBackoff checks Meta's schedule for a recipient who got too much: 4^n s.
func TestPairBackoff(t *testing.T) {
	for tries, want := range []time.Duration{time.Second, 4 * time.Second, 16 * time.Second, 64 * time.Second, 256 * time.Second, maxBackoff, maxBackoff} {
		e := &channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeLane}
		o := judge(conversations.Claim{Tries: int64(tries)}, channels.Sent{}, e)
		if o.Reason != conversations.WaitPair || o.Wait < want*4/5 || o.Wait > want*6/5 {
			t.Errorf("try %d waits %v for %s; want %v", tries, o.Wait, o.Reason, want)
		}
	}
}

func TestPulse(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := &pulse{now: func() time.Time { return now }, beats: map[string]*beat{}}
	for i := range tripRow {
		if trip := p.note("row", true); trip != (i == tripRow-1) {
			t.Errorf("failure %d: trips %v", i+1, trip)
		}
	}
	for i := range tripCalls {
		failed := i%2 == 1
		if trip := p.note("half", failed); trip != (i == tripCalls-1) {
			t.Errorf("call %d: trips %v", i+1, trip)
		}
	}
	for i := range 100 { // as many failures, but too far apart
		now = now.Add(2 * time.Second)
		if p.note("slow", i%2 == 1) {
			t.Errorf("call %d trips", i+1)
		}
	}
}
