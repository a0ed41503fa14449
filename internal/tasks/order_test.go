package tasks

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/registry"
)

// call is an account that only sends.
type call struct {
	channels.Account
	send func(ctx context.Context, out channels.Outbound) (channels.Sent, error)
}

func (c call) Send(ctx context.Context, out channels.Outbound) (channels.Sent, error) {
	return c.send(ctx, out)
}

// node starts a Sender of its own over d, and returns what stops it.
func node(t *testing.T, d *db.DB, name string, send func(context.Context, channels.Outbound) (channels.Sent, error)) (*conversations.Store, func()) {
	t.Helper()
	plain := func(b []byte, _ string) ([]byte, error) { return b, nil }
	store := conversations.NewStore(d, conversations.Options{Now: time.Now, Node: name, Seal: plain, Unseal: plain, MediaURL: func(string) string { return "" }})
	s := NewSender(SenderOptions{
		Store: store, Channels: office{open: &registry.Open{Channel: registry.Channel{ID: "ch_1", Throughput: 10000}, Account: call{send: send}}, paused: make(chan string, 10)},
		Limits: limits.NewCounter(nil, nil, nil, time.Now), Throughput: 80, Workers: 8, Log: slog.New(slog.DiscardHandler),
		Prepare: func(context.Context, string, *registry.Open, *channels.Outbound) error { return nil },
	})
	d.Listen(func(v any) {
		if _, ok := v.(conversations.SendsQueued); ok {
			s.Wake()
		}
	})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		store.Stop()
	})
	t.Cleanup(stop)
	return store, stop
}

