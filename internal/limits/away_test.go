package limits

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// A window drains while Redis is away, although Redis is asked every second.
func TestWindowDrainsWithoutRedis(t *testing.T) {
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialTimeout: 50 * time.Millisecond})
	t.Cleanup(func() { gone.Close() })
	now := time.Unix(1e9, 0)
	c := NewCounter(gone, nil, nil, func() time.Time { return now })
	var passed []int
	for second := range 130 {
		if _, wait := c.TakeRequest(t.Context(), "key_1", 4, 0); wait == 0 {
			passed = append(passed, second)
		}
		now = now.Add(time.Second)
	}
	if got := fmt.Sprint(passed); got != "[0 1 2 3 61 62 63 64 122 123 124 125]" {
		t.Errorf("let through in the seconds %s", got)
	}
}

// What Redis counted through this node counts on when Redis goes away, and what was
// counted meanwhile is told to Redis once, whoever asks first.
func TestCountGoesOnWithoutRedis(t *testing.T) {
	redises(t, func(t *testing.T, r redis.UniversalClient) {
		now := time.Now()
		c, key := NewCounter(r, nil, nil, func() time.Time { return now }), uuid.NewString()
		take := func(n int) (passed int) {
			for range n {
				if _, wait := c.TakeRequest(t.Context(), key, 100, 0); wait == 0 {
					passed++
				}
			}
			return passed
		}
		if n := take(60); n != 60 {
			t.Fatalf("%d of 60", n)
		}
		c.downUntil.Store(now.Add(time.Hour).UnixMicro())
		if n := take(50); n != 40 {
			t.Errorf("without Redis %d more than 60 of 100 were let through", n)
		}
		now = now.Add(2 * time.Hour) // this node's minute is over, that of Redis is not
		c.downUntil.Store(now.Add(time.Hour).UnixMicro())
		if n := take(10); n != 10 {
			t.Errorf("%d of 10 in another minute", n)
		}
		c.downUntil.Store(0)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { take(1) })
		}
		all.Wait()
		quotas, _ := c.TakeRequest(t.Context(), key, 100, 0)
		if left := quotas[0].Remaining; left != 100-60-10-5-1 {
			t.Errorf("%d left; want 24", left)
		}
	})
}
