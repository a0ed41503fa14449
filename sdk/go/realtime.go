package linktor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Subscription selects events. Empty members select everything.
type Subscription struct {
	ID             string   `json:"id"` // made up if empty
	Types          []string `json:"types,omitempty"`
	ChannelID      string   `json:"channelId,omitempty"`
	ConversationID string   `json:"conversationId,omitempty"`
}

// StreamOptions say what to follow.
type StreamOptions struct {
	Types          []string // names, or prefixes such as message.*; all if empty
	ChannelID      string
	ConversationID string
	Subscribe      []Subscription // several selections, instead of the three above

	// Cursor is where to go on, such as the Cursor of the last event that was
	// dealt with. Empty means from now on.
	Cursor string

	// OnNotice hears what happens to the connection; it may be nil. It is called
	// on the goroutine that ranges over the events.
	OnNotice func(Notice)
}

// NoticeKind names a kind of Notice.
type NoticeKind string

const (
	NoticeOpen  NoticeKind = "open"  // connected
	NoticeClose NoticeKind = "close" // disconnected; the stream connects again
	NoticeGap   NoticeKind = "gap"   // events did not come; Recovering: they are asked for again
	NoticeReset NoticeKind = "reset" // events are missing for good: read the current state from the API
)

// Notice is what happened to a stream's connection.
type Notice struct {
	Kind       NoticeKind
	Reason     string // of a close or a reset: retention, epoch, cursor
	Code       int    // the close code; 0 if the connection broke without one
	From, To   int64  // the numbers that are missing
	Recovering bool
}

// Delays between connections.
const (
	firstReconnect = 500 * time.Millisecond
	maxReconnect   = 30 * time.Second
)

// Realtime is the stream of events.
type Realtime struct{ t *transport }

// Events yields events as they happen, in order, each once. It reconnects and
// resumes by itself; a slow loop holds the stream back and loses nothing. It
// ends with an error: ctx's, a *RealtimeError or an *APIError.
func (r Realtime) Events(ctx context.Context, o StreamOptions) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := &stream{t: r.t, options: o, yield: yield, healed: -2}
		s.pos.reset(o.Cursor)
		err := s.run(ctx)
		if !errors.Is(err, errStopped) {
			yield(Event{}, err)
		}
	}
}

// errStopped means that the loop over the events ended.
var errStopped = errors.New("linktor: stopped")

// stream is one range over Realtime.Events.
type stream struct {
	t       *transport
	options StreamOptions
	yield   func(Event, error) bool
	pos     position
	healed  int64 // the position at which a gap was last asked for again
}

func (s *stream) notice(n Notice) {
	if s.options.OnNotice != nil {
		s.options.OnNotice(n)
	}
}

func (s *stream) subscriptions() []Subscription {
	o := s.options
	subs := o.Subscribe
	if len(subs) == 0 && (len(o.Types) > 0 || o.ChannelID != "" || o.ConversationID != "") {
		subs = []Subscription{{Types: o.Types, ChannelID: o.ChannelID, ConversationID: o.ConversationID}}
	}
	named := make([]Subscription, len(subs))
	for i, sub := range subs {
		if sub.ID == "" {
			sub.ID = fmt.Sprintf("s%d", i+1)
		}
		named[i] = sub
	}
	return named
}

// run connects again and again until ctx, the loop or the server ends it.
func (s *stream) run(ctx context.Context) error {
	for failures := 0; ; {
		end, err := s.live(ctx)
		if err != nil {
			return err
		}
		if end.final() {
			return &RealtimeError{end.code, end.reason}
		}
		if end.code == closeBadCursor && s.pos.cursor() != "" {
			s.pos.reset("")
			s.notice(Notice{Kind: NoticeReset, Reason: "cursor"})
		}
		s.notice(Notice{Kind: NoticeClose, Code: end.code, Reason: end.reason})
		if end.stable {
			failures = 0
		}
		delay := end.after
		if !end.named {
			delay = s.t.jitter(failures, firstReconnect, maxReconnect)
			failures++
		}
		if err := wait(ctx, delay); err != nil {
			return err
		}
	}
}

// frame deals with one frame. ending is set when the connection is to be left.
func (s *stream) frame(f *frame) (*ending, error) {
	switch f.Op {
	case "ready":
		s.pos.advance(f.Cursor)
		s.notice(Notice{Kind: NoticeOpen})
	case "event":
		return s.event(f)
	case "mark":
		s.pos.advance(f.Cursor)
	case "reset":
		s.pos.reset(f.Cursor)
		s.notice(Notice{Kind: NoticeReset, Reason: f.Reason, From: f.From, To: f.To})
	case "reconnect":
		return &ending{reason: "the server asked to reconnect", code: closeDraining,
			named: true, after: time.Duration(f.AfterMS) * time.Millisecond}, nil
	}
	return nil, nil //nolint:nilnil // go on
}

func (s *stream) event(f *frame) (*ending, error) {
	if f.Seq <= s.pos.seq {
		return nil, nil //nolint:nilnil // it came before
	}
	if f.Prev > s.pos.seq {
		again := s.healed != s.pos.seq
		s.healed = s.pos.seq
		s.notice(Notice{Kind: NoticeGap, From: s.pos.seq + 1, To: f.Prev, Recovering: again})
		if again {
			return &ending{reason: "events are missing", named: true}, nil
		}
	}
	s.pos.seq = f.Seq
	e := f.Event
	e.Cursor = s.pos.cursor()
	if !s.yield(e, nil) {
		return nil, errStopped
	}
	return nil, nil //nolint:nilnil // go on
}
