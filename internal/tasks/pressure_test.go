package tasks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/whatsapp"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/simulator"
)

const (
	pressureTier  = 20 // people whom templates may reach
	utilityCount  = 10
	marketingLoad = 40
	pairLoad      = 60
	pressureSlots = 32 // calls at once
)

// strictPressure reports whether this is the long form, which has the machine to
// itself: it says how good the limits are, the short form finds what is broken.
func strictPressure() bool { return os.Getenv("LINKTOR_PRESSURE") != "" }

// pairSeen is how many messages to one person, sent one after the other behind the
// replies, are waited for.
func pairSeen() int {
	if strictPressure() {
		return 10
	}
	return 2
}

// inFlight is how many calls may be under way at this rate, in which later ones can
// arrive first: on a slow machine all.
func inFlight() int {
	if strictPressure() {
		return 4
	}
	return pressureSlots
}

// pressureRate is how many messages a second the provider allows: in the short form,
// which shares the machine with other tests, no more than a slow machine can do.
func pressureRate() int {
	if strictPressure() {
		return 80
	}
	return 20
}

// pressureTime is how long the channel is kept at its limit: a few seconds, or what
// LINKTOR_PRESSURE says, such as 2m.
func pressureTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("LINKTOR_PRESSURE")
	if text == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// watch notes what reaches the provider, in order.
type watch struct {
	mu    sync.Mutex
	kinds []string
	times []time.Time
	news  chan struct{}
}

func (w *watch) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		var body struct {
			Type string `json:"type"`
			To   string `json:"to"`
		}
		if json.Unmarshal(raw, &body) == nil && body.Type != "" {
			kind := "reply"
			for prefix, k := range map[string]string{"1650556": "marketing", "1650557": "utility", "16505559999": "pair"} {
				if strings.HasPrefix(strings.TrimPrefix(body.To, "+"), prefix) {
					kind = k
				}
			}
			w.mu.Lock()
			w.kinds, w.times = append(w.kinds, kind), append(w.times, time.Now())
			w.mu.Unlock()
			select {
			case w.news <- struct{}{}:
			default:
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		next.ServeHTTP(rw, r)
	})
}

