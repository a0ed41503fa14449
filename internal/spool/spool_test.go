package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linktor/linktor/conversations"
)

// plain seals nothing but checks that names are bound.
type plain struct{}

func (plain) Seal(p []byte, aad string) ([]byte, error) { return append([]byte(aad+"\n"), p...), nil }

func (plain) Open(s []byte, aad string) ([]byte, error) {
	if len(s) < len(aad) || string(s[:len(aad)]) != aad {
		return nil, errors.New("not this file")
	}
	return s[len(aad)+1:], nil
}

func TestSpoolAndDrain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, err := New(dir, plain{})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"one", "two", "three"} {
		if err := s.Spool(conversations.Webhook{ChannelID: "ch_1", Body: []byte(body), ReceivedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "0"+suffix), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	away := errors.New("away")
	take := func(limit int) func(context.Context, Entry) error {
		return func(_ context.Context, e Entry) error {
			if len(got) == limit {
				return away
			}
			got = append(got, string(e.Body))
			return nil
		}
	}
	if n, err := s.Drain(t.Context(), take(1)); n != 1 || !errors.Is(err, away) {
		t.Errorf("first drain took %d, %v; want 1, away", n, err)
	}
	again, err := New(dir, plain{}) // after a restart
	if err != nil {
		t.Fatal(err)
	}
	if n, err := again.Drain(t.Context(), take(99)); n != 2 || err != nil {
		t.Errorf("second drain took %d, %v; want 2", n, err)
	}
	if len(got) != 3 || got[0] != "one" || got[2] != "three" {
		t.Errorf("drained %v", got)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 1 || left[0].Name() != "0"+suffix+broken {
		t.Errorf("left %v; want only the torn file, set aside", left)
	}
}

// One webhook that cannot be applied does not hold up those behind it.
func TestOneWaits(t *testing.T) {
	s, err := New(t.TempDir(), plain{})
	if err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"ch_closed", "ch_open", "ch_closed", "ch_open"} {
		if err := s.Spool(conversations.Webhook{ChannelID: channel}); err != nil {
			t.Fatal(err)
		}
	}
	n, err := s.Drain(t.Context(), func(_ context.Context, e Entry) error {
		if e.ChannelID == "ch_closed" {
			return fmt.Errorf("settings: %w", ErrWait)
		}
		return nil
	})
	if n != 2 || !errors.Is(err, ErrWait) || s.Waiting() != 2 {
		t.Errorf("drained %d, %v; %d wait; want 2, ErrWait, 2", n, err, s.Waiting())
	}
}

// A channel that does not open is tried once a minute, told of once, and takes no
// room from the others.
func TestHeldChannel(t *testing.T) {
	s, err := New(t.TempDir(), plain{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s.now, s.max = func() time.Time { return now }, 3
	tried, closed := 0, true
	drain := func() (int, error) {
		return s.Drain(t.Context(), func(_ context.Context, e Entry) error {
			tried++
			if closed && e.ChannelID == "ch_closed" {
				return fmt.Errorf("settings: %w", ErrWait)
			}
			return nil
		})
	}
	put := func(channel string) error { return s.Spool(conversations.Webhook{ChannelID: channel}) }
	for range 3 {
		if err := put("ch_closed"); err != nil {
			t.Fatal(err)
		}
	}
	if err := put("ch_open"); err == nil {
		t.Fatal("a full spool takes more")
	}
	if _, err := drain(); tried != 1 || !errors.Is(err, ErrWait) {
		t.Errorf("tried %d times, %v; want once, ErrWait", tried, err)
	}
	if err := put("ch_open"); err != nil {
		t.Errorf("webhooks that wait for their channel take the room of others: %v", err)
	}
	if n, err := drain(); n != 1 || tried != 2 || err != nil {
		t.Errorf("took %d, tried %d times in all, %v; want the other channel's only", n, tried, err)
	}
	now = now.Add(holdFor + time.Second)
	if n, err := drain(); n != 0 || tried != 3 || err != nil {
		t.Errorf("after a minute: took %d, tried %d times in all, %v; want one try that is no news", n, tried, err)
	}
	now, closed = now.Add(holdFor+time.Second), false
	if n, err := drain(); n != 3 || err != nil || s.Waiting() != 0 || s.held.count() != 0 {
		t.Errorf("once it opens: took %d, %v; %d wait", n, err, s.Waiting())
	}
}

func TestFull(t *testing.T) {
	s, err := New(t.TempDir(), plain{})
	if err != nil {
		t.Fatal(err)
	}
	s.max = 1
	if err := s.Spool(conversations.Webhook{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Spool(conversations.Webhook{}); err == nil {
		t.Error("a full spool takes more")
	}
}
