package tasks

import (
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/dbtest"
)

// Ensure a channel whose provider never answers does not keep the others waiting,
// however much it has to send.
func TestSilentProviderLeavesSlots(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, dbtest.SQLite(t), 1000, func(_ int, out channels.Outbound) (channels.Sent, error) {
		if out.To.Phone != "+351910000999" {
			<-release
		}
		return channels.Sent{ProviderID: "wamid." + out.MessageID}, nil
	})
	defer close(release)
	if _, err := r.d.Exec(t.Context(), `INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at)
		VALUES ('ch_2', 'ten_1', 'fake', 'two', '{}', '', 0, 0)`); err != nil {
		t.Fatal(err)
	}
	var last string
	for n := range 4 * cap(r.slots) {
		last = r.queue(fmt.Sprintf("+351910000%03d", n))
	}
	m, _, err := r.store.Queue(t.Context(), conversations.Draft{TenantID: "ten_1", ChannelID: "ch_2", Identity: "fake",
		To: channels.Recipient{Phone: "+351910000999"}, Content: channels.Content{Type: "text", Text: "hi"}})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-r.p.called:
		if got != m.ID {
			t.Errorf("%s was answered first", got)
		}
	case <-time.After(30 * time.Second):
		t.Error("the other channel's message waits")
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for { // as soon as enough calls are slow, the others say what they wait for
		w := r.until(last, conversations.Queued).Waiting
		if w != nil && w.Reason == conversations.WaitSlowCalls && !w.Until.IsZero() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the channel's own message waits %+v", w)
		}
	}
}
