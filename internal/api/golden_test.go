package api

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/templates"
)

// The published shapes: testdata/golden holds each resource with every member.
// Members are only ever added; run with LINKTOR_UPDATE=1 to write them.
func TestGoldenBodies(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 11, 21, 10, 0, s, 123e6, time.UTC) }
	s := &Server{Deps: Deps{PublicURL: "https://linktor.example.com", Now: func() time.Time { return at(30) }}}
	s.Media = media.NewStore(media.Options{Key: []byte("0123456789abcdef0123456789abcdef"), PublicURL: s.PublicURL, Now: s.Now})
	s.Registry = registry.New(nil, clearSeal{}, []channels.Adapter{wire{"wire"}, wire{"loose"}}, channels.Env{}, s.Now, quiet())
	message := conversations.Message{
		ID: "msg_1", ChannelID: "ch_1", ConversationID: "conv_1", ContactID: "cont_1", Direction: "outbound", Type: "image", Status: "failed",
		From: "+15550001", To: "+15550002", Content: channels.Content{Type: "image", Image: &channels.Media{MediaID: "med_1", MimeType: "image/png", Caption: "Cat"}},
		ProviderID: "wamid.1", ReplyToID: "msg_0", Options: channels.Options{Priority: "HIGH"}, Author: conversations.Author{Type: "api_key", ID: "key_1"},
		Context: &channels.Context{MessageID: "wamid.0"}, Referral: &channels.Referral{SourceType: "ad"}, GroupID: "group_1",
		Reference: "order 7", Category: "UTILITY", Attempt: 2, PossibleDuplicate: true, TrackingLost: true, JournalID: "jrn_1", RequestID: "req_1",
		Error:      &channels.ProviderError{Class: "recipient", Code: "131026", Title: "Undeliverable", Action: "Check the number.", Detail: "..."},
		Pricing:    &channels.Pricing{Billable: true, Model: "PMP", Type: "regular", Category: "utility"},
		Waiting:    &conversations.Waiting{Reason: "retry", Until: at(9)},
		Metadata:   map[string]string{"waMessageId": "wamid.1"},
		ProviderAt: at(1), CreatedAt: at(0), UpdatedAt: at(8), SentAt: at(2), DeliveredAt: at(3), ReadAt: at(4), FailedAt: at(5), DeletedAt: at(6), ValidUntil: at(7),
		ScheduledAt: at(10), UsedFallback: true, LateAcceptance: true,
		Delivery: conversations.Delivery{Ordering: conversations.OrderBestEffort, Fallback: &conversations.Fallback{Content: channels.Content{Type: "template", Template: &channels.TemplateUse{Name: "order"}}}},
	}
	timeline := conversations.Timeline{
		Attempts: []conversations.Attempt{{Attempt: 1, Node: "node_1", StartedAt: at(1), FinishedAt: at(2), Outcome: "transient", Code: "131000", Title: "Error", Detail: "d", HTTPStatus: 500, ProviderID: "wamid.1", Fallback: true}},
		Statuses: []conversations.StatusRecord{{Status: "failed", Provider: "failed", At: at(3), ReceivedAt: at(4), Applied: true, Error: message.Error, Pricing: message.Pricing, JournalID: "jrn_2"}},
	}
	channel := registry.Channel{ID: "ch_1", TenantID: "ten_a", Type: "loose", Name: "Shop", Enabled: true, Settings: json.RawMessage(`{"number":"12","verifyToken":"v"}`),
		Secrets: []string{"secret"}, Generated: map[string]string{"verifyToken": "v"}, WebhookToken: "token", OnUncertain: "auto",
		Health: json.RawMessage(`{"ok":false,"problems":["The token has expired. Make a new one."]}`), PausedReason: "The token has expired.", CreatedAt: at(0), UpdatedAt: at(1)}
	operator := &account.Principal{Permissions: account.AllPermissions()}
	bodies := map[string]any{
		"message":  s.renderMessage(message, "wire"),
		"timeline": renderTimeline(message, timeline),
		"trace":    goldenTrace(s, message, timeline),
		"conversation": s.renderConversation(operator, conversations.Conversation{ID: "conv_1", ChannelID: "ch_1", ContactID: "cont_1", Status: "snoozed", AssigneeID: "user_1",
			Labels: []string{"vip"}, UnreadCount: 3, LastMessageAt: at(1), LastInboundAt: at(1), WindowExpiresAt: at(40), SnoozedUntil: at(50), CreatedAt: at(0), UpdatedAt: at(2), ResolvedAt: at(3),
			ContactName: "Ada L.", ContactProfileName: "Ada", LastMessage: &conversations.MessageSummary{ID: "msg_1", Direction: "inbound", Type: "text", Status: "received", Preview: "Hi"}}, "wire"),
		"contact": renderContact(conversations.Contact{ID: "cont_1", Name: "Ada L.", ProfileName: "Ada", Country: "BR", Attributes: json.RawMessage(`{"plan":"pro"}`),
			Identities: []conversations.ContactIdentity{{ChannelType: "wire", Kind: "phone", Value: "+5511999999999", Raw: "5511999999999"}}, CreatedAt: at(0), UpdatedAt: at(1)}),
		"channel":            s.renderChannel(operator, channel),
		"channel_for_viewer": s.renderChannel(&account.Principal{}, channel),
		"template": renderTemplate(templates.Template{ID: "tmpl_1", ChannelID: "ch_1", Template: channels.Template{ProviderID: "1", Name: "order", Language: "pt_BR", Category: "UTILITY", Status: "REJECTED",
			Quality: "GREEN", RejectedReason: "INVALID_FORMAT", ParameterFormat: "NAMED", TTLSeconds: 600, Components: json.RawMessage(`[{"type":"BODY","text":"Hi {{name}}"}]`)}, CreatedAt: at(0), UpdatedAt: at(1), SyncedAt: at(2)}),
		"media": s.renderMedia(media.Media{ID: "med_1", State: media.Ready, MimeType: "image/png", Filename: "cat.png", Size: 5, SHA256: "ab", MessageID: "msg_1", CreatedAt: at(0)}),
		"journal": journalEntryBody{journalBody: renderJournal(conversations.JournalEntry{ID: "jrn_1", ChannelID: "ch_1", State: "partial", Problems: []conversations.JournalProblem{{Item: 1, Reason: "has no sender"}},
			Headers: map[string]string{"Content-Type": "application/json"}, Size: 2, SHA256: "ab", Truncated: true, Events: 2, Deliveries: 3, Logged: 2, FirstSeq: 7, LastSeq: 9, Took: 4500 * time.Microsecond, ReceivedAt: at(0), LastAt: at(1), AppliedAt: at(2)}), Body: "{}"},
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) { golden(t, name, body) })
	}
}

