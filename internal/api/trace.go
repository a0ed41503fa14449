package api

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/realtime"
)

// traceBody is the whole story of a message.
type traceBody struct {
	Message messageBody  `json:"message"`
	Steps   []traceStep  `json:"steps" doc:"In the order of our clock."`
	Log     traceLogBody `json:"log"`
}

// traceLogBody says how far back events, and with them waits, can be told.
type traceLogBody struct {
	Epoch     string `json:"epoch"`
	OldestSeq int64  `json:"oldestSeq" doc:"Of the oldest event that is still kept."`
	Complete  bool   `json:"complete" doc:"Whether the log still reaches back to the message's beginning. If not, older waits and events are missing here."`
}

// traceStep is one thing that happened. Beside at, kind and summary it has the
// member that its kind names.
type traceStep struct {
	At      string `json:"at" format:"date-time" doc:"By our clock."`
	Kind    string `json:"kind" enum:"request,webhook,media,wait,attempt,status,event"`
	Summary string `json:"summary" doc:"A sentence for people."`

	Request *traceRequest `json:"request,omitempty"`
	Webhook *traceWebhook `json:"webhook,omitempty"`
	Media   *traceMedia   `json:"media,omitempty"`
	Wait    *waitingBody  `json:"wait,omitempty"`
	Attempt *attemptBody  `json:"attempt,omitempty"`
	Status  *statusBody   `json:"status,omitempty"`
	Event   *traceEvent   `json:"event,omitempty"`

	at time.Time
}

// traceRequest is the API call that made the message.
type traceRequest struct {
	RequestID      string                `json:"requestId"`
	Author         *conversations.Author `json:"author,omitempty"`
	IdempotencyKey string                `json:"idempotencyKey,omitempty" doc:"While it is remembered: 7 days."`
	Reference      string                `json:"reference,omitempty"`
	SendAt         string                `json:"sendAt,omitempty" format:"date-time"`
	ValidUntil     string                `json:"validUntil,omitempty" format:"date-time"`
}

// traceWebhook is a body of the provider that told of the message.
type traceWebhook struct {
	JournalID  string                     `json:"journalId" doc:"GET /api/v1/journal/{id} shows the body."`
	State      conversations.JournalState `json:"state" enum:"applied,partial,failed"`
	Deliveries int64                      `json:"deliveries" doc:"How many times exactly this body came. It was applied once."`
	LastAt     string                     `json:"lastAt" format:"date-time" doc:"When it came last."`
	TookMs     float64                    `json:"tookMs,omitempty" doc:"Milliseconds from its receipt to its commit."`
	Produced   producedBody               `json:"produced"`
}

// traceMedia is the fetching of an inbound file.
type traceMedia struct {
	ID       string      `json:"id"`
	State    media.State `json:"state"`
	MimeType string      `json:"mimeType,omitempty"`
	Size     int64       `json:"size,omitempty"`
	SHA256   string      `json:"sha256,omitempty"`
	Error    string      `json:"error,omitempty"`
}

// traceEvent is where a change stands in the log that sockets, streams and
// GET /api/v1/events read. It is open to all of them from the step's time on.
type traceEvent struct {
	ID     string `json:"id"`
	Seq    int64  `json:"seq"`
	Type   string `json:"type"`
	Cursor string `json:"cursor" doc:"The position after it: a client that has acknowledged this cursor has the event."`
}

type traceOutput struct{ Body traceBody }

