package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// kinds are the kinds of a trace's steps, in order.
func kinds(trace map[string]any) (found []string) {
	steps, _ := trace["steps"].([]any)
	for _, s := range steps {
		k, _ := at(s, "kind").(string)
		if k == "event" {
			k += " " + at(s, "event", "type").(string)
		}
		found = append(found, k)
	}
	return found
}

func step(trace map[string]any, kind string) any {
	steps, _ := trace["steps"].([]any)
	i := slices.IndexFunc(steps, func(s any) bool { return at(s, "kind") == kind })
	if i < 0 {
		return nil
	}
	return steps[i]
}

// One call tells how a message was asked for, tried twice, sent and reported on.
func TestTraceOfASend(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		other := l.do(202, "POST", "/api/v1/messages", `{"channelId":"`+l.wire.ID+`","to":"+5511999999999","content":{"type":"text","text":"first"}}`)
		sent := l.do(202, "POST", "/api/v1/messages", `{"channelId":"`+l.wire.ID+`","to":"+5511999999999","content":{"type":"text","text":"hi"},"reference":"r1"}`, "Idempotency-Key", "order-7")
		id := at(sent, "id").(string)
		l.attempt(conversations.Outcome{Verdict: conversations.VerdictSent, Sent: channels.Sent{ProviderID: "out0"}})
		l.attempt(conversations.Outcome{Verdict: conversations.VerdictRetry, Wait: time.Minute, Reason: "retry", Spent: true,
			Err: &channels.SendError{Class: channels.ClassTransient, Code: "503", Title: "Away", HTTPStatus: 503, Exchange: &channels.Exchange{Method: "POST", URL: "https://wire.example.com", Status: 503, Response: "away"}}})
		if _, err := d.Exec(t.Context(), `UPDATE sends SET due_at = 0`); err != nil {
			t.Fatal(err)
		}
		l.attempt(conversations.Outcome{Verdict: conversations.VerdictSent, Sent: channels.Sent{ProviderID: "out1", Exchange: &channels.Exchange{Method: "POST", Status: 200, Request: `{"text":"hi"}`}}})
		report := conversations.Webhook{TenantID: "ten_a", ChannelID: l.wire.ID, ChannelType: "wire", Identity: "wire", Body: []byte("report"), ReceivedAt: time.Now(),
			Events: []channels.Event{{Kind: channels.EventStatus, Status: &channels.StatusUpdate{ProviderID: "out1", Status: channels.StatusDelivered, Provider: "DELIVRD", At: time.Now().Add(-time.Hour)}}}}
		for range 2 {
			if _, err := l.Ingester.Ingest(t.Context(), report); err != nil {
				t.Fatal(err)
			}
		}
		trace := l.do(200, "GET", "/api/v1/messages/"+id+"/trace", "")
		got := kinds(trace)
		counts := map[string]int{}
		for _, k := range got {
			counts[k]++
		}
		want := map[string]int{"request": 1, "event message.created": 1, "attempt": 2, "wait": 1, "event message.waiting": 1, "event message.status": 2, "webhook": 1, "status": 1}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Fatalf("steps (-want +got):\n%s\n%v", diff, got)
		}
		if got[0] != "request" || slices.Index(got, "webhook") > slices.Index(got, "status") || slices.Index(got, "wait") < slices.Index(got, "attempt") {
			t.Errorf("the order is %v", got)
		}
		if r := at(step(trace, "request"), "request"); at(r, "idempotencyKey") != "order-7" || at(r, "requestId") == nil || at(r, "author", "id") != "key_test" || at(r, "reference") != "r1" {
			t.Errorf("request %v", r)
		}
		if a := at(step(trace, "attempt"), "attempt"); at(a, "outcome") != "transient" || at(a, "exchange", "status") != 503.0 || at(a, "exchange", "response") != "away" {
			t.Errorf("attempt %v", a)
		}
		if w := at(step(trace, "wait"), "wait"); at(w, "reason") != "retry" || at(w, "until") == nil {
			t.Errorf("wait %v", w)
		}
		if w := at(step(trace, "webhook"), "webhook"); at(w, "deliveries") != 2.0 || at(w, "produced", "events") != 1.0 || !strings.HasPrefix(at(w, "journalId").(string), "jrn_") {
			t.Errorf("webhook %v", w)
		}
		if s := at(step(trace, "status"), "status"); at(s, "provider") != "DELIVRD" || at(s, "applied") != true || at(s, "providerAt") == at(s, "receivedAt") {
			t.Errorf("status %v", s)
		}
		raw, err := json.Marshal(trace)
		if err != nil || strings.Contains(string(raw), at(other, "id").(string)) {
			t.Errorf("the trace tells of another message, %v", err)
		}
		if at(trace, "log", "complete") != true || at(trace, "message", "id") != id {
			t.Errorf("log %v", at(trace, "log"))
		}
		l.do(404, "GET", "/api/v1/messages/"+id+"/trace", "", "X-API-Key", "ten_b/*")
		l.do(404, "GET", "/api/v1/messages/"+id+"/trace", "", "X-API-Key", "ten_a/messages:view,in="+l.loose.ID)
	})
}

// attempt claims the next message and records how the call ended.
func (l *lab) attempt(o conversations.Outcome) {
	l.t.Helper()
	claims, err := l.Conversations.ClaimSends(l.t.Context(), 1, conversations.ClaimFilter{})
	if err != nil || len(claims) != 1 {
		l.t.Fatalf("claims %v, %v", claims, err)
	}
	o.Claim = claims[0]
	if err := l.Conversations.RecordSend(l.t.Context(), o); err != nil {
		l.t.Fatal(err)
	}
}

func TestTraceOfAnInboundMessage(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		l.receive("p1", "hello")
		list := l.do(200, "GET", "/api/v1/messages", "")
		path := "/api/v1/messages/" + at(list, "data", 0, "id").(string) + "/trace"
		trace := l.do(200, "GET", path, "")
		if diff := cmp.Diff([]string{"webhook", "event message.received"}, kinds(trace)); diff != "" {
			t.Error(diff)
		}
		if w := at(step(trace, "webhook"), "webhook"); at(w, "deliveries") != 2.0 || at(w, "state") != "applied" {
			t.Errorf("webhook %v", w)
		}
		// The story is told from the tables alone where the rest is not known.
		for _, query := range []string{`DELETE FROM journal_results`, `DELETE FROM events WHERE seq < 3`} {
			if _, err := d.Exec(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		if got := kinds(l.do(200, "GET", path, "")); !slices.Contains(got, "event message.received") {
			t.Errorf("without the results of the journal: %v", got)
		}
	})
}