// goldenTrace has a step of every kind.
func goldenTrace(s *Server, m conversations.Message, t conversations.Timeline) traceBody {
	at := func(i int) time.Time { return m.CreatedAt.Add(time.Duration(i) * time.Second) }
	steps := traceSteps(m, conversations.Trace{
		Timeline: t, IdempotencyKey: "order-7",
		Exchanges: map[int64]*channels.Exchange{1: {Method: "POST", URL: "https://graph.facebook.com/v25.0/12/messages?[removed]", Request: "{}", Status: 500,
			Header: map[string]string{"X-Fb-Trace-Id": "A1"}, Response: "{}", Error: "unexpected EOF", TookMs: 12.5}},
		Journal: []conversations.JournalEntry{{ID: "jrn_2", State: "applied", Deliveries: 2, ReceivedAt: at(4), LastAt: at(5), Took: 4500 * time.Microsecond, Logged: 1, FirstSeq: 8, LastSeq: 8}},
		Events: []events.Event{
			{ID: "evt_1", Seq: 7, Type: "message.waiting", At: at(2), Data: []byte(`{"waiting":{"reason":"tier_limit","until":"2026-11-21T11:00:00.000Z","limit":250,"used":250}}`)},
			{ID: "evt_2", Seq: 8, Type: "message.status", At: at(4), Data: []byte(`{"status":"failed","previousStatus":"sent"}`)},
		},
		Log: conversations.TraceLog{Epoch: "e1", OldestSeq: 3, Complete: true},
	})
	steps = append(steps, mediaStep(media.Media{ID: "med_1", State: media.Failed, MimeType: "image/png", Size: 5, SHA256: "ab", Error: "It is too large.", UpdatedAt: at(6)}))
	for i := range steps {
		steps[i].At = rfc3339(steps[i].at)
	}
	return traceBody{Message: s.renderMessage(m, "wire"), Steps: steps, Log: traceLogBody{"e1", 3, true}}
}

func golden(t *testing.T, name string, body any) {
	t.Helper()
	got, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", "golden", name+".json")
	if os.Getenv("LINKTOR_UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s (-want +got):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

// The document and the routes are the same list, and every operation says who may
// call it.
func TestOpenAPI(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	got := call(t, l.Server, "GET", "/openapi.json", "")
	var doc struct {
		Paths      map[string]map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(got.body), &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			id, _ := op["operationId"].(string)
			if id == "" || seen[id] || op["summary"] == nil || op["x-access"] == nil {
				t.Errorf("%s %s: operation id %q, summary %v, access %v", method, path, id, op["summary"], op["x-access"])
			}
			seen[id] = true
			if responses, _ := op["responses"].(map[string]any); responses["default"] == nil {
				t.Errorf("%s %s names no problem", method, path)
			}
		}
	}
	for _, r := range l.Routes() {
		if len(r.Path) < 8 || r.Path[:8] != "/api/v1/" {
			continue
		}
		if doc.Paths[r.Path][strings.ToLower(r.Method)] == nil {
			t.Errorf("%s %s is not in the document", r.Method, r.Path)
		}
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		if doc.Components.Schemas[name] != nil {
			t.Errorf("the document describes %s, which is never sent", name)
		}
	}
}
