package conversations

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// BenchmarkIngest commits webhooks of one text message each from 32 callers.
func BenchmarkIngest(b *testing.B) {
	for _, open := range []struct {
		name string
		fn   func(testing.TB) *db.DB
	}{{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}} {
		for _, writers := range []int{1, 2} {
			if open.name == "sqlite" && writers > 1 {
				continue
			}
			b.Run(fmt.Sprintf("%s/writers=%d", open.name, writers), func(b *testing.B) {
				benchmarkIngest(b, open.fn(b), writers)
			})
		}
	}
}

func benchmarkIngest(b *testing.B, d *db.DB, writers int) {
	bb := newBench(b, d)
	s := NewStore(d, Options{Now: time.Now, Node: "n", Seal: plain, Unseal: plain, MediaURL: bb.opts.MediaURL, Writers: writers})
	b.Cleanup(s.Stop)
	var n atomic.Int64
	b.SetParallelism(16) // times 2 processors
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			e := text(fmt.Sprint("wamid.", i), fmt.Sprintf("+1650555%04d", i%1000), "How much is it?", time.Now())
			w := bb.webhook(i, e)
			w.Body = append(make([]byte, 0, 600), fmt.Sprintf("%-600d", i)...)
			if _, err := s.Ingest(b.Context(), w); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkSend takes messages the whole way, queued from 32 callers, claimed in
// batches of 64 and recorded as sent.
func BenchmarkSend(b *testing.B) {
	for _, open := range []struct {
		name string
		fn   func(testing.TB) *db.DB
	}{{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}} {
		b.Run(open.name, func(b *testing.B) { benchmarkSend(b, newBench(b, open.fn(b))) })
	}
}

func benchmarkSend(b *testing.B, bb *bench) {
	var n atomic.Int64
	b.SetParallelism(16) // times 2 processors
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			d := bb.draft(fmt.Sprintf("+1650%07d", n.Add(1)), "")
			d.Content = channels.Content{Type: channels.TypeTemplate, Template: &channels.TemplateUse{Name: "order"}}
			if _, _, err := bb.Queue(b.Context(), d); err != nil {
				b.Error(err)
			}
		}
	})
	for sent := 0; sent < b.N; {
		claims := bb.claim(64)
		var wg sync.WaitGroup
		for _, c := range claims {
			wg.Go(func() {
				if err := bb.RecordSend(b.Context(), Outcome{Claim: c, Verdict: VerdictSent, Sent: channels.Sent{ProviderID: "wamid." + c.MessageID}}); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		sent += len(claims)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
