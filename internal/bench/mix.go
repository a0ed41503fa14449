package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/id"
)

// parcel is a webhook to post and what it adds to the database.
type parcel struct {
	hook               *rig.Webhook
	messages, statuses int
}

// items is what the provider tells in p; what it told before counts as well.
func (p *parcel) items() int { return max(1, p.messages+p.statuses) }

// mix is a kind of load.
type mix struct {
	name string
	make func(ctx context.Context, w *world, s *scale) ([]parcel, error)
}

var mixes = []mix{
	{"1 message per body", func(_ context.Context, w *world, s *scale) ([]parcel, error) {
		return w.messages(s.bodies, 1), nil
	}},
	{"10 messages per body", func(_ context.Context, w *world, s *scale) ([]parcel, error) {
		return w.messages(s.batches, 10), nil
	}},
	{"30 % statuses", withStatuses},
	{"5 % of the bodies twice", withRepeats},
}

// messages makes n bodies of texts by customers in turn.
func (w *world) messages(n, perBody int) []parcel {
	list, tag, now := make([]parcel, n), rand.Text()[:10], time.Now()
	for i := range list {
		in := make([]rig.Inbound, perBody)
		for k := range in {
			m := i*perBody + k
			in[k] = rig.Inbound{ID: fmt.Sprintf("wamid.%s%08d", tag, m), From: rig.Customer(m % customers * w.stride), Text: fmt.Sprintf("message %d of the load", m), At: now}
		}
		list[i] = parcel{hook: w.lines[0].Messages(in...), messages: perBody}
	}
	return list
}

// withStatuses makes a load in which three of ten bodies say that a message which
// was sent before was delivered, and later that it was read.
func withStatuses(ctx context.Context, w *world, s *scale) ([]parcel, error) {
	list, tag := w.messages(s.bodies, 1), rand.Text()[:10]
	// Few enough messages that a round which ends early has told the second of some.
	words, some, n := []string{"delivered", "read"}, s.bodies/10, 0
	for i := range list {
		if i%10 >= 3 {
			continue
		}
		at, k := n/(2*some)*some+n%some, n/some%2
		a := rig.Accepted{ProviderID: sentID(tag, at), To: rig.Customer(at % customers)}
		list[i] = parcel{hook: w.lines[0].Status(a, words[k], time.Now().Add(time.Duration(k)*time.Second)), statuses: 1}
		n++
	}
	return list, w.storeSent(ctx, tag, n)
}

func sentID(tag string, n int) string { return fmt.Sprintf("wamid.S%s%d", tag, n) }

// storeSent stores n messages as they are after the provider has taken them.
func (w *world) storeSent(ctx context.Context, tag string, n int) error {
	now := time.Now()
	query := `WITH ` + w.series() + `, c AS (SELECT c.*, row_number() OVER (ORDER BY c.id) AS n FROM conversations c WHERE c.channel_id = $3)
		INSERT INTO messages (id, tenant_id, channel_id, conversation_id, contact_id, direction, type, status, content,
			provider_message_id, author, attempt, created_at, updated_at, sent_at)
		SELECT CAST($4 AS TEXT) || ` + numbered16 + `, c.tenant_id, c.channel_id, c.id, c.contact_id, 'outbound', 'text', 'sent', '{"type":"text","text":"sent before"}',
			CAST($5 AS TEXT) || i, 'api', 1, $6, $6, $6
		FROM g JOIN c ON c.n = 1 + i % (SELECT count(*) FROM c)`
	// Ids of a prefix sort by time: these are as old as their time, and their own.
	prefix := id.Floor(id.Message, now)[:len("msg_")+10] // 50 bits of time
	_, err := w.db.Exec(ctx, query, 0, n-1, w.lines[0].ChannelID, prefix, "wamid.S"+tag, now.UnixMicro())
	return err
}

// withRepeats makes a load in which every twentieth body is one that was delivered
// a moment before.
func withRepeats(_ context.Context, w *world, s *scale) ([]parcel, error) {
	const before = 100
	list := w.messages(s.bodies, 1)
	for i := range list {
		if i%20 == 19 && i > before {
			list[i] = parcel{hook: list[i-before].hook}
		}
	}
	return list, nil
}
