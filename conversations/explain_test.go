package conversations

import (
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// What waits for a paused template is freed by the template's change although the
// first try fails, and looked at now and then in any case.
func TestTemplateWakeUp(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	b.addTemplate("offer", "en")
	b.exec(`UPDATE templates SET status = 'PAUSED'`)
	m := b.queued(b.template(ada, "UTILITY"))
	if c := b.claimWithin(meta); len(c) != 0 || b.waiting(m.ID).Reason != WaitTemplatePaused {
		t.Fatalf("claimed %+v", c)
	}
	if n := b.count(`SELECT count(*) FROM sends WHERE due_at <= $1`, db.Micros(time.Now().Add(lookAgain))); n != 1 {
		t.Error("nobody looks at it before something happens")
	}
	b.explainAll()
	b.claimWithin(meta) // is put back again
	b.exec(`UPDATE templates SET status = 'APPROVED', updated_at = updated_at + 1`)
	b.exec(`CREATE TRIGGER no BEFORE UPDATE ON sends BEGIN SELECT RAISE(ABORT, 'no'); END`)
	if _, err := b.Explain(t.Context()); err == nil {
		t.Fatal("the trigger was not hit")
	}
	b.exec(`DROP TRIGGER no`)
	b.explainAll()
	if c := b.claimWithin(meta); len(c) != 1 {
		t.Errorf("claimed %+v after the change", c)
	}
}
