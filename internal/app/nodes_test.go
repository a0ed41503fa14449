package app_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// pair is two servers on one database.
type pair struct {
	provider *rig.Provider
	node     [2]rig.Node
	api      [2]*rig.Client
	key      string
	line     *rig.Line
	greeted  int // customers who have written
}

// customers returns a function to name one of n who have written and got nothing yet:
// who gets many messages at once waits for the next.
func (p *pair) customers(t *testing.T, n int) (to func(i int) string) {
	t.Helper()
	from := p.greeted
	p.greeted += n
	if err := p.line.Greet(p.api[0], p.greeted); err != nil {
		t.Fatal(err)
	}
	return func(i int) string { return "+" + rig.Customer(from+i%n) }
}

func newPair(t *testing.T, postgres, redis string) *pair {
	t.Helper()
	p := &pair{}
	var err error
	if p.provider, err = rig.StartProvider(nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.provider.Stop)
	database, secret := newDatabase(t, postgres), make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	for i := range p.node {
		p.node[i] = newNode(t)
		p.node[i].Database, p.node[i].Redis = database, redis
		p.node[i].Env = []string{"LINKTOR_SECRET_KEY=" + base64.StdEncoding.EncodeToString(secret)}
		server, err := p.node[i].Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		if i == 0 {
			if p.key, err = p.node[0].NewKey(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		p.api[i] = rig.NewClient(p.node[i].Listen, p.key, 8)
	}
	if p.line, err = rig.NewLine(p.api[0], p.provider.URL, 1000); err != nil {
		t.Fatal(err)
	}
	return p
}

// Ensure that two servers on one database are one to those outside.
func TestNodes(t *testing.T) {
	postgres, redis := services(t)
	p := newPair(t, postgres, redis)
	t.Run("a webhook to one is a frame on the other's socket", p.testFrame)
	t.Run("a key deleted at one is refused by the other within 2 s", p.testRevoke)
	t.Run("both count against one limit", p.testLimit)
	t.Run("messages queued on one go out once", p.testSends)
}

func (p *pair) testFrame(t *testing.T) {
	ws, err := rig.Subscribe(t.Context(), p.node[1].Listen, p.key, "message.received")
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	hook := p.line.Messages(rig.Inbound{ID: "wamid." + rand.Text(), From: rig.Customer(7), Text: "across", At: time.Now()})
	if ok, err := p.line.Post(p.api[0], hook); err != nil || !ok {
		t.Fatalf("the webhook was not taken: %v", err)
	}
	_, data, err := ws.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Event struct {
			Data struct{ Content struct{ Text string } }
		}
	}
	if err := json.Unmarshal(data, &f); err != nil || f.Event.Data.Content.Text != "across" {
		t.Errorf("got %s, %v", data, err)
	}
}

func (p *pair) newKey(t *testing.T, draft map[string]any) (id, key string) {
	t.Helper()
	var made struct{ ID, Key string }
	if err := p.api[0].Call("POST", "/api/v1/keys", draft, &made); err != nil {
		t.Fatal(err)
	}
	return made.ID, made.Key
}

func (p *pair) testRevoke(t *testing.T) {
	id, key := p.newKey(t, map[string]any{"name": "short lived", "permissions": []string{"messages:view"}, "perMinute": 0, "perDay": 0})
	other := rig.NewClient(p.node[1].Listen, key, 1)
	if status, answer, err := other.Do("GET", "/api/v1/messages", nil); err != nil || status != 200 {
		t.Fatalf("the other node refuses a new key: %d %s %v", status, answer, err)
	}
	if err := p.api[0].Call("DELETE", "/api/v1/keys/"+id, nil, nil); err != nil {
		t.Fatal(err)
	}
	const promised = 2 * time.Second
	for gone := time.Now(); ; {
		status, _, err := other.Do("GET", "/api/v1/messages", nil)
		if err != nil {
			t.Fatal(err)
		}
		if status == 401 {
			return
		}
		if since := time.Since(gone); since > promised {
			t.Fatalf("still %d after %s", status, since)
		}
		rig.Pause(t.Context(), 50*time.Millisecond)
	}
}

func (p *pair) testLimit(t *testing.T) {
	if n := p.allowed(t); n < perMinute || n > perMinute+1 { // one more has become free if this took 6 s
		t.Errorf("%d requests were allowed, want %d", n, perMinute)
	}
}

// perMinute is the limit of the key that allowed makes.
const perMinute = 10

// allowed is how many requests of a limited key get through that asks both in turn.
func (p *pair) allowed(t *testing.T) (n int) {
	t.Helper()
	_, key := p.newKey(t, map[string]any{"name": "slow", "permissions": []string{"messages:view"}, "perMinute": perMinute, "perDay": 0})
	clients := [2]*rig.Client{rig.NewClient(p.node[0].Listen, key, 1), rig.NewClient(p.node[1].Listen, key, 1)}
	for i := range 2 * perMinute {
		status, answer, err := clients[i%2].Do("GET", "/api/v1/messages", nil)
		switch {
		case err != nil:
			t.Fatal(err)
		case status == 200:
			n++
		case status != 429:
			t.Fatalf("got %d %s", status, answer)
		}
	}
	return n
}

func (p *pair) testSends(t *testing.T) {
	const sends = 200
	to := p.customers(t, 20)
	before := p.provider.Total()
	ids := make([]string, sends)
	for i := range ids {
		var m struct{ ID string }
		body := map[string]any{"channelId": p.line.ChannelID, "to": to(i), "content": map[string]string{"type": "text", "text": fmt.Sprintf("once %d", i)}}
		if err := p.api[0].Call("POST", "/api/v1/messages", body, &m); err != nil {
			t.Fatal(err)
		}
		ids[i] = m.ID
	}
	for _, id := range ids { // until all are settled: then nothing more goes out
		p.waitSent(t, id)
	}
	for _, id := range ids {
		if n := p.provider.Count(id); n != 1 {
			t.Errorf("message %s went out %d times", id, n)
		}
	}
	if n := p.provider.Total() - before; n != sends {
		t.Errorf("the provider got %d messages, want %d", n, sends)
	}
}

// waitSent waits until the other node shows the message as sent.
func (p *pair) waitSent(t *testing.T, id string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		var m struct{ Status string }
		if err := p.api[1].Call("GET", "/api/v1/messages/"+id, nil, &m); err != nil {
			t.Fatal(err)
		}
		if m.Status == "sent" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("message %s is still %s", id, m.Status)
		}
		rig.Pause(t.Context(), 20*time.Millisecond)
	}
}
