package tasks

import (
	"context"
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/registry"
)

// ruleAge is how old what is known of a channel may be when something is claimed for it.
const ruleAge = 5 * time.Second

// rules are what channels allow. Claims ask here: they must not use the database
// beside their transaction. Only the claim loop uses them.
type rules struct {
	now     func() time.Time
	known   map[string]rule
	unknown map[string]bool // asked for, and not known
}

type rule struct {
	limits conversations.ChannelLimits
	broken bool // the channel cannot be looked up: what is claimed for it is given back
	at     time.Time
}

func newRules(now func() time.Time) rules {
	return rules{now: now, known: map[string]rule{}, unknown: map[string]bool{}}
}

func (r *rules) of(channelID string) conversations.ChannelLimits {
	k, ok := r.known[channelID]
	if !ok || r.now().Sub(k.at) > ruleAge {
		r.unknown[channelID] = true
		return conversations.ChannelLimits{Unknown: true}
	}
	return k.limits
}

func (r *rules) broken(channelID string) bool { return r.known[channelID].broken }

// lookup finds a channel and notes what it allows.
func (s *Sender) lookup(ctx context.Context, channelID string) (*registry.Open, error) {
	ch, err := s.Channels.Lookup(ctx, channelID)
	k := rule{broken: err != nil, at: s.rules.now()}
	if err == nil {
		k.limits = limitsOf(ch)
	}
	s.rules.known[channelID] = k
	return ch, err
}

func limitsOf(ch *registry.Open) (l conversations.ChannelLimits) {
	l.PairEvery, l.PairBurst = ch.Description.Pair.Every.Duration(), ch.Description.Pair.Burst
	if ch.Description.Window > 0 {
		l.TierScope = conversations.TierScope(ch.TenantID, ch.ID, ch.Portfolio)
		l.TierReject = ch.TierPolicy == "reject"
	}
	return l
}

// learn looks up the channels that a claim knew nothing of, and reports whether there
// were any: their messages can be claimed now.
func (s *Sender) learn(ctx context.Context) bool {
	if len(s.rules.unknown) == 0 {
		return false
	}
	for id, k := range s.rules.known {
		if s.rules.now().Sub(k.at) > ruleAge {
			delete(s.rules.known, id)
		}
	}
	for id := range s.rules.unknown {
		_, _ = s.lookup(ctx, id) // a channel that cannot be looked up is a rule, too
	}
	clear(s.rules.unknown)
	return true
}
