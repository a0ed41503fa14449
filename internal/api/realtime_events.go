package api

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/realtime"
)

type eventsInput struct {
	After          string   `query:"after" maxLength:"64" doc:"A cursor of this route, of the socket or of the stream, or a plain seq. Without it the oldest events that are kept; latest for an empty page with the present cursor."`
	Types          []string `query:"types" maxItems:"32" doc:"Names, or prefixes such as message.*, separated by commas."`
	ChannelID      string   `query:"channelId" maxLength:"64"`
	ConversationID string   `query:"conversationId" maxLength:"64"`
	Limit          int      `query:"limit" minimum:"1" maximum:"100" default:"25" doc:"Events per page."`
}

type eventsOutput struct{ Body eventsBody }

type eventsBody struct {
	Data   []json.RawMessage `json:"data" doc:"Event envelopes, oldest first. A page can be short or empty although there is more: filtering stops after 2,000 events."`
	Page   pageInfo          `json:"page"`
	Cursor string            `json:"cursor" doc:"The position after this page: what to pass as after next time, also on the last page."`
	Reset  *eventsReset      `json:"reset,omitempty" doc:"Present if the events after the cursor are not all there."`
}

type eventsReset struct {
	Reason string `json:"reason" enum:"retention,epoch" doc:"retention: older than the log keeps. epoch: the cursor is of another log, e.g. from before a restore."`
	From   int64  `json:"from" doc:"First seq that is not delivered."`
	To     int64  `json:"to" doc:"Last seq that is not delivered."`
}

const (
	scanPage  = 200  // events per read
	scanLimit = 2000 // events looked at for one answer
)

// list serves GET /api/v1/events.
func (h *sockets) list(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	p := principal(ctx)
	filter, err := eventFilter(p, realtime.Subscription{ID: "list", Types: in.Types, ChannelID: in.ChannelID, ConversationID: in.ConversationID})
	if err != nil {
		return nil, err
	}
	var head realtime.Head
	if head.Epoch, head.Seq, head.Oldest, err = h.Events.Head(ctx, p.TenantID); err != nil {
		return nil, err
	}
	pos, gap, err := startOf(in.After, head)
	if err != nil {
		return nil, err
	}
	scan := &eventScan{filter: filter, principal: p, pos: pos, gap: gap, limit: in.Limit, data: []json.RawMessage{}}
	if err := scan.run(ctx, h.Events, head.Seq); err != nil {
		return nil, err
	}
	out := &eventsOutput{eventsBody{Data: scan.data, Cursor: realtime.Cursor{Epoch: head.Epoch, Seq: scan.pos}.String()}}
	if scan.gap != nil {
		out.Body.Reset = &eventsReset{scan.gap.Reason, scan.gap.From, scan.gap.To}
	}
	if scan.pos < head.Seq {
		out.Body.Page = pageInfo{Next: &out.Body.Cursor, HasMore: true}
	}
	return out, nil
}

// startOf returns the position that after means.
func startOf(after string, head realtime.Head) (int64, *realtime.Reset, error) {
	switch after {
	case "":
		return head.Oldest - 1, nil, nil
	case "latest":
		return head.Seq, nil, nil
	}
	if seq, err := strconv.ParseInt(after, 10, 64); err == nil && seq >= 0 {
		pos, gap := head.Locate(realtime.Cursor{Epoch: head.Epoch, Seq: seq})
		return pos, gap, nil
	}
	cursor, err := realtime.ParseCursor(after)
	if err != nil {
		return 0, nil, errCursor()
	}
	pos, gap := head.Locate(cursor)
	return pos, gap, nil
}

// eventScan moves over the log and keeps what was asked for.
type eventScan struct {
	filter    *realtime.Filter
	principal *account.Principal
	pos       int64
	gap       *realtime.Reset
	limit     int
	data      []json.RawMessage
}

// run scans up to the event until, or until the page is full or long enough.
func (s *eventScan) run(ctx context.Context, source realtime.Source, until int64) error {
	for stop := min(until, s.pos+scanLimit); s.pos < stop && len(s.data) < s.limit; {
		events, err := source.Read(ctx, s.principal.TenantID, s.pos, int(min(scanPage, stop-s.pos)))
		if err != nil {
			return err
		}
		if len(events) == 0 {
			s.skip(until) // pruned since the head was read
			return nil
		}
		for i := range events {
			if len(s.data) == s.limit {
				return nil
			}
			s.take(&events[i])
		}
	}
	return nil
}

func (s *eventScan) take(e *realtime.Event) {
	if e.Seq > s.pos+1 {
		s.skip(e.Seq - 1)
	}
	s.pos = e.Seq
	if realtime.Scope(s.principal.ChannelIDs).Allows(e.ChannelID) && seesEvent(s.principal, e.Type) && s.filter.Match(e) {
		s.data = append(s.data, e.Envelope)
	}
}

func (s *eventScan) skip(to int64) {
	if s.gap == nil {
		s.gap = &realtime.Reset{Reason: realtime.ResetRetention, From: s.pos + 1}
	}
	s.gap.To, s.pos = to, to
}
