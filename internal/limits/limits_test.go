package limits

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/linktor/linktor/internal/redisconn"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// The local count never lets more through than a sliding window would.
func TestLocalNeverExceedsTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		c := NewCounter(nil, 1, func() time.Time { return now })
		rate := Rate{Every: time.Duration(rapid.IntRange(1, 1000).Draw(t, "every")) * time.Millisecond, Burst: int64(rapid.IntRange(1, 50).Draw(t, "burst"))}
		total, start := int64(0), now
		for range 100 {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "gap")) * time.Millisecond)
			g := c.Take(context.Background(), "k", rate, int64(rapid.IntRange(1, 20).Draw(t, "want")))
			total += g.Granted
			if most := rate.Burst + int64(now.Sub(start)/rate.Every); total > most {
				t.Fatalf("%d granted after %v; at most %d", total, now.Sub(start), most)
			}
			if g.Granted == 0 && g.Next <= 0 {
				t.Fatalf("refused without saying until when: %+v", g)
			}
		}
	})
}

func TestRedisCountsAcrossNodes(t *testing.T) {
	for _, url := range []string{"", os.Getenv("LINKTOR_TEST_REDIS")} {
		conn, err := redisconn.Open(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		a, b := NewCounter(conn, 2, time.Now), NewCounter(conn, 2, time.Now)
		key, rate := uuid.NewString(), Rate{Every: time.Hour, Burst: 10}
		if g := a.Take(t.Context(), key, rate, 7); g.Granted != 7 || g.Remaining != 3 {
			t.Errorf("first node: %+v", g)
		}
		if g := b.Take(t.Context(), key, rate, 7); g.Granted != 3 || g.Remaining != 0 || g.Next <= 0 || g.Next > time.Hour {
			t.Errorf("second node: %+v", g)
		}
	}
}

func TestRedisAway(t *testing.T) {
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialTimeout: 50 * time.Millisecond})
	t.Cleanup(func() { gone.Close() })
	c := NewCounter(gone, 2, time.Now)
	quotas, wait := c.TakeRequest(t.Context(), "key_1", 4, 100)
	if wait != 0 || len(quotas) != 2 || quotas[0].Remaining != 1 {
		t.Errorf("first request: %+v, wait %v", quotas, wait)
	}
	c.TakeRequest(t.Context(), "key_1", 4, 100)
	if _, wait := c.TakeRequest(t.Context(), "key_1", 4, 100); wait <= 0 {
		t.Error("without Redis a node of two lets more than its half through")
	}
}
