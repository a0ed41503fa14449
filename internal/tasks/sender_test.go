package tasks

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/registry"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider is an account whose answers the test decides.
type provider struct {
	channels.Account
	mu     sync.Mutex
	calls  []channels.Outbound
	times  []time.Time
	answer func(n int, out channels.Outbound) (channels.Sent, error)
	called chan string // message ids
}

func (p *provider) Send(ctx context.Context, out channels.Outbound) (channels.Sent, error) {
	p.mu.Lock()
	p.calls = append(p.calls, out)
	p.times = append(p.times, time.Now())
	n := len(p.calls)
	p.mu.Unlock()
	sent, err := channels.Sent{ProviderID: fmt.Sprint("wamid.", n)}, error(nil)
	if p.answer != nil {
		sent, err = p.answer(n, out)
	}
	p.called <- out.MessageID
	return sent, err
}

// office knows one channel.
type office struct {
	open   *registry.Open
	paused chan string
	asked  func() error // nil: it is always there
}

func (o office) Lookup(context.Context, string) (*registry.Open, error) {
	if o.asked != nil {
		if err := o.asked(); err != nil {
			return nil, err
		}
	}
	return o.open, nil
}

func (o office) Pause(_ context.Context, _, channelID, reason string) error {
	o.paused <- reason
	return nil
}

type rig struct {
	*Sender
	t      *testing.T
	d      *db.DB
	store  *conversations.Store
	p      *provider
	paused chan string
}

func newRig(t *testing.T, d *db.DB, throughput float64, answer func(int, channels.Outbound) (channels.Sent, error)) *rig {
	t.Helper()
	r := idleRig(t, d)
	r.p.answer = answer
	r.Channels.(office).open.Throughput = throughput
	d.Listen(func(v any) {
		if _, ok := v.(conversations.SendsQueued); ok {
			r.Wake()
		}
	})
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// idleRig is a rig that is not started.
func idleRig(t *testing.T, d *db.DB) *rig {
	t.Helper()
	plain := func(b []byte, _ string) ([]byte, error) { return b, nil }
	store := conversations.NewStore(d, conversations.Options{Now: time.Now, Node: "n1", Seal: plain, Unseal: plain, MediaURL: func(string) string { return "" }})
	town(t, d)
	t.Cleanup(store.Stop)
	r := &rig{t: t, d: d, store: store, p: &provider{called: make(chan string, 1000)}, paused: make(chan string, 10)}
	r.Sender = NewSender(SenderOptions{
		Store: store, Channels: office{open: &registry.Open{Channel: registry.Channel{ID: "ch_1", Throughput: 1000}, Account: r.p}, paused: r.paused},
		Limits: limits.NewCounter(nil, nil, nil, time.Now), Throughput: 80, Workers: 8, Log: slog.New(slog.DiscardHandler),
		Prepare: func(context.Context, string, *registry.Open, *channels.Outbound) error { return nil },
	})
	return r
}

// rounds claims what there is, as the claim loop does.
func (r *rig) rounds(ctx context.Context) {
	r.t.Helper()
	for more := true; more; {
		var err error
		if _, more, err = r.round(ctx); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) queue(to string) string {
	r.t.Helper()
	m, _, err := r.store.Queue(r.t.Context(), conversations.Draft{TenantID: "ten_1", ChannelID: "ch_1", Identity: "fake",
		To: channels.Recipient{Phone: to}, Content: channels.Content{Type: "text", Text: "hi"}})
	if err != nil {
		r.t.Fatal(err)
	}
	return m.ID
}

// until waits for a message to reach a status.
func (r *rig) until(id string, want conversations.Status) conversations.Message {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for {
		m, err := r.store.GetMessage(r.t.Context(), "ten_1", id)
		if err != nil {
			r.t.Fatal(err)
		}
		if m.Status == want {
			return m
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%s is %s (waiting %+v); want %s", id, m.Status, m.Waiting, want)
		}
	}
}

func TestDelivers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := newRig(t, d, 1000, nil)
		var ids []string
		for i := range 40 {
			ids = append(ids, r.queue(fmt.Sprintf("+1650555%04d", i%4)))
		}
		for _, id := range ids {
			r.until(id, conversations.Sent)
		}
		order := map[string][]string{}
		for _, c := range r.p.calls {
			order[c.To.Phone] = append(order[c.To.Phone], c.MessageID)
		}
		for phone, got := range order {
			for i := 1; i < len(got); i++ {
				if got[i] < got[i-1] {
					t.Errorf("%s: %s was sent after %s", phone, got[i-1], got[i])
				}
			}
		}
		if len(r.p.calls) != 40 {
			t.Errorf("%d calls for 40 messages", len(r.p.calls))
		}
	})
}