// traceMessage serves GET /api/v1/messages/{id}/trace.
func (s *Server) traceMessage(ctx context.Context, in *messagePath) (*traceOutput, error) {
	m, err := s.ownMessage(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	typ, err := s.Registry.TypeOf(ctx, m.ChannelID)
	if err != nil {
		return nil, err
	}
	file, err := s.fileOf(ctx, m)
	if err != nil {
		return nil, err
	}
	var also []time.Time
	if file != nil {
		also = append(also, file.UpdatedAt)
	}
	t, err := s.Conversations.Trace(ctx, &m, also...)
	if err != nil {
		return nil, err
	}
	steps := traceSteps(m, t)
	if file != nil && m.Direction == conversations.Inbound {
		steps = append(steps, mediaStep(*file))
	}
	slices.SortStableFunc(steps, func(a, b traceStep) int { return a.at.Compare(b.at) })
	for i := range steps {
		steps[i].At = rfc3339(steps[i].at)
	}
	return &traceOutput{traceBody{Message: s.renderMessage(m, typ), Steps: steps, Log: traceLogBody(t.Log)}}, nil
}

// fileOf is the file of a message, nil if it has none with us.
func (s *Server) fileOf(ctx context.Context, m conversations.Message) (*media.Media, error) {
	part := m.Content.MediaPart()
	if part == nil || part.MediaID == "" {
		return nil, nil //nolint:nilnil // most messages have no file
	}
	file, err := s.Media.Get(ctx, m.TenantID, part.MediaID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil //nolint:nilnil // it was deleted
	}
	return &file, err
}

// traceSteps are the steps that the message store knows, those of one time in the
// order in which one leads to the other.
func traceSteps(m conversations.Message, t conversations.Trace) []traceStep {
	steps := []traceStep{}
	if m.RequestID != "" {
		r := &traceRequest{RequestID: m.RequestID, IdempotencyKey: t.IdempotencyKey, Reference: m.Reference, SendAt: rfc3339(m.ScheduledAt), ValidUntil: rfc3339(m.ValidUntil)}
		if m.Author.Type != "" {
			r.Author = &m.Author
		}
		steps = append(steps, traceStep{at: m.CreatedAt, Kind: "request", Summary: requestSummary(m), Request: r})
	}
	for _, j := range t.Journal {
		w := &traceWebhook{JournalID: j.ID, State: j.State, Deliveries: j.Deliveries, LastAt: rfc3339(j.LastAt),
			TookMs: float64(j.Took.Microseconds()) / 1000, Produced: producedBody{j.Logged, j.FirstSeq, j.LastSeq}}
		steps = append(steps, traceStep{at: j.ReceivedAt, Kind: "webhook", Summary: webhookSummary(j), Webhook: w})
	}
	for _, a := range t.Attempts {
		x, kept := t.Exchanges[a.Attempt]
		made := renderAttempt(m, a)
		made.Exchange, made.ExchangeLost = x, kept && x == nil
		steps = append(steps, traceStep{at: a.StartedAt, Kind: "attempt", Summary: attemptSummary(a), Attempt: &made})
	}
	for _, st := range t.Statuses {
		b := renderStatus(st)
		steps = append(steps, traceStep{at: st.ReceivedAt, Kind: "status", Summary: statusSummary(st), Status: &b})
	}
	for _, e := range t.Events {
		if e.Type == "message.waiting" {
			steps = append(steps, waitStep(e))
		}
		steps = append(steps, traceStep{at: e.At, Kind: "event", Summary: eventSummary(e), Event: &traceEvent{ID: e.ID, Seq: e.Seq, Type: e.Type,
			Cursor: realtime.Cursor{Epoch: t.Log.Epoch, Seq: e.Seq}.String()}})
	}
	return steps
}

// waitStep tells a wait from its event.
func waitStep(e events.Event) traceStep {
	var d struct{ Waiting *waitingBody }
	if err := json.Unmarshal(e.Data, &d); err != nil { // ours: cannot happen
		d.Waiting = nil
	}
	if d.Waiting == nil || d.Waiting.Reason == "" {
		return traceStep{at: e.At, Kind: "wait", Summary: "It waits no longer."}
	}
	return traceStep{at: e.At, Kind: "wait", Summary: waitSummary(*d.Waiting), Wait: d.Waiting}
}

func mediaStep(f media.Media) traceStep {
	return traceStep{at: f.UpdatedAt, Kind: "media", Summary: "The file is " + string(f.State) + ".",
		Media: &traceMedia{ID: f.ID, State: f.State, MimeType: f.MimeType, Size: f.Size, SHA256: f.SHA256, Error: f.Error}}
}
