package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
)

func (s *Server) registerDeadLetters() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/api/v1/dead-letters" + path, Summary: summary, Tags: []string{"Dead letters"},
			Description: description}
	}
	route(s, op("list-dead-letters", http.MethodGet, "", "List messages that ended without being delivered, newest first",
		"Failed, rejected and expired messages, and uncertain ones that wait for a person."), need(account.ViewMessages), s.listDeadLetters)
	route(s, op("replay-dead-letters", http.MethodPost, "/replay", "Send many of them again, oldest first",
		"Each as with POST /api/v1/messages/{id}/retry. What was sent again is no dead letter any more, so that the same call twice sends nothing twice. "+
			"Those that cannot be sent are skipped with the reason and stay; go on behind them with after."),
		need(account.SendTemplates, account.SendText, account.SendMedia), s.replayDeadLetters)
}

type deadLetterBody struct {
	Message messageBody    `json:"message"`
	EndedAt string         `json:"endedAt" format:"date-time"`
	Class   channels.Class `json:"class,omitempty"`
	Code    string         `json:"code,omitempty"`
}

type listDeadLettersInput struct {
	PageQuery
	ChannelID string    `query:"channelId" maxLength:"100"`
	Code      string    `query:"code" maxLength:"100" doc:"Of the error, such as 131026 or expired."`
	Class     string    `query:"class" maxLength:"100" doc:"Of the error, such as recipient."`
	From      time.Time `query:"from" doc:"Ended at this time or later."`
	To        time.Time `query:"to" doc:"Ended before this time."`
}

// listDeadLetters serves GET /api/v1/dead-letters.
func (s *Server) listDeadLetters(ctx context.Context, in *listDeadLettersInput) (*pageOutput[deadLetterBody], error) {
	p := principal(ctx)
	f, err := deadFilter(p, in.ChannelID, in.Code, in.Class, in.From, in.To)
	if err != nil {
		return nil, err
	}
	after, err := deadCursor(in.After)
	if err != nil {
		return nil, err
	}
	list, err := s.Conversations.ListDeadLetters(ctx, p.TenantID, f, false, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, l := range list {
		if types[l.Message.ChannelID], err = s.Registry.TypeOf(ctx, l.Message.ChannelID); err != nil {
			return nil, err
		}
	}
	return newPage(list, in.Limit, deadKey, func(l conversations.DeadLetter) deadLetterBody {
		return deadLetterBody{Message: s.renderMessage(l.Message, types[l.Message.ChannelID]), EndedAt: rfc3339(l.At), Class: l.Class, Code: l.Code}
	}), nil
}

func deadKey(l conversations.DeadLetter) []string {
	c := l.Cursor()
	return []string{strconv.FormatInt(c.At, 10), c.ID}
}

func deadCursor(after string) (*conversations.DeadCursor, error) {
	key, err := decodeCursor(after, 2)
	if err != nil || key == nil {
		return nil, err
	}
	at, err := strconv.ParseInt(key[0], 10, 64)
	if err != nil {
		return nil, badCursor()
	}
	return &conversations.DeadCursor{At: at, ID: key[1]}, nil
}

func deadFilter(p *account.Principal, channelID, code, class string, from, to time.Time) (f conversations.DeadFilter, err error) {
	f = conversations.DeadFilter{Code: code, Class: class, From: from, To: to}
	f.ChannelIDs, err = channelScope(p, channelID)
	return f, err
}

// maxReplay bounds one call, and so does replayTime: each message is a transaction
// of its own.
const maxReplay = 500

type replayDeadLettersInput struct {
	Body struct {
		MessageIDs []string  `json:"messageIds,omitempty" maxItems:"500" doc:"These, and no others. Cannot be combined with a filter."`
		ChannelID  string    `json:"channelId,omitempty" maxLength:"100"`
		Code       string    `json:"code,omitempty" maxLength:"100"`
		Class      string    `json:"class,omitempty" maxLength:"100"`
		From       time.Time `json:"from,omitzero"`
		To         time.Time `json:"to,omitzero"`
		Limit      int       `json:"limit,omitempty" minimum:"1" maximum:"500" default:"100" doc:"How many to look at in this call."`
		After      string    `json:"after,omitempty" maxLength:"512" doc:"next of the previous answer."`
	}
}

type skippedBody struct {
	ID     string `json:"id"`
	Reason string `json:"reason" doc:"The code of the error that retrying it answers, such as window_closed."`
}

type replayDeadLettersOutput struct {
	Body struct {
		Replayed int           `json:"replayed"`
		Skipped  []skippedBody `json:"skipped" nullable:"false"`
		HasMore  bool          `json:"hasMore"`
		Next     string        `json:"next,omitempty" doc:"Pass as after to go on behind those that were looked at."`
		// Remaining are those of messageIds for which the time did not do.
		Remaining []string `json:"remaining,omitempty" doc:"Those of messageIds that were not looked at: pass them in another call."`
	}
}

// replayDeadLetters serves POST /api/v1/dead-letters/replay.
func (s *Server) replayDeadLetters(ctx context.Context, in *replayDeadLettersInput) (*replayDeadLettersOutput, error) {
	b := &in.Body
	out := &replayDeadLettersOutput{}
	out.Body.Skipped = []skippedBody{}
	if len(b.MessageIDs) > 0 {
		if b.ChannelID+b.Code+b.Class+b.After != "" || !b.From.IsZero() || !b.To.IsZero() {
			return nil, fault.Field("/messageIds", "not_allowed", "Name messages or a filter, not both.")
		}
		n, err := s.replayEach(ctx, b.MessageIDs, out)
		if err != nil {
			return nil, err
		}
		out.Body.Remaining = b.MessageIDs[n:]
		out.Body.HasMore = n < len(b.MessageIDs)
		return out, nil
	}
	letters, err := s.deadToReplay(ctx, in)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, l := range letters[:min(len(letters), b.Limit)] {
		ids = append(ids, l.Message.ID)
	}
	n, err := s.replayEach(ctx, ids, out)
	if err != nil {
		return nil, err
	}
	if out.Body.HasMore = n < len(letters); out.Body.HasMore {
		out.Body.Next = encodeCursor(deadKey(letters[n-1]))
	}
	return out, nil
}

// replayEach sends messages again until the time of a call is over, and returns how
// many of them it looked at: one at least, if there is one.
func (s *Server) replayEach(ctx context.Context, ids []string, out *replayDeadLettersOutput) (looked int, err error) {
	began := s.Now()
	for i, id := range ids {
		if i > 0 && s.Now().Sub(began) > replayTime {
			return i, nil
		}
		_, _, err := s.retry(ctx, id)
		switch kind := fault.KindOf(err); {
		case err == nil:
			out.Body.Replayed++
		case kind == fault.Internal || kind == fault.Unavailable:
			return i, err
		default:
			out.Body.Skipped = append(out.Body.Skipped, skippedBody{id, fault.CodeOf(err)})
		}
	}
	return len(ids), nil
}

// deadToReplay finds one more than is asked for.
func (s *Server) deadToReplay(ctx context.Context, in *replayDeadLettersInput) ([]conversations.DeadLetter, error) {
	b, p := &in.Body, principal(ctx)
	if b.Limit <= 0 || b.Limit > maxReplay {
		b.Limit = 100
	}
	f, err := deadFilter(p, b.ChannelID, b.Code, b.Class, b.From, b.To)
	if err != nil {
		return nil, err
	}
	after, err := deadCursor(b.After)
	if err != nil {
		return nil, err
	}
	return s.Conversations.ListDeadLetters(ctx, p.TenantID, f, true, after, b.Limit+1)
}
