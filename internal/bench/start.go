package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
)

const (
	starts     = 5
	limitTime  = 4 * time.Second
	limitBatch = 512 // rows of one transaction, as in the server
)

// start starts the server again and again on a database that is in use.
func (b *bench) start(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		var took []time.Duration
		for range starts {
			w.server.Stop()
			if w.server, err = w.node.Start(ctx); err != nil {
				return err
			}
			took = append(took, w.server.ReadyIn)
		}
		return b.report("start", mode, figure{Name: "start to ready", Value: float64(rig.Median(took).Milliseconds()), Unit: "ms", AtMost: 500})
	})
}

// limit measures what the databases can do at best: one statement for each
// transaction, into one table with two indexes, for the same number of callers and
// grouped in the same way.
func (b *bench) limit(ctx context.Context) error {
	return b.each(func(mode string) error {
		dsn, writers := b.dir+"/limit.db", 1
		if mode == "postgres" {
			var err error
			if dsn, err = rig.NewDatabase(ctx, b.services.Postgres); err != nil {
				return err
			}
			writers = 2
		}
		d, err := db.Open(ctx, dsn, writers+1)
		if err != nil {
			return err
		}
		defer d.Close()
		for _, q := range []string{
			`CREATE TABLE bare (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, at BIGINT NOT NULL, content TEXT NOT NULL)`,
			`CREATE INDEX bare_tenant ON bare (tenant_id, id)`,
		} {
			if _, err := d.Exec(ctx, q); err != nil {
				return err
			}
		}
		var perSecond []float64
		for range rounds {
			n, err := insert(ctx, d, writers)
			if err != nil {
				return err
			}
			perSecond = append(perSecond, n)
		}
		return b.report("limit", mode, figure{Name: fmt.Sprintf("rows committed for %d callers", connections), Value: rig.Median(perSecond), Unit: "/s"})
	})
}

type bareRow struct {
	id, content string
	err         error
}

// insert commits rows for callers that wait for them and returns how many it
// committed in a second.
func insert(ctx context.Context, d *db.DB, writers int) (float64, error) {
	content := fmt.Sprintf(`{"type":"text","text":%q}`, fmt.Sprintf("%0400d", 7))
	group := db.NewGroup(writers, limitBatch, func(*bareRow) int { return 1 }, func(batch []*bareRow) {
		err := d.InTx(ctx, func(tx *db.Tx) error {
			rows := db.NewRows("id text", "at bigint", "content text")
			for _, r := range batch {
				rows.Add(r.id, time.Now().UnixMicro(), r.content)
			}
			_, err := tx.ExecRows(ctx, `WITH {{rows}} INSERT INTO bare (id, tenant_id, at, content) SELECT id, 'ten_1', at, content FROM v`, rows)
			return err
		})
		for _, r := range batch {
			r.err = err
		}
	})
	defer group.Stop()
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	began := time.Now()
	for range connections {
		wg.Go(func() {
			for time.Since(began) < limitTime && ctx.Err() == nil {
				r := &bareRow{id: rand.Text(), content: content}
				if err := group.Do(ctx, r); err != nil || r.err != nil {
					failed.Store(&r.err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil && *err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(began).Seconds(), ctx.Err()
}
