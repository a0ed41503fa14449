package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/dbtest"
)

func TestDefaultHashing(t *testing.T) {
	h := Hashing{}.orDefault()
	phc := h.hash("pass")
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=47104,t=1,p=1$") {
		t.Error(phc)
	}
	if ok, outdated := h.verify("pass", phc); !ok || outdated {
		t.Errorf("ok %v, outdated %v", ok, outdated)
	}
	if ok, _ := h.verify("Pass", phc); ok {
		t.Error("another password is right")
	}
}

// Ensure a damaged or outrageous hash is a wrong password, at once.
func TestVerifyRefuses(t *testing.T) {
	h := Hashing{KiB: 64, Passes: 1, Lanes: 1}
	good := h.hash("pass")
	for _, phc := range []string{"", "pass", "$argon2id$", good[:len(good)-2], strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "m=64", "m=0", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=4000000000", 1), strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "p=1", "p=300", 1), "$2a$10$abcdefghijklmnopqrstuu"} {
		if ok, _ := h.verify("pass", phc); ok {
			t.Errorf("%q is accepted", phc)
		}
	}
}

// Ensure a flood of logins waits instead of taking all the memory.
func TestHashingSlots(t *testing.T) {
	s := NewStore(dbtest.SQLite(t), Options{Hashing: Hashing{KiB: 64, Passes: 1, Lanes: 1}})
	for range hashingAtOnce {
		if err := s.acquireHashing(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.hashPassword(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want cancelled", err)
	}
	s.releaseHashing()
	if _, err := s.hashPassword(t.Context(), "x"); err != nil {
		t.Error(err)
	}
}

func TestThrottleBounded(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle(func() time.Time { return now }, 1, time.Minute)
	for i := range maxThrottle + 100 {
		th.attempt(fmt.Sprint(i))
	}
	if n := len(th.entries); n > maxThrottle {
		t.Errorf("%d entries", n)
	}
	now = now.Add(time.Hour)
	th.attempt("one more")
	if n := len(th.entries); n != 1 {
		t.Errorf("%d entries after all are forgotten; want 1", n)
	}
}

func TestCacheSharesLoads(t *testing.T) {
	c := newCache(time.Now)
	release := make(chan struct{})
	var mu sync.Mutex
	loads := 0
	load := func(context.Context) (*Principal, error) {
		mu.Lock()
		loads++
		mu.Unlock()
		<-release
		return &Principal{Name: "x"}, nil
	}
	impatient, cancel := context.WithCancel(t.Context())
	var gone, wg sync.WaitGroup
	gone.Go(func() {
		if _, err := c.get(impatient, "k", load); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v; want cancelled", err)
		}
	})
	for range 8 {
		wg.Go(func() {
			if p, err := c.get(t.Context(), "k", load); err != nil || p.Name != "x" {
				t.Errorf("%v, %v", p, err)
			}
		})
	}
	cancel()
	gone.Wait()
	close(release)
	wg.Wait()
	if loads != 1 {
		t.Errorf("%d loads; want 1", loads)
	}
}

// Ensure a failure is not remembered, and a change during a load is not lost.
func TestCacheKeepsNoFailure(t *testing.T) {
	c := newCache(time.Now)
	boom := errors.New("boom")
	if _, err := c.get(t.Context(), "k", func(context.Context) (*Principal, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
	old := &Principal{Name: "old"}
	if p, _ := c.get(t.Context(), "k", func(context.Context) (*Principal, error) { c.clear(); return old, nil }); p != old {
		t.Error("not loaded again")
	}
	if p, _ := c.get(t.Context(), "k", func(context.Context) (*Principal, error) { return &Principal{Name: "new"}, nil }); p.Name != "new" {
		t.Error("what was loaded before the change is kept")
	}
}

func TestRandomIsUniform(t *testing.T) {
	counts := map[rune]int{}
	for _, r := range random(62_000) {
		counts[r]++
	}
	for _, r := range base62 {
		if counts[r] < 800 || counts[r] > 1200 { // 1000 ± 6 standard deviations
			t.Errorf("%c occurs %d times", r, counts[r])
		}
	}
}
