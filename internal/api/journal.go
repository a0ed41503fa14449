package api

import (
	"context"
	"net/http"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
)

func (s *Server) registerJournal() {
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/journal" + path, Summary: summary, Tags: []string{"Journal"}}
	}
	view := need(account.ViewJournal)
	route(s, op("list-journal", http.MethodGet, "", "List webhook bodies as received, newest first"), view, s.listJournal)
	route(s, op("get-journal-entry", http.MethodGet, "/{id}", "Get one with its body"), view, s.getJournal)
	route(s, op("replay-journal-entry", http.MethodPost, "/{id}/replay", "Apply one again"), need(account.ManageJournal), s.replayJournal)
}

type journalBody struct {
	ID         string                         `json:"id"`
	ChannelID  string                         `json:"channelId"`
	State      conversations.JournalState     `json:"state" enum:"applied,partial,failed"`
	Problems   []conversations.JournalProblem `json:"problems" nullable:"false"`
	Headers    map[string]string              `json:"headers"`
	Size       int64                          `json:"size" doc:"Bytes."`
	Events     int64                          `json:"events" doc:"Items in the body."`
	Deliveries int64                          `json:"deliveries" doc:"How many times exactly this body came."`
	ReceivedAt string                         `json:"receivedAt" format:"date-time"`
	LastAt     string                         `json:"lastAt" format:"date-time"`
	AppliedAt  string                         `json:"appliedAt,omitempty" format:"date-time"`
}

type journalEntryBody struct {
	journalBody
	Body       string `json:"body,omitempty" doc:"As received, if it is text."`
	BodyBase64 []byte `json:"bodyBase64,omitempty" doc:"As received, if it is not text."`
}

func renderJournal(e conversations.JournalEntry) journalBody {
	return journalBody{
		ID: e.ID, ChannelID: e.ChannelID, State: e.State, Problems: filled(e.Problems), Headers: e.Headers,
		Size: e.Size, Events: e.Events, Deliveries: e.Deliveries,
		ReceivedAt: rfc3339(e.ReceivedAt), LastAt: rfc3339(e.LastAt), AppliedAt: rfc3339(e.AppliedAt),
	}
}

type listJournalInput struct {
	PageQuery
	ChannelID string `query:"channelId" maxLength:"100"`
	State     string `query:"state" enum:"applied,partial,failed"`
}

// listJournal serves GET /api/v1/journal.
func (s *Server) listJournal(ctx context.Context, in *listJournalInput) (*pageOutput[journalBody], error) {
	p := principal(ctx)
	before, err := lastID(in.After)
	if err != nil {
		return nil, err
	}
	if in.ChannelID == "" && len(p.ChannelIDs) > 0 {
		return nil, badParameter("channelId", "This key is limited to channels: name one of them.")
	}
	if err := allowedChannel(p, in.ChannelID); in.ChannelID != "" && err != nil {
		return nil, err
	}
	f := conversations.JournalFilter{ChannelID: in.ChannelID, State: conversations.JournalState(in.State)}
	list, err := s.Conversations.ListJournal(ctx, p.TenantID, f, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return newPage(list, in.Limit, func(e conversations.JournalEntry) []string { return []string{e.ID} }, renderJournal), nil
}

type journalPath struct {
	ID string `path:"id" maxLength:"100"`
}

type journalOutput struct{ Body journalEntryBody }

func (s *Server) ownJournal(ctx context.Context, entryID string) (conversations.JournalEntry, error) {
	p := principal(ctx)
	e, err := s.Conversations.GetJournal(ctx, p.TenantID, entryID)
	if err == nil && !p.CanChannel(e.ChannelID) {
		return e, fault.Missing("journal entry")
	}
	return e, err
}

// getJournal serves GET /api/v1/journal/{id}.
func (s *Server) getJournal(ctx context.Context, in *journalPath) (*journalOutput, error) {
	e, err := s.ownJournal(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &journalOutput{journalEntryBody{journalBody: renderJournal(e)}}
	if utf8.Valid(e.Body) {
		out.Body.Body = string(e.Body)
	} else {
		out.Body.BodyBase64 = e.Body
	}
	return out, nil
}

// replayJournal serves POST /api/v1/journal/{id}/replay: the body is parsed by
// today's adapter and applied again. What was applied before is not applied twice.
func (s *Server) replayJournal(ctx context.Context, in *journalPath) (*journalOutput, error) {
	e, err := s.ownJournal(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	o, err := s.Registry.Lookup(ctx, e.ChannelID)
	if err != nil {
		return nil, err
	}
	w := conversations.Webhook{
		TenantID: e.TenantID, ChannelID: e.ChannelID, ChannelType: o.Type, Identity: o.Description.Identity,
		Window: o.Description.Window.Duration(), Headers: e.Headers, Body: e.Body, ReceivedAt: e.ReceivedAt, Replay: true,
	}
	if w.Events, err = o.Parse(e.Body); err != nil {
		w.ParseErr = err.Error()
	}
	applied, err := s.Ingester.Ingest(ctx, w)
	if err != nil {
		return nil, err
	}
	if err := s.Conversations.FinishReplay(ctx, e, w, applied); err != nil {
		return nil, err
	}
	return s.getJournal(ctx, in)
}