func (w *watch) count(kind string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// At full pressure the provider sees no violation of its limits and nearly all of
// what it allows is used; replies go before utility, utility before marketing.
func TestPressure(t *testing.T) {
	d := dbtest.SQLite(t)
	sim := simulator.New(simulator.Options{BaseURL: "http://127.0.0.1", Behaviour: &simulator.Behaviour{Statuses: simulator.StatusesNone,
		Throttle: true, PairLimit: true, TierLimit: true, PerSecond: pressureRate(), Tier: pressureTier}})
	sim.AddWhatsApp(simulator.WhatsAppNumber{PhoneNumberID: "309900000000001", WABAID: "waba", DisplayPhone: "15550783881", Name: "Shop", AccessToken: "token"})
	w := &watch{news: make(chan struct{}, 1)}
	srv := httptest.NewServer(w.handler(sim.Handler()))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		srv.Close()
	})
	s, store := pressureSender(t, d, srv.URL+"/graph", client)
	replies := int(pressureTime(t).Seconds()) * pressureRate()
	load(t, store, replies)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	done := func() bool {
		return w.count("reply") >= replies && w.count("utility")+w.count("marketing") >= pressureTier && w.count("pair") >= pairSeen()
	}
	deadline := time.After(2*pressureTime(t) + 120*time.Second)
	for !done() {
		select {
		case <-w.news:
		case <-deadline:
			t.Fatalf("reached the provider: %d replies, %d to one person, %d utility, %d marketing", w.count("reply"), w.count("pair"), w.count("utility"), w.count("marketing"))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	judgePressure(t, sim, w, replies)
}

func judgePressure(t *testing.T, sim *simulator.Simulator, w *watch, replies int) {
	t.Helper()
	last := 0 // the last reply
	counts := map[string]int{}
	for i, k := range w.kinds {
		counts[k]++
		if k == "reply" {
			last = i
		}
		late := counts["utility"] < utilityCount-inFlight() && k == "marketing" || counts["reply"] < replies-inFlight()
		if late && (k == "utility" || k == "marketing") {
			t.Errorf("call %d is %s, after %v", i+1, k, counts)
			break
		}
	}
	took := w.times[last].Sub(w.times[0])
	used := float64(last+1) / took.Seconds() / float64(pressureRate())
	c := sim.State().Counters
	t.Logf("%d calls in %v: %.1f %% of the throughput used; %v; counters %v", last+1, took.Round(time.Millisecond), 100*used, counts, c)
	for _, violation := range []string{"throughputExceeded", "pairLimitExceeded", "tierExceeded", "refused"} {
		if c[violation] != 0 {
			t.Errorf("%s: %d", violation, c[violation])
		}
	}
	want := 0.25
	if strictPressure() {
		want = 0.95
	}
	if used < want {
		t.Errorf("%.1f %% of the throughput used; want %.0f", 100*used, 100*want)
	}
	if counts["pair"] < pairSeen() || counts["pair"] > 45 && pressureTime(t) < 4*time.Minute || counts["utility"] != utilityCount || counts["marketing"] != pressureTier-utilityCount {
		t.Errorf("reached the provider: %v", counts)
	}
}

// pressureSender is a sender over one WhatsApp channel at graphURL.
func pressureSender(t *testing.T, d *db.DB, graphURL string, client *http.Client) (*Sender, *conversations.Store) {
	t.Helper()
	plain := func(b []byte, _ string) ([]byte, error) { return b, nil }
	store := conversations.NewStore(d, conversations.Options{Now: time.Now, Node: "n1", Seal: plain, Unseal: plain, MediaURL: func(string) string { return "" }})
	t.Cleanup(store.Stop)
	for _, q := range []string{
		`INSERT INTO tenants (id, name, created_at) VALUES ('ten_1', 'one', 0)`,
		`INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at) VALUES ('ch_1', 'ten_1', 'whatsapp', 'one', '{}', '', 0, 0)`,
	} {
		if _, err := d.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.SetTier(t.Context(), "ten_1", "ch_1", "", "TIER", pressureTier, "operator"); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf(`{"phoneNumberId":"309900000000001","accessToken":"token","graphBaseUrl":%q}`, graphURL)
	account, err := whatsapp.Adapter{}.Open(json.RawMessage(settings), channels.Env{HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	open := &registry.Open{Channel: registry.Channel{ID: "ch_1", TenantID: "ten_1", Throughput: float64(pressureRate()), TierPolicy: "wait"},
		Account: account, Description: whatsapp.Adapter{}.Describe()}
	s := NewSender(SenderOptions{Store: store, Channels: office{open: open, paused: make(chan string, 10)}, Limits: limits.NewCounter(nil, nil, nil, time.Now),
		Throughput: float64(pressureRate()), Workers: pressureSlots, Log: slog.New(slog.DiscardHandler),
		Prepare: func(context.Context, string, *registry.Open, *channels.Outbound) error { return nil }})
	return s, store
}

// load queues the least urgent first.
func load(t *testing.T, store *conversations.Store, replies int) {
	t.Helper()
	var drafts []conversations.Draft
	add := func(n int, category string, to func(i int) string) {
		for i := range n {
			c := channels.Content{Type: channels.TypeText, Text: "hello"}
			if category != "" {
				c = channels.Content{Type: channels.TypeTemplate, Template: &channels.TemplateUse{Name: "hello_world", Language: channels.Language{Code: "en_US"}}}
			}
			drafts = append(drafts, conversations.Draft{TenantID: "ten_1", ChannelID: "ch_1", ChannelType: "whatsapp", Identity: "whatsapp",
				To: channels.Recipient{Phone: to(i)}, Content: c, Category: category})
		}
	}
	add(marketingLoad, "MARKETING", func(i int) string { return fmt.Sprintf("+1650556%04d", i) })
	add(utilityCount, "UTILITY", func(i int) string { return fmt.Sprintf("+1650557%04d", i) })
	add(replies, "", func(i int) string { return fmt.Sprintf("+165058%05d", i) })
	add(pairLoad, "", func(int) string { return "+16505559999" })
	var wg sync.WaitGroup
	for part := range 8 { // one person's messages stay in order: they are in one part only by chance, which is enough here
		wg.Go(func() {
			for i := part; i < len(drafts); i += 8 {
				if _, _, err := store.Queue(t.Context(), drafts[i]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
