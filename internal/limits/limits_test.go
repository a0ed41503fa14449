package limits

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/redisconn"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// In no stretch of a minute are more requests let through than the limit, and
// none is refused that a list of all times, one slot longer, would let through.
func TestWindowAgainstAListOfTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		c := NewCounter(nil, nil, nil, func() time.Time { return now })
		limit := int64(rapid.IntRange(1, 20).Draw(t, "limit"))
		var granted []time.Time
		within := func(size time.Duration) (n int64) {
			for _, at := range granted {
				if now.Sub(at) < size {
					n++
				}
			}
			return n
		}
		for range 200 {
			now = now.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "gap")) * time.Millisecond)
			quotas, wait := c.TakeRequest(t.Context(), "k", limit, 0)
			switch {
			case wait == 0:
				granted = append(granted, now)
				if n := within(time.Minute); n > limit {
					t.Fatalf("%d requests in a minute; the limit is %d", n, limit)
				}
			case within(time.Minute+minuteSlot) < limit:
				t.Fatalf("refused after %d of %d", within(time.Minute+minuteSlot), limit)
			default: // what it says is true: nothing before, one after
				at := now
				now = at.Add(wait - time.Millisecond)
				if _, again := c.TakeRequest(t.Context(), "k", limit, 0); again == 0 {
					t.Fatalf("let through before the %v it named", wait)
				}
				now = at.Add(wait)
				if _, again := c.TakeRequest(t.Context(), "k", limit, 0); again != 0 {
					t.Fatalf("refused after the %v it named: %v", wait, again)
				}
				granted = append(granted, now)
			}
			if len(quotas) != 1 || quotas[0].Remaining < 0 {
				t.Fatalf("quotas %+v", quotas)
			}
		}
	})
}

// redises are the in-process Redis and, where there is one, a real server.
func redises(t *testing.T, fn func(t *testing.T, r redis.UniversalClient)) {
	for name, url := range map[string]string{"in process": "", "server": os.Getenv("LINKTOR_TEST_REDIS")} {
		t.Run(name, func(t *testing.T) {
			if name == "server" && url == "" {
				if os.Getenv("LINKTOR_TEST_REQUIRE") != "" {
					t.Fatal("LINKTOR_TEST_REDIS is not set: run the tests with make test")
				}
				t.Skip("LINKTOR_TEST_REDIS is not set: run the tests with make test")
			}
			conn, err := redisconn.Open(url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			fn(t, conn)
		})
	}
}

// Three nodes that share Redis let through exactly the limit, and a request that
// one window refuses is counted by none.
func TestNodesShareAKeysLimits(t *testing.T) {
	redises(t, func(t *testing.T, r redis.UniversalClient) {
		key, passed := uuid.NewString(), 0
		var nodes []*Counter
		for range 3 {
			nodes = append(nodes, NewCounter(r, func() int64 { return 3 }, nil, time.Now))
		}
		for i := range 40 {
			quotas, wait := nodes[i%3].TakeRequest(t.Context(), key, 100, 25)
			if wait == 0 {
				passed++
				continue
			}
			if quotas[0].Name != "day" || quotas[0].Remaining != 0 || wait < 23*time.Hour {
				t.Fatalf("refused with %+v, wait %v", quotas, wait)
			}
			if quotas[1].Remaining != 75 {
				t.Fatalf("a refused request was counted: %+v", quotas)
			}
		}
		if passed != 25 {
			t.Errorf("%d let through; the limit is 25", passed)
		}
	})
}

// The day's count outlives Redis, also what was counted while Redis was away.
func TestDayOutlivesRedis(t *testing.T) {
	redises(t, func(t *testing.T, r redis.UniversalClient) {
		dbtest.Run(t, func(t *testing.T, d *db.DB) {
			l, other := NewLedger(d, "a", time.Now), NewLedger(d, "b", time.Now)
			c, key := NewCounter(r, l.Nodes, l, time.Now), "key_"+uuid.NewString()
			take := func(c *Counter, n int) (passed int) {
				for range n {
					if _, wait := c.TakeRequest(t.Context(), key, 0, 30); wait == 0 {
						passed++
					}
				}
				return passed
			}
			if n := take(c, 12); n != 12 {
				t.Fatalf("%d of 12", n)
			}
			if err := l.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			flush := func() {
				for _, suffix := range []string{"", ":sum"} {
					if err := r.Del(t.Context(), "linktor:key:{"+key+"}:day"+suffix).Err(); err != nil {
						t.Fatal(err)
					}
				}
			}
			flush()
			if n := take(NewCounter(r, other.Nodes, other, time.Now), 10); n != 10 {
				t.Fatalf("another node: %d of 10", n)
			}
			c.downUntil.Store(time.Now().Add(time.Hour).UnixMicro()) // Redis goes away
			if n := take(c, 5); n != 5 {
				t.Fatalf("without Redis: %d of 5", n)
			}
			c.downUntil.Store(0)
			if n := take(c, 10); n != 3 {
				t.Errorf("%d let through after 27 of 30", n)
			}
			if err := l.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := other.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			if l.Nodes() != 1 || other.Nodes() != 2 {
				t.Errorf("nodes %d, %d", l.Nodes(), other.Nodes())
			}
			flush()
			if n := take(NewCounter(r, nil, NewLedger(d, "c", time.Now), time.Now), 10); n != 0 {
				t.Errorf("%d let through after the whole day was used and Redis flushed", n)
			}
		})
	})
}

func TestRedisAway(t *testing.T) {
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialTimeout: 50 * time.Millisecond})
	t.Cleanup(func() { gone.Close() })
	c := NewCounter(gone, func() int64 { return 2 }, nil, time.Now)
	passed := 0
	for range 100 {
		if _, wait := c.TakeRequest(t.Context(), "key_1", 10, 100); wait == 0 {
			passed++
		}
	}
	if passed != 5 {
		t.Errorf("a node of two let %d through; its share of 10 is 5", passed)
	}
	granted, next, rate := c.TakeChannel(t.Context(), "ch_1", 80, 100)
	if granted != 4 || next <= 0 || rate != 80 {
		t.Errorf("channel: %d, %v, %v", granted, next, rate)
	}
}

