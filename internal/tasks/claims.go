package tasks

import (
	"context"
	"slices"
	"time"

	"github.com/linktor/linktor/conversations"
)

func (s *Sender) claimLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	for {
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if 2*len(s.slots) > cap(s.slots) && !Pause(ctx, time.Until(last.Add(claimEvery))) {
			return
		}
		wait := pollIdle
		for {
			n, more, err := s.round(ctx)
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("claim sends", "err", err)
			}
			if n > 0 {
				wait = pollBusy
			}
			if !more || err != nil || ctx.Err() != nil {
				break
			}
		}
		timer.Reset(min(wait, s.hot.next()))
		last = time.Now()
	}
}

// Pause waits for d, and reports whether ctx is still alive.
func Pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// round claims what may go out now and starts it. It returns how many it started,
// and whether more may be due: it got as many as it asked for.
func (s *Sender) round(ctx context.Context) (n int, more bool, err error) {
	free := cap(s.slots) - len(s.slots)
	stuck := s.stuck()
	for _, ch := range s.hot.ready() {
		if free == 0 {
			return n, false, nil
		}
		if slices.Contains(stuck, ch) {
			s.hot.set(ch, pollBusy, s.hot.rates()[ch])
			continue
		}
		m, err := s.hotRound(ctx, ch, free)
		if err != nil {
			return n, false, err
		}
		n, free = n+m, free-m
	}
	if free == 0 {
		return n, false, nil // a call that ends rings
	}
	claims, err := s.claim(ctx, free, conversations.ClaimFilter{Except: append(s.hot.list(), stuck...)})
	if err != nil {
		return n, false, err
	}
	byChannel := map[string][]conversations.Claim{}
	for _, c := range claims {
		byChannel[c.ChannelID] = append(byChannel[c.ChannelID], c)
	}
	for ch, claims := range byChannel {
		n += s.admit(ctx, ch, claims)
	}
	return n, len(claims) == free || s.learn(ctx), nil
}

// claimTimeout bounds a claim: while it hangs, nothing else is claimed.
const claimTimeout = 30 * time.Second

func (s *Sender) claim(ctx context.Context, limit int, f conversations.ClaimFilter) ([]conversations.Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	f.Limits = s.rules.of
	return s.Store.ClaimSends(ctx, limit, f)
}
