package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
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
	view, manage := need(account.ViewJournal), need(account.ManageJournal)
	route(s, op("list-journal", http.MethodGet, "", "List webhook bodies as received, newest first"), view, s.listJournal)
	route(s, op("get-journal-entry", http.MethodGet, "/{id}", "Get one with its body"), view, s.getJournal)
	route(s, op("replay-journal-entry", http.MethodPost, "/{id}/replay", "Apply one again"), manage, s.replayJournal)
	route(s, op("replay-journal", http.MethodPost, "/replay", "Apply many again, oldest first"), manage, s.replayRange)
}

type journalBody struct {
	ID         string                         `json:"id"`
	ChannelID  string                         `json:"channelId"`
	State      conversations.JournalState     `json:"state" enum:"applied,partial,failed"`
	Problems   []conversations.JournalProblem `json:"problems" nullable:"false"`
	Headers    map[string]string              `json:"headers" doc:"As received; the values of secrets are removed."`
	Size       int64                          `json:"size" doc:"Bytes."`
	SHA256     string                         `json:"sha256" doc:"Of the body, in hex."`
	Truncated  bool                           `json:"truncated,omitempty" doc:"Only the beginning of the body is kept: it was applied, and is larger than journal_max_bytes."`
	Events     int64                          `json:"events" doc:"Items in the body."`
	Deliveries int64                          `json:"deliveries" doc:"How many times exactly this body came."`
	ReceivedAt string                         `json:"receivedAt" format:"date-time"`
	LastAt     string                         `json:"lastAt" format:"date-time"`
	AppliedAt  string                         `json:"appliedAt,omitempty" format:"date-time"`
	TookMs     float64                        `json:"tookMs,omitempty" doc:"Milliseconds from its receipt to its commit."`
	Produced   producedBody                   `json:"produced"`
}

// producedBody says where the events are that a body led to: read them with
// GET /api/v1/events. Other bodies' events can lie between them.
type producedBody struct {
	Events   int64 `json:"events" doc:"Events in the log that the body led to, replays included."`
	FirstSeq int64 `json:"firstSeq,omitempty" doc:"Of the first of them."`
	LastSeq  int64 `json:"lastSeq,omitempty" doc:"Of the last of them."`
}

type journalEntryBody struct {
	journalBody
	Body       string `json:"body,omitempty" doc:"As received, if it is text."`
	BodyBase64 []byte `json:"bodyBase64,omitempty" doc:"As received, if it is not text."`
	Changed    *bool  `json:"changed,omitempty" doc:"Of a replay: whether it led to events. False means that everything in the body was known."`
}

func renderJournal(e conversations.JournalEntry) journalBody {
	return journalBody{
		ID: e.ID, ChannelID: e.ChannelID, State: e.State, Problems: filled(e.Problems), Headers: e.Headers,
		Size: e.Size, SHA256: e.SHA256, Truncated: e.Truncated, Events: e.Events, Deliveries: e.Deliveries,
		ReceivedAt: rfc3339(e.ReceivedAt), LastAt: rfc3339(e.LastAt), AppliedAt: rfc3339(e.AppliedAt),
		TookMs: float64(e.Took.Microseconds()) / 1000, Produced: producedBody{e.Logged, e.FirstSeq, e.LastSeq},
	}
}

type listJournalInput struct {
	PageQuery
	ChannelID string    `query:"channelId" maxLength:"100"`
	State     string    `query:"state" maxLength:"100" doc:"One or more of applied, partial and failed, separated by commas."`
	From      time.Time `query:"from" doc:"Stored at this time or later."`
	To        time.Time `query:"to" doc:"Stored before this time."`
	SHA256    string    `query:"sha256" pattern:"^[0-9a-fA-F]{64}$" patternDescription:"64 hex digits" doc:"Hash of the body, in hex. Every body of the channel or of the time is looked at: in a large journal name from and to as well."`
	MessageID string    `query:"messageId" maxLength:"255" doc:"A message, by our id or the provider's: the bodies that it and its statuses came in."`
}

// listJournal serves GET /api/v1/journal.
func (s *Server) listJournal(ctx context.Context, in *listJournalInput) (*pageOutput[journalBody], error) {
	before, err := lastID(in.After)
	if err != nil {
		return nil, err
	}
	f := conversations.JournalFilter{ChannelID: in.ChannelID, From: in.From, To: in.To, SHA256: strings.ToLower(in.SHA256), MessageID: in.MessageID}
	if f.States, err = journalStates(in.State); err != nil {
		return nil, badParameter("state", err.Error())
	}
	p := principal(ctx)
	if err := journalScope(p, in.ChannelID, badParameter); err != nil {
		return nil, err
	}
	list, err := s.Conversations.ListJournal(ctx, p.TenantID, f, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return newPage(list, in.Limit, func(e conversations.JournalEntry) []string { return []string{e.ID} }, renderJournal), nil
}

var errJournalState = errors.New("A state is one of: applied, partial, failed.") //nolint:staticcheck // shown to callers as it is

func journalStates(words string) (states []conversations.JournalState, err error) {
	for word := range strings.SplitSeq(words, ",") {
		switch st := conversations.JournalState(strings.TrimSpace(word)); st {
		case "":
		case conversations.JournalApplied, conversations.JournalPartial, conversations.JournalFailed:
			states = append(states, st)
		default:
			return nil, errJournalState
		}
	}
	return states, nil
}

// journalScope checks that a caller who is bound to channels names one of them.
func journalScope(p *account.Principal, channelID string, bad func(field, message string) error) error {
	if channelID != "" {
		return allowedChannel(p, channelID)
	}
	if len(p.ChannelIDs) > 0 {
		return bad("channelId", "This key is limited to channels: name one of them.")
	}
	return nil
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
	return renderEntry(e), nil
}

func renderEntry(e conversations.JournalEntry) *journalOutput {
	out := &journalOutput{journalEntryBody{journalBody: renderJournal(e)}}
	if utf8.Valid(e.Body) {
		out.Body.Body = string(e.Body)
	} else {
		out.Body.BodyBase64 = e.Body
	}
	return out
}
