package tasks

import (
	"sync"
	"time"
)

// hotChannels are the channels at their limit, and when each may send again. They
// are left out of the common claim, so that their backlog is not claimed and given
// back over and over.
type hotChannels struct {
	mu   sync.Mutex
	now  func() time.Time
	heat map[string]heat
}

type heat struct {
	until time.Time
	rate  float64 // messages per second
}

func (h *hotChannels) set(channelID string, wait time.Duration, rate float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.heat[channelID]
	at := h.now().Add(wait)
	if was.until.After(at) {
		at = was.until
	}
	h.heat[channelID] = heat{at, rate}
}

func (h *hotChannels) drop(channelID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.heat, channelID)
}

// list returns every hot channel.
func (h *hotChannels) list() (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.heat {
		ids = append(ids, id)
	}
	return ids
}

// rates returns the rate of every hot channel.
func (h *hotChannels) rates() map[string]float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	rates := make(map[string]float64, len(h.heat))
	for id, t := range h.heat {
		rates[id] = t.rate
	}
	return rates
}

// ready returns the hot channels whose time has come.
func (h *hotChannels) ready() (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	for id, t := range h.heat {
		if !t.until.After(now) {
			ids = append(ids, id)
		}
	}
	return ids
}

// next returns how long it is until a hot channel may send; long if none is hot.
func (h *hotChannels) next() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	wait := time.Hour
	for _, t := range h.heat {
		wait = min(wait, max(0, t.until.Sub(h.now())))
	}
	return wait
}