// The local rate never lets more through than its burst and its pace.
func TestLocalNeverExceedsTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		c := NewCounter(nil, nil, nil, func() time.Time { return now })
		rate := Rate{Every: time.Duration(rapid.IntRange(1, 1000).Draw(t, "every")) * time.Millisecond, Burst: int64(rapid.IntRange(1, 50).Draw(t, "burst"))}
		total, start := int64(0), now
		for range 100 {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "gap")) * time.Millisecond)
			g := c.takeLocal("k", rate, int64(rapid.IntRange(1, 20).Draw(t, "want")))
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

// A complaint halves a channel's pace, on every node; many at once count as one,
// and the pace grows back.
func TestPace(t *testing.T) {
	redises(t, func(t *testing.T, r redis.UniversalClient) {
		a, b := NewCounter(r, nil, nil, time.Now), NewCounter(r, nil, nil, time.Now)
		var ch string
		var rate, cuts float64
		for took := time.Hour; took > cutGap/2; { // on a busy machine it is tried again
			began := time.Now()
			ch, cuts = uuid.NewString(), 0
			for range 5 {
				if share, back := a.SlowDown(t.Context(), ch); back > 0 {
					cuts++
					if share != 0.5 || back != recovery/2 {
						t.Errorf("cut to %v for %v; want a half for half a minute", share, back)
					}
				}
			}
			_, _, rate = b.TakeChannel(t.Context(), ch, 80, 1)
			took = time.Since(began)
		}
		if rate < 39 || rate > 45 || cuts != 1 {
			t.Errorf("the other node sends %v a second after %v cuts; want about 40", rate, cuts)
		}
		if got, _, _ := a.TakeChannel(t.Context(), ch, 80, -1); got != -1 {
			t.Errorf("gave %d back", got)
		}
	})
	now := time.Unix(1e9, 0)
	c := NewCounter(nil, nil, nil, func() time.Time { return now })
	var rates []string
	for _, d := range []time.Duration{0, 15 * time.Second, 0, time.Hour} {
		if d != 15*time.Second {
			c.SlowDown(t.Context(), "ch")
		}
		now = now.Add(d)
		_, _, rate := c.TakeChannel(t.Context(), "ch", 80, 1)
		rates = append(rates, fmt.Sprint(rate))
		now = now.Add(2 * time.Second)
	}
	if got := strings.Join(rates, " "); got != "40 62.666666666666664 32.666666666666664 80" {
		t.Errorf("rates %s", got)
	}
}
