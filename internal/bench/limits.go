package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/bare"
	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
	"github.com/redis/go-redis/v9"
)

// limitBatch is how many rows share a transaction, as in the server.
const limitBatch = 512

// table is a bare table in a database of its own: what the database does at best.
// One statement for each transaction, into one table with two indexes, for the same
// number of callers and grouped in the same way as in the server.
type table struct {
	db      *db.DB
	writers int
}

func (b *bench) table(ctx context.Context, mode string) (*table, error) {
	dsn, writers := b.dir+"/limit-"+rand.Text()+".db", 1
	if mode == "postgres" {
		var err error
		if dsn, err = rig.NewDatabase(ctx, b.services.Postgres); err != nil {
			return nil, err
		}
		writers = 2
	}
	d, err := db.Open(ctx, dsn, writers+1)
	if err != nil {
		return nil, err
	}
	for _, q := range []string{
		`CREATE TABLE bare (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, at BIGINT NOT NULL, content TEXT NOT NULL)`,
		`CREATE INDEX bare_tenant ON bare (tenant_id, id)`,
	} {
		if _, err := d.Exec(ctx, q); err != nil {
			d.Close()
			return nil, err
		}
	}
	return &table{d, writers}, nil
}

type bareRow struct {
	id, content string
	err         error
}

// insert commits rows for callers that wait for them and returns how many it
// committed in a second.
func (t *table) insert(ctx context.Context, limit time.Duration) (float64, error) {
	content := fmt.Sprintf(`{"type":"text","text":%q}`, fmt.Sprintf("%0400d", 7))
	group := db.NewGroup(t.writers, limitBatch, func(*bareRow) int { return 1 }, func(batch []*bareRow, settled func()) {
		err := t.db.InTx(ctx, func(tx *db.Tx) error {
			rows := db.NewRows("id text", "at bigint", "content long")
			for _, r := range batch {
				rows.Add(r.id, time.Now().UnixMicro(), r.content)
			}
			tx.BeforeCommit(settled)
			_, err := tx.ExecRows(ctx, `WITH {{rows}} INSERT INTO bare (id, tenant_id, at, content) SELECT id, 'ten_1', at, content FROM v`, rows)
			return err
		})
		for _, r := range batch {
			r.err = err
		}
	})
	defer group.Stop()
	return hammer(ctx, connections, limit, func() error {
		r := &bareRow{id: rand.Text(), content: content}
		if err := group.Do(ctx, r); err != nil {
			return err
		}
		return r.err
	})
}

// hammer calls fn from many callers for a time, and returns how many calls it made
// in a second.
func hammer(ctx context.Context, callers int, limit time.Duration, fn func() error) (float64, error) {
	var done atomic.Int64
	var failed error
	var once sync.Once
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for time.Since(began) < limit && ctx.Err() == nil {
				if err := fn(); err != nil {
					once.Do(func() { failed = err })
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return 0, failed
	}
	return float64(done.Load()) / time.Since(began).Seconds(), ctx.Err()
}

// checks posts signed webhooks of one message to a server that only checks the
// signature.
func (b *bench) checks(ctx context.Context, limit time.Duration) (perSecond float64, err error) {
	line, c := b.bare.Line(bare.Check), rig.NewClient(b.bare.Addr, "", connections)
	hook := line.Messages(rig.Inbound{ID: "wamid." + rand.Text(), From: rig.Customer(1), Text: "message 12345 of the load", At: time.Now()})
	return hammer(ctx, connections, limit, func() error { return taken(line.Post(c, hook)) })
}

// redisCallers is how many connections redis-benchmark uses as well.
const redisCallers = 50

// redis measures the private Redis: the smallest call, an announcement, and a
// script of two writes such as those that count limits.
func (b *bench) redis(ctx context.Context) error {
	opt, err := redis.ParseURL(b.services.Redis)
	if err != nil {
		return err
	}
	opt.PoolSize = redisCallers
	c := redis.NewClient(opt)
	defer c.Close()
	script := redis.NewScript(`redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return redis.call('INCR', KEYS[2])`)
	if err := script.Load(ctx, c).Err(); err != nil {
		return err
	}
	var ping, publish, eval []float64
	for range b.scale.rounds {
		for _, m := range []struct {
			to *[]float64
			fn func() error
		}{
			{&ping, func() error { return c.Ping(ctx).Err() }},
			{&publish, func() error { return c.Publish(ctx, "bench", "ten_1 12345").Err() }},
			{&eval, func() error { return script.EvalSha(ctx, c, []string{"bench:h", "bench:n"}, "a", 1).Err() }},
		} {
			n, err := hammer(ctx, redisCallers, b.scale.limit, m.fn)
			if err != nil {
				return err
			}
			*m.to = append(*m.to, n)
		}
	}
	return b.report("redis", "limit",
		figure{Name: "PING", Value: rig.Median(ping), Unit: "/s"},
		figure{Name: "PUBLISH", Value: rig.Median(publish), Unit: "/s"},
		figure{Name: "EVALSHA (HSET and INCR)", Value: rig.Median(eval), Unit: "/s"},
	)
}