func TestKeepsTheRate(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), 50, nil)
	var ids []string
	for i := range 60 {
		ids = append(ids, r.queue(fmt.Sprintf("+1650555%04d", i)))
	}
	for _, id := range ids {
		r.until(id, conversations.Sent)
	}
	times := r.p.times
	for i := range times { // in any stretch, no more than the rate and its burst
		for j := i + 1; j < len(times); j++ {
			took := times[j].Sub(times[i])
			if most := 5 + 1 + int(took.Seconds()*50) + 1; j-i+1 > most+3 {
				t.Fatalf("%d calls in %v; the rate is 50 a second", j-i+1, took)
			}
		}
	}
}

func TestFailures(t *testing.T) {
	refuse := func(e channels.SendError) func(int, channels.Outbound) (channels.Sent, error) {
		return func(n int, _ channels.Outbound) (channels.Sent, error) {
			if n == 1 {
				return channels.Sent{}, &e
			}
			return channels.Sent{ProviderID: "wamid.ok"}, nil
		}
	}
	tests := []struct {
		name  string
		err   channels.SendError
		want  conversations.Status
		calls int
	}{
		{"refused for good", channels.SendError{Class: channels.ClassRejected, Code: "131009"}, conversations.Failed, 1},
		{"recipient unreachable", channels.SendError{Class: channels.ClassRecipient, Code: "131026"}, conversations.Failed, 1},
		{"unknown outcome is not repeated", channels.SendError{Class: channels.ClassUncertain, Code: "timeout"}, conversations.Uncertain, 1},
		{"provider down for a moment", channels.SendError{Class: channels.ClassNotSent, Code: "dial", RetryAfter: 10 * time.Millisecond}, conversations.Sent, 2},
		{"throttled", channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeLane, Code: "131056", RetryAfter: 10 * time.Millisecond}, conversations.Sent, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, dbtest.SQLite(t), 1000, refuse(tt.err))
			r.until(r.queue("+16505551234"), tt.want)
			if len(r.p.calls) != tt.calls {
				t.Errorf("%d calls; want %d", len(r.p.calls), tt.calls)
			}
		})
	}
}

func TestChannelErrorPausesTheChannel(t *testing.T) {
	r := newRig(t, dbtest.SQLite(t), 1000, func(int, channels.Outbound) (channels.Sent, error) {
		return channels.Sent{}, &channels.SendError{Class: channels.ClassChannel, Code: "190", Title: "The access token expired", Action: "Enter a new one."}
	})
	id := r.queue("+16505551234")
	if reason := <-r.paused; reason != "The access token expired. Enter a new one." {
		t.Errorf("paused because %q", reason)
	}
	m := r.until(id, conversations.Queued)
	if m.Waiting == nil || m.Waiting.Reason != "channel_paused" {
		t.Errorf("waiting %+v", m.Waiting)
	}
}

// The log says where an adapter failed, and not what it was given.
func TestPanicIsAnUnknownOutcome(t *testing.T) {
	r := idleRig(t, dbtest.SQLite(t))
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	r.p.answer = func(_ int, out channels.Outbound) (channels.Sent, error) { panic("adapter bug: " + out.To.Phone) }
	r.callCtx = t.Context()
	id := r.queue("+16505551234")
	r.rounds(t.Context())
	r.calls.Wait()
	r.until(id, conversations.Uncertain)
	if got := log.String(); !strings.Contains(got, "TestPanicIsAnUnknownOutcome") || !strings.Contains(got, "panic=string") || strings.Contains(got, "16505551234") {
		t.Errorf("logged %s", got)
	}
}
