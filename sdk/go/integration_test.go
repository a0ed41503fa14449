package linktor

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// realServer returns a client of the server that the environment names.
func realServer(t *testing.T) (*Client, context.Context) {
	t.Helper()
	base, key := os.Getenv("LINKTOR_TEST_SERVER"), os.Getenv("LINKTOR_TEST_API_KEY")
	if base == "" || key == "" {
		t.Skip("set LINKTOR_TEST_SERVER and LINKTOR_TEST_API_KEY")
	}
	at := &http.Transport{}
	t.Cleanup(at.CloseIdleConnections)
	c, err := New(WithBaseURL(base), WithAPIKey(key), WithHTTPClient(&http.Client{Transport: at}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return c, ctx
}

// openConversation returns a conversation on WhatsApp whose window is open, and
// the customer's number.
func openConversation(t *testing.T, ctx context.Context, c *Client) (Conversation, string) {
	t.Helper()
	for conv, err := range c.Conversations.All(ctx, ConversationFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if !conv.WindowOpen || conv.ChannelType != "whatsapp" {
			continue
		}
		contact, err := c.Contacts.Get(ctx, conv.ContactID)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range contact.Identities {
			if id.Kind == "phone" {
				return conv, id.Value
			}
		}
	}
	t.Fatal("nobody wrote to the demo channel yet")
	return Conversation{}, ""
}

func TestServerSendsAndReportsTicks(t *testing.T) {
	c, ctx := realServer(t)
	conv, to := openConversation(t, ctx, c)
	head, err := c.Events.List(ctx, EventFilter{Paging: Paging{After: "latest"}})
	if err != nil {
		t.Fatal(err)
	}
	params := SendParams{ChannelID: conv.ChannelID, To: to, Content: Text("Hello from the SDK"), Reference: "sdk-go"}
	key := WithIdempotencyKey("sdk-go-" + time.Now().Format(time.RFC3339Nano))
	m, err := c.Messages.Send(ctx, params, key)
	if err != nil {
		t.Fatal(err)
	}
	if twin, err := c.Messages.Send(ctx, params, key); err != nil || twin.ID != m.ID {
		t.Errorf("a repeat made %+v, %v", twin, err)
	}
	var steps []Status
	for e, err := range c.Realtime.Events(ctx, StreamOptions{Types: []string{TypeMessageStatus}, Cursor: head.Cursor}) {
		if err != nil {
			t.Fatal(err, steps)
		}
		data, err := e.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := data.(*MessageStatusChanged); ok && s.MessageID == m.ID {
			if steps = append(steps, s.Status); s.Status == Delivered || s.Status == Failed {
				break
			}
		}
	}
	if !slices.Contains(steps, Delivered) {
		t.Errorf("steps: %v", steps)
	}
	trace, err := c.Messages.Trace(ctx, m.ID)
	if err != nil || trace.Message.ID != m.ID || !slices.ContainsFunc(trace.Steps, func(s TraceStep) bool { return s.Attempt != nil && s.Attempt.Exchange != nil }) ||
		!slices.ContainsFunc(trace.Steps, func(s TraceStep) bool { return s.Request != nil && s.Request.IdempotencyKey != "" }) {
		t.Errorf("trace: %+v, %v", trace, err)
	}
	detail, err := c.Messages.Get(ctx, m.ID)
	if err != nil || detail.Timeline == nil || len(detail.Timeline.Attempts) == 0 || len(detail.Timeline.Statuses) == 0 {
		t.Errorf("got %+v, %v", detail, err)
	}
}

func TestServerErrors(t *testing.T) {
	c, ctx := realServer(t)
	if _, err := c.Messages.Get(ctx, "msg_00000000000000000000000000"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	conv, _ := openConversation(t, ctx, c)
	_, err := c.Messages.Send(ctx, SendParams{ChannelID: conv.ChannelID, To: "nobody", Content: Text("x")})
	var e *APIError
	if !errors.As(err, &e) || !errors.Is(err, ErrValidation) || len(e.Fields) == 0 || e.RequestID == "" {
		t.Errorf("got %v", err)
	}
}

func TestServerLists(t *testing.T) {
	c, ctx := realServer(t)
	types, err := c.Channels.Types(ctx)
	if err != nil || !slices.ContainsFunc(types, func(ct ChannelType) bool { return ct.Type == "whatsapp" }) {
		t.Errorf("got %v, %v", types, err)
	}
	conv, _ := openConversation(t, ctx, c)
	for what, err := range map[string]error{
		"messages":  drop(c.Messages.List(ctx, MessageFilter{})),
		"journal":   drop(c.Journal.List(ctx, JournalFilter{})),
		"templates": drop(c.Templates.List(ctx, conv.ChannelID, TemplateFilter{})),
		"contacts":  drop(c.Contacts.List(ctx, ContactFilter{})),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	limits, err := c.Channels.Limits(ctx, conv.ChannelID)
	if err != nil || limits.Throughput.Limit != 80 || limits.Breaker.State != "closed" || len(limits.TierPresets) == 0 {
		t.Errorf("limits: %+v, %v", limits, err)
	}
	m, err := c.Media.Upload(ctx, "dot.txt", "text/plain", strings.NewReader("dot"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err = c.Media.Get(ctx, m.ID); err != nil || m.Size != 3 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestServerSchedules(t *testing.T) {
	c, ctx := realServer(t)
	conv, to := openConversation(t, ctx, c)
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	fallback := Content{Type: "template", Template: &TemplateUse{Name: "hello_world", Language: Language{Code: "en_US"}}}
	m, err := c.Messages.Send(ctx, SendParams{ChannelID: conv.ChannelID, To: to, Content: Text("later"), SendAt: &at,
		Ordering: "bestEffort", FallbackTemplate: &fallback})
	if err != nil {
		t.Fatal(err)
	}
	if m.Status != Scheduled || m.SendAt == nil || !m.SendAt.Equal(at) || m.Ordering != "bestEffort" || m.FallbackTemplate == nil ||
		m.Waiting == nil || m.Waiting.Reason != "scheduled" {
		t.Errorf("got %+v", m)
	}
	if m, err = c.Messages.Cancel(ctx, m.ID); err != nil || m.Status != Cancelled {
		t.Errorf("cancelled: %+v, %v", m, err)
	}
	r, err := c.Messages.Retry(ctx, m.ID)
	if err != nil || r.PossibleDuplicate || r.Reason == "" || r.Message.ID != m.ID {
		t.Errorf("retried: %+v, %v", r, err)
	}
	_, err = c.Messages.Settle(ctx, m.ID, Settlement{Outcome: "failed"})
	if e := (*APIError)(nil); !errors.As(err, &e) || e.Status != http.StatusConflict {
		t.Errorf("settled what is not uncertain: %v", err)
	}
}

// A number that the simulated provider refuses makes a dead letter.
func TestServerDeadLetters(t *testing.T) {
	c, ctx := realServer(t)
	conv, _ := openConversation(t, ctx, c)
	m, err := c.Messages.Send(ctx, SendParams{ChannelID: conv.ChannelID, To: deadNumber,
		Content: Content{Type: "template", Template: &TemplateUse{Name: "hello_world", Language: Language{Code: "en_US"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for m.Status != Failed {
		<-time.After(20 * time.Millisecond)
		if m, err = c.Messages.Get(ctx, m.ID); err != nil {
			t.Fatal(err)
		}
	}
	letters, err := c.DeadLetters.List(ctx, DeadLetterFilter{ChannelID: conv.ChannelID, Code: m.Error.Code, From: time.Now().Add(-time.Hour)})
	if err != nil || len(letters.Data) == 0 || letters.Data[0].Message.ID != m.ID {
		t.Fatalf("got %+v, %v; want %s", letters, err, m.ID)
	}
	again, err := c.DeadLetters.Replay(ctx, DeadLetterReplay{MessageIDs: []string{m.ID}})
	if err != nil || again.Replayed != 1 {
		t.Errorf("got %+v, %v", again, err)
	}
}

// deadNumber is one of the simulator's numbers that cannot be reached.
const deadNumber = "+15550131026"

func TestServerReplaysTheJournal(t *testing.T) {
	c, ctx := realServer(t)
	openConversation(t, ctx, c)
	list, err := c.Journal.List(ctx, JournalFilter{State: "applied,partial", From: time.Now().Add(-24 * time.Hour), Paging: Paging{Limit: 1}})
	if err != nil || len(list.Data) != 1 || list.Data[0].SHA256 == "" {
		t.Fatalf("got %+v, %v", list, err)
	}
	one, err := c.Journal.Replay(ctx, list.Data[0].ID)
	if err != nil || one.Changed == nil || *one.Changed {
		t.Errorf("a replay of what is known: %+v, %v", one, err)
	}
	r := JournalRange{ChannelID: list.Data[0].ChannelID, Limit: 1}
	for steps := 0; ; steps++ {
		step, err := c.Journal.ReplayRange(ctx, r)
		if err != nil || step.Changed != 0 || step.Failed != 0 {
			t.Fatalf("step %d: %+v, %v", steps, step, err)
		}
		if r.After = step.Next; !step.HasMore || steps == 3 {
			break
		}
	}
}
