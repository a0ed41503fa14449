package conversations

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// A rate that was cut is told once, however often it is cut on its way back, and
// once more when it is back.
func TestPaceIsTold(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		cut := func(share float64) {
			t.Helper()
			if err := b.CutPace(t.Context(), "ten_1", "ch_1", 80, share, 30*time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		told := func() (all []string) {
			for _, e := range b.log("channel.limit") {
				d := decode(t, e.Data)
				all = append(all, fmt.Sprintf("%v %v %v %v", d["limit"], d["reason"], d["previous"], d["value"]))
			}
			return all
		}
		cut(0.5)
		cut(0.25)
		b.explainAll()
		if got := fmt.Sprint(told()); got != "[throughput throttled 80 40]" {
			t.Fatalf("told %s", got)
		}
		b.later(time.Hour)
		b.explainAll()
		b.explainAll()
		cut(0.5)
		if got := fmt.Sprint(told()); got != "[throughput throttled 80 40 throughput recovered 40 80 throughput throttled 80 40]" {
			t.Errorf("told %s", got)
		}
	})
}
