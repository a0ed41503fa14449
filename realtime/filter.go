package realtime

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// allID is the id of the subscription that a client without any has.
const allID = "all"

// Filter is a compiled Subscription.
type Filter struct {
	id             string
	quoted         string // the id as JSON
	exact          []string
	prefixes       []string // "message." for message.*
	channelID      string
	conversationID string
}

// Compile checks s. The error is for the client.
func Compile(s Subscription) (*Filter, error) {
	f := &Filter{id: s.ID, channelID: s.ChannelID, conversationID: s.ConversationID}
	switch {
	case s.ID == "" || len(s.ID) > MaxID || !utf8.ValidString(s.ID):
		return nil, &CloseError{CloseBadFrame, "a subscription has an id of 1 to 64 bytes"}
	case len(s.Types) > MaxTypes:
		return nil, &CloseError{CloseBadFrame, "a subscription has at most 32 types"}
	case len(s.ChannelID) > MaxID || len(s.ConversationID) > MaxID:
		return nil, &CloseError{CloseBadFrame, "channelId or conversationId is too long"}
	}
	q, err := json.Marshal(s.ID)
	if err != nil {
		return nil, err
	}
	f.quoted = string(q)
	for _, t := range s.Types {
		prefix, glob := strings.CutSuffix(t, "*")
		switch {
		case t == "" || len(t) > MaxID || strings.Contains(prefix, "*") || glob && prefix != "" && !strings.HasSuffix(prefix, "."):
			return nil, &CloseError{CloseBadFrame, "a type is a name, a prefix such as message.* or *"}
		case glob:
			f.prefixes = append(f.prefixes, prefix)
		default:
			f.exact = append(f.exact, t)
		}
	}
	return f, nil
}

// Match reports whether f selects e.
func (f *Filter) Match(e *Event) bool {
	if f.channelID != "" && f.channelID != e.ChannelID ||
		f.conversationID != "" && f.conversationID != e.ConversationID {
		return false
	}
	if len(f.exact) == 0 && len(f.prefixes) == 0 || slices.Contains(f.exact, e.Type) {
		return true
	}
	return slices.ContainsFunc(f.prefixes, func(p string) bool { return strings.HasPrefix(e.Type, p) })
}

// Scope is the set of channels a client may see; empty means all. It fails
// closed: an event of no channel is hidden from a client that has a scope.
type Scope []string

// Allows reports whether the scope covers an event or a subscription of the channel.
func (s Scope) Allows(channelID string) bool {
	return len(s) == 0 || slices.Contains(s, channelID)
}

// sees reports whether c may see events of a type.
func (c *Client) sees(typ string) bool { return c.Sees == nil || c.Sees(typ) }

// may reports whether c may get e at all.
func (c *Client) may(e *Event) bool { return c.Scope.Allows(e.ChannelID) && c.sees(e.Type) }

// mayAsk refuses a subscription that could never select anything, so that nobody
// waits for events in vain.
func (c *Client) mayAsk(s *Subscription) error {
	if s.ChannelID != "" && !c.Scope.Allows(s.ChannelID) {
		return &CloseError{CloseForbidden, "the channel is not in the scope of this credential"}
	}
	for _, t := range s.Types {
		if t = strings.TrimSuffix(t, "*"); t != "" && !c.sees(t) {
			return &CloseError{CloseForbidden, "this credential may not see events of one of the types"}
		}
	}
	return nil
}

// filters are a connection's subscriptions. The slice is replaced, never changed.
type filters []*Filter

// appendMatches appends the quoted ids of the filters that select e.
func (fs filters) appendMatches(dst []string, e *Event) []string {
	for _, f := range fs {
		if f.Match(e) {
			dst = append(dst, f.quoted)
		}
	}
	return dst
}

func (fs filters) match(e *Event) bool {
	return slices.ContainsFunc(fs, func(f *Filter) bool { return f.Match(e) })
}

// with returns fs with the subscriptions added, each replacing one of its id.
func (fs filters) with(subs []Subscription, client *Client) (filters, error) {
	out := slices.Clone(fs)
	for _, s := range subs {
		f, err := Compile(s)
		if err != nil {
			return nil, err
		}
		if err := client.mayAsk(&s); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(out, func(o *Filter) bool { return o.id == f.id }); i >= 0 {
			out[i] = f
		} else {
			out = append(out, f)
		}
	}
	if len(out) > MaxSubscriptions {
		return nil, &CloseError{CloseBadFrame, "a connection has at most 64 subscriptions"}
	}
	return out, nil
}

func (fs filters) without(ids []string) filters {
	return slices.DeleteFunc(slices.Clone(fs), func(f *Filter) bool { return slices.Contains(ids, f.id) })
}