func town(t *testing.T, d *db.DB) {
	t.Helper()
	for _, q := range []string{
		`INSERT INTO tenants (id, name, created_at) VALUES ('ten_1', 'one', 0)`,
		`INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at) VALUES ('ch_1', 'ten_1', 'fake', 'one', '{}', '', 0, 0)`,
	} {
		if _, err := d.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
}

// ledger is the provider's: what it took, in what order, and how many calls of a
// recipient were under way at once.
type ledger struct {
	mu     sync.Mutex
	under  map[string]int
	taken  map[string][]string
	faults []string
	n      int
	done   chan struct{} // closed when n reaches all
	all    int
}

// take refuses a third of the calls, for a moment, and says so.
func (l *ledger) take(_ context.Context, out channels.Outbound) (channels.Sent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := out.To.Phone
	if l.under[to]++; l.under[to] > 1 {
		l.faults = append(l.faults, "two calls at once to "+to)
	}
	l.mu.Unlock()
	pause := time.NewTimer(time.Duration(rand.IntN(3000)) * time.Microsecond)
	<-pause.C // a provider takes its time; the calls of other lanes go on
	l.mu.Lock()
	l.under[to]--
	switch rand.IntN(6) {
	case 0:
		return channels.Sent{}, &channels.SendError{Class: channels.ClassTransient, Code: "131016", RetryAfter: 10 * time.Millisecond}
	case 1:
		return channels.Sent{}, &channels.SendError{Class: channels.ClassThrottled, Scope: channels.ScopeLane, Code: "131056", RetryAfter: 10 * time.Millisecond}
	}
	l.taken[to] = append(l.taken[to], out.Content.Text)
	if l.n++; l.n == l.all {
		close(l.done)
	}
	return channels.Sent{ProviderID: fmt.Sprint("wamid.", l.n)}, nil
}

// Two nodes share a database, the provider refuses a third of the calls, and one
// node is replaced on the way: every contact gets the messages in the order in which
// they were accepted, one at a time.
func TestOrderAcrossNodes(t *testing.T) {
	const lanes, each = 20, 12
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		town(t, d)
		l := &ledger{under: map[string]int{}, taken: map[string][]string{}, done: make(chan struct{}), all: lanes * each}
		a, _ := node(t, d, "a", l.take)
		_, stop := node(t, d, "b", l.take)
		for i := range each {
			if i == each/2 {
				stop()
				node(t, d, "c", l.take)
			}
			for n := range lanes {
				_, _, err := a.Queue(t.Context(), conversations.Draft{TenantID: "ten_1", ChannelID: "ch_1", Identity: "fake",
					To: channels.Recipient{Phone: fmt.Sprintf("+1650555%04d", n)}, Content: channels.Content{Type: "text", Text: fmt.Sprintf("%03d", i)}})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		select {
		case <-l.done:
		case <-time.After(60 * time.Second):
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.n != l.all || len(l.faults) > 0 {
			t.Fatalf("%d of %d taken; %v", l.n, l.all, l.faults)
		}
		for to, texts := range l.taken {
			for i, text := range texts {
				if text != fmt.Sprintf("%03d", i) {
					t.Fatalf("%s got %v", to, texts)
				}
			}
		}
	})
}

// A call that is under way when the validity ends is ended with it, and what has
// not been sent by then expires once, soon, and is never sent.
func TestExpiresOnTime(t *testing.T) {
	tests := []struct {
		name string
		send func(ctx context.Context) error
	}{
		{"refused until then", func(context.Context) error {
			return &channels.SendError{Class: channels.ClassTransient, Code: "131016", RetryAfter: 200 * time.Millisecond}
		}},
		{"a call under way", func(ctx context.Context) error {
			<-ctx.Done()
			return &channels.SendError{Class: channels.ClassNotSent, Code: "not_sent", Err: ctx.Err()}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := dbtest.SQLite(t)
			town(t, d)
			var mu sync.Mutex
			var last time.Time
			store, _ := node(t, d, "a", func(ctx context.Context, _ channels.Outbound) (channels.Sent, error) {
				mu.Lock()
				last = time.Now()
				mu.Unlock()
				return channels.Sent{}, tt.send(ctx)
			})
			ended := announced(d)
			m, _, err := store.Queue(t.Context(), conversations.Draft{TenantID: "ten_1", ChannelID: "ch_1", Identity: "fake", ValidFor: 1500 * time.Millisecond,
				To: channels.Recipient{Phone: "+16505551234"}, Content: channels.Content{Type: "text", Text: "hi"}})
			if err != nil {
				t.Fatal(err)
			}
			at := ended(t, store, m.ID, conversations.Expired)
			if off := at.Sub(m.ValidUntil); off < 0 || off > 10*time.Second {
				t.Errorf("expired %v after its validity", off)
			}
			mu.Lock()
			defer mu.Unlock()
			if last.IsZero() || last.After(m.ValidUntil) {
				t.Errorf("last call at %v; valid until %v", last, m.ValidUntil)
			}
		})
	}
}

// A scheduled message is sent soon after its time (within a second, where the machine
// is not busy with other tests), and not before.
func TestSendsOnTime(t *testing.T) {
	d := dbtest.SQLite(t)
	town(t, d)
	called := make(chan time.Time, 10)
	store, _ := node(t, d, "a", func(context.Context, channels.Outbound) (channels.Sent, error) {
		called <- time.Now()
		return channels.Sent{ProviderID: "wamid.1"}, nil
	})
	at := time.Now().Add(1200 * time.Millisecond)
	if _, _, err := store.Queue(t.Context(), conversations.Draft{TenantID: "ten_1", ChannelID: "ch_1", Identity: "fake", SendAt: at,
		To: channels.Recipient{Phone: "+16505551234"}, Content: channels.Content{Type: "text", Text: "hi"}}); err != nil {
		t.Fatal(err)
	}
	select {
	case when := <-called:
		if off := when.Sub(at); off < -2*time.Millisecond || off > 10*time.Second { // SQLite's clock has milliseconds
			t.Errorf("sent %v after its time", off)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("not sent")
	}
}

// announced returns a function that waits until a message has a status, woken by
// every commit that queued or freed something.
func announced(d *db.DB) func(*testing.T, *conversations.Store, string, conversations.Status) time.Time {
	woken := make(chan struct{}, 1)
	d.Listen(func(any) {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	return func(t *testing.T, store *conversations.Store, id string, want conversations.Status) time.Time {
		t.Helper()
		deadline := time.After(60 * time.Second)
		for {
			m, err := store.GetMessage(t.Context(), "ten_1", id)
			if err != nil {
				t.Fatal(err)
			}
			if m.Status == want {
				return time.Now()
			}
			select {
			case <-woken:
			case <-deadline:
				t.Fatalf("%s; want %s", m.Status, want)
			}
		}
	}
}
