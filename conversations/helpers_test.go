package conversations

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
)

// bench is a store with a tenant, a channel and a clock that stands still.
type bench struct {
	*Store
	t   testing.TB
	d   *db.DB
	mu  sync.Mutex
	now time.Time
}

func plain(b []byte, _ string) ([]byte, error) { return b, nil }

func newBench(t testing.TB, d *db.DB) *bench {
	t.Helper()
	b := &bench{t: t, d: d, now: time.Now().UTC().Truncate(time.Microsecond)}
	b.Store = NewStore(d, Options{Now: b.clock, Node: "node_a", Seal: plain, Unseal: plain,
		MediaURL: func(id string) string { return "https://linktor.invalid/media/" + id }})
	t.Cleanup(b.Stop)
	b.exec(`INSERT INTO tenants (id, name, created_at) VALUES ('ten_1', 'one', 0), ('ten_2', 'two', 0)`)
	b.channel("ch_1")
	return b
}

// channel adds a channel of the first tenant.
func (b *bench) channel(id string) {
	b.t.Helper()
	b.exec(`INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at)
		VALUES ($1, 'ten_1', 'whatsapp', $1, '{}', '', 0, 0)`, id)
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) exec(query string, args ...any) {
	b.t.Helper()
	if _, err := b.d.Exec(b.t.Context(), query, args...); err != nil {
		b.t.Fatal(err)
	}
}

// user adds somebody who can be given conversations.
func (b *bench) user(id string) {
	b.t.Helper()
	b.exec(`INSERT INTO users (id, tenant_id, email, name, role, created_at, updated_at) VALUES ($1, 'ten_1', $1 || '@example.com', 'Agent', 'agent', 0, 0)`, id)
}

func (b *bench) count(query string, args ...any) (n int) {
	b.t.Helper()
	if err := b.d.Get(&n, query, args...); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// webhook is a body with the given events; n makes it different from others.
func (b *bench) webhook(n any, evs ...channels.Event) Webhook {
	return Webhook{TenantID: "ten_1", ChannelID: "ch_1", ChannelType: "whatsapp", Identity: "whatsapp", Window: 24 * time.Hour,
		Body: fmt.Append(nil, "body ", n), ReceivedAt: b.clock(), Events: evs}
}

func (b *bench) ingest(w Webhook) Applied {
	b.t.Helper()
	a, err := b.Ingest(b.t.Context(), w)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func text(providerID, phone, body string, at time.Time) channels.Event {
	return channels.Event{Kind: channels.EventMessage, Message: &channels.Inbound{
		ProviderID: providerID, At: at, Content: channels.Content{Type: channels.TypeText, Text: body},
		From:     channels.Party{Name: "Ada", Identities: []channels.Identity{{Kind: channels.IdentityPhone, Value: phone, Raw: phone[1:]}}},
		Metadata: map[string]string{"waMessageId": providerID},
	}}
}

func status(providerID string, s channels.Status, at time.Time) channels.Event {
	return channels.Event{Kind: channels.EventStatus, Status: &channels.StatusUpdate{ProviderID: providerID, Status: s, Provider: string(s), At: at}}
}

func (b *bench) draft(to, body string) Draft {
	return Draft{TenantID: "ten_1", ChannelID: "ch_1", ChannelType: "whatsapp", Identity: "whatsapp", Window: 24 * time.Hour,
		To: channels.Recipient{Phone: to}, ToRaw: to, Content: channels.Content{Type: channels.TypeText, Text: body}, Author: Author{Type: "api_key", ID: "key_1"}}
}

// open lets the business write to phone.
func (b *bench) open(phone string) {
	b.t.Helper()
	b.ingest(b.webhook("open "+phone, text("wamid.open."+phone, phone, "hello", b.clock())))
}

func (b *bench) queued(d Draft) Message {
	b.t.Helper()
	m, _, err := b.Queue(b.t.Context(), d)
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// threeQueued queues a message to each of three people who have just written.
func (b *bench) threeQueued() (ids []string) {
	b.t.Helper()
	for i := range 3 {
		phone := fmt.Sprintf("+1650555000%d", i)
		b.open(phone)
		ids = append(ids, b.queued(b.draft(phone, "x")).ID)
	}
	return ids
}

func (b *bench) claim(limit int) []Claim {
	b.t.Helper()
	c, err := b.ClaimSends(b.t.Context(), limit, ClaimFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) outcome(o Outcome) {
	b.t.Helper()
	if err := b.RecordSend(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) status(messageID string) Status {
	b.t.Helper()
	m, err := b.GetMessage(b.t.Context(), "ten_1", messageID)
	if err != nil {
		b.t.Fatal(err)
	}
	return m.Status
}

// log returns the tenant's events, checking that no number is missing.
func (b *bench) log(types ...string) (found []events.Event) {
	b.t.Helper()
	all, err := events.NewLog(b.d).Read(b.t.Context(), "ten_1", 0, 10000)
	if err != nil {
		b.t.Fatal(err)
	}
	for i, e := range all {
		if e.Seq != int64(i+1) {
			b.t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		if len(types) == 0 || e.Type == types[0] {
			found = append(found, e)
		}
	}
	return found
}

func decode(t testing.TB, raw json.RawMessage) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
