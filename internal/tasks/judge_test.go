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

// TestChannelHold checks that a message that is throttled for ever does not hold
// up its channel for as long as it waits itself.
func TestChannelHold(t *testing.T) {
	throttled := func(tries int64, named time.Duration) conversations.Outcome {
		return judge(conversations.Claim{Tries: tries}, channels.Sent{}, &channels.SendError{Class: channels.ClassThrottled, RetryAfter: named})
	}
	if late := throttled(6, 0); late.Wait < 2*time.Minute || channelHold(late) != maxChannelHold {
		t.Errorf("waits %v and holds the channel for %v", late.Wait, channelHold(late))
	}
	if named := throttled(6, 40*time.Second); channelHold(named) != 40*time.Second {
		t.Errorf("holds the channel for %v; the provider named 40 s", channelHold(named))
	}
}
