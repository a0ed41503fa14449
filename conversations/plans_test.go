package conversations

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// What waits is found by the index of what waits, among however many sends.
func TestWaitsHaveAnIndex(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		newBench(t, d)
		for name, query := range map[string]string{
			"pausedByProvider": pausedByProvider, "releaseSends": releaseSends, "releasable": releasable,
			"awaitTemplates": awaitTemplates, "freeTemplate": freeTemplate, "waitSample": waitSample, "waitCounts": waitCounts,
			"awaitTiers": awaitTiers, "awaitPlace": freeSends + awaitPlace,
		} {
			query = strings.NewReplacer("{clock}", d.Dialect.Clock(), "$1", "'ch_1'", "$2", "'5'", "$3", "5").Replace(query)
			if plan := explain(t, d, query); !strings.Contains(plan, "sends_waiting") {
				t.Errorf("%s does not use the index:\n%s", name, plan)
			}
		}
	})
}

// Looking at the limits of a channel waits for no writer.
func TestGaugesOnlyRead(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		if err := b.TripBreaker(t.Context(), "ten_1", "ch_1", "The provider does not answer.", false); err != nil {
			t.Fatal(err)
		}
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `UPDATE breakers SET reason = 'another'`); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			g, err := b.Gauges(ctx, "ten_1", "ch_1", "ch_1", 45)
			if g.Breaker.State != BreakerOpen || g.Breaker.Reason == "another" {
				t.Errorf("breaker %+v", g.Breaker)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
