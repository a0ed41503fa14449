package api

import (
	"context"
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/fault"
)

// replayJournal serves POST /api/v1/journal/{id}/replay: the body is parsed by
// today's adapter and applied again. What was applied before is not applied twice.
func (s *Server) replayJournal(ctx context.Context, in *journalPath) (*journalOutput, error) {
	e, err := s.ownJournal(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	applied, err := s.applyAgain(ctx, e)
	if err != nil {
		return nil, err
	}
	if e, err = s.ownJournal(ctx, in.ID); err != nil {
		return nil, err
	}
	out, changed := renderEntry(e), applied.Logged > 0
	out.Body.Changed = &changed
	return out, nil
}

// applyAgain replays one body. The row's verdict is that of the replay.
func (s *Server) applyAgain(ctx context.Context, e conversations.JournalEntry) (conversations.Applied, error) {
	if e.Truncated {
		return conversations.Applied{}, fault.New(fault.Conflict, "body_truncated",
			"Only the beginning of this body is kept: everything in it was applied, and it is larger than journal_max_bytes.")
	}
	o, err := s.Registry.Lookup(ctx, e.ChannelID)
	if err != nil {
		return conversations.Applied{}, err
	}
	w := conversations.Webhook{
		TenantID: e.TenantID, ChannelID: e.ChannelID, ChannelType: o.Type, Identity: o.Description.Identity,
		Window: o.Description.Window.Duration(), Headers: e.Headers, Body: e.Body, ReceivedAt: e.ReceivedAt, Replay: true,
	}
	if w.Events, err = o.Parse(e.Body); err != nil {
		w.ParseErr = err.Error()
	}
	return s.Ingester.Ingest(ctx, w)
}

const (
	replaySteps = 500              // bodies of one call at most
	replayTime  = 10 * time.Second // after which a call ends early
)

type replayRangeInput struct {
	Body struct {
		ChannelID string    `json:"channelId,omitempty" maxLength:"100"`
		State     string    `json:"state,omitempty" maxLength:"100" doc:"One or more of applied, partial and failed, separated by commas. All, if not given."`
		From      time.Time `json:"from,omitzero" doc:"Stored at this time or later."`
		To        time.Time `json:"to,omitzero" doc:"Stored before this time. Now, if not given."`
		Limit     int       `json:"limit,omitempty" minimum:"1" maximum:"500" default:"100" doc:"Bodies of this call at most."`
		After     string    `json:"after,omitempty" maxLength:"512" doc:"next of the previous answer."`
	}
}

type replayRangeOutput struct{ Body replayReport }

// replayReport says what one step of a replay did.
type replayReport struct {
	Replayed int             `json:"replayed" doc:"Bodies that were applied again."`
	Changed  int             `json:"changed" doc:"Those of them that led to events. Of the others everything was known."`
	Failed   int             `json:"failed" doc:"Those of which something could not be applied; see problems."`
	Skipped  int             `json:"skipped" doc:"Bodies of which only the beginning is kept: everything in them was applied."`
	Problems []replayProblem `json:"problems" nullable:"false"`
	HasMore  bool            `json:"hasMore" doc:"Call again with after, until this is false."`
	Next     string          `json:"next,omitempty" doc:"Pass as after."`
}

type replayProblem struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// replayRange serves POST /api/v1/journal/replay: bodies are applied again, oldest
// first and one after the other, as they once came. A call is one step; the
// caller goes on where it ended.
func (s *Server) replayRange(ctx context.Context, in *replayRangeInput) (*replayRangeOutput, error) {
	p, b := principal(ctx), in.Body
	after, to, err := replayCursor(b.After, b.To, s.Now())
	if err != nil {
		return nil, err
	}
	f := conversations.JournalFilter{ChannelID: b.ChannelID, From: b.From, To: to}
	if f.States, err = journalStates(b.State); err != nil {
		return nil, badField("state", err.Error())
	}
	if err := journalScope(p, b.ChannelID, badField); err != nil {
		return nil, err
	}
	limit := min(max(b.Limit, 1), replaySteps)
	list, err := s.Conversations.JournalAfter(ctx, p.TenantID, f, after, limit+1)
	if err != nil {
		return nil, err
	}
	out := &replayRangeOutput{replayReport{Problems: []replayProblem{}, HasMore: len(list) > limit}}
	began := s.Now()
	for i, e := range list[:min(len(list), limit)] {
		if err := s.replayStep(ctx, e, &out.Body); err != nil {
			return nil, err // the database is away; a repeat changes nothing twice
		}
		after = e.ID
		if s.Now().Sub(began) > replayTime && i < len(list)-1 {
			out.Body.HasMore = true
			break
		}
	}
	if out.Body.HasMore {
		out.Body.Next = encodeCursor([]string{after, to.Format(time.RFC3339Nano)})
	}
	return out, nil
}

// replayStep replays one body of a range. An error means that the range cannot go on.
func (s *Server) replayStep(ctx context.Context, e conversations.JournalEntry, r *replayReport) error {
	full, err := s.Conversations.GetJournal(ctx, e.TenantID, e.ID)
	if fault.KindOf(err) == fault.NotFound {
		return nil // pruned meanwhile
	}
	if err != nil {
		return err
	}
	if full.Truncated {
		r.Skipped++
		return nil
	}
	applied, err := s.applyAgain(ctx, full)
	problem := ""
	switch fault.KindOf(err) {
	case fault.NotFound:
		problem = "Its channel is gone."
	case fault.Invalid, fault.Conflict: // its settings no longer open, or its adapter is gone
		problem = "Its channel cannot be opened."
	}
	switch {
	case problem != "":
		r.Failed++
		r.Problems = append(r.Problems, replayProblem{e.ID, problem})
		return nil
	case err != nil:
		return err
	}
	r.Replayed++
	if applied.Logged > 0 {
		r.Changed++
	}
	if applied.Failed > 0 {
		r.Failed++
		r.Problems = append(r.Problems, replayProblem{e.ID, s.reasonOf(ctx, e)})
	}
	return nil
}

// reasonOf is the first problem of an entry as it is now.
func (s *Server) reasonOf(ctx context.Context, e conversations.JournalEntry) string {
	now, err := s.Conversations.GetJournal(ctx, e.TenantID, e.ID)
	if err != nil || len(now.Problems) == 0 {
		return "Something in it could not be applied."
	}
	return now.Problems[0].Reason
}

// replayCursor returns where a step starts, and where the whole range ends: at the
// same time for each of its steps, so that a busy server comes to an end.
func replayCursor(cursor string, to, now time.Time) (after string, until time.Time, err error) {
	key, err := decodeCursor(cursor, 2)
	if err != nil {
		return "", until, err
	}
	if key == nil {
		if to.IsZero() {
			to = now
		}
		return "", to, nil
	}
	if until, err = time.Parse(time.RFC3339Nano, key[1]); err != nil {
		return "", until, badCursor()
	}
	return key[0], until, nil
}

// badField is the fault for a member of a body that its schema cannot refuse.
func badField(name, message string) error { return fault.Field("/"+name, "invalid", message) }
