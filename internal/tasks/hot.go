package tasks

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// hotChannels are the channels at their limit, and when each may send again. They
// are left out of the common claim, so that their backlog is not claimed and given
// back over and over.
type hotChannels struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (h *hotChannels) set(channelID string, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := time.Now().Add(wait); at.After(h.until[channelID]) {
		h.until[channelID] = at
	}
}

func (h *hotChannels) drop(channelID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, channelID)
}

// list returns every hot channel.
func (h *hotChannels) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.until))
}

// ready returns the hot channels whose time has come.
func (h *hotChannels) ready() (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for id, at := range h.until {
		if !at.After(now) {
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
	for _, at := range h.until {
		wait = min(wait, max(0, time.Until(at)))
	}
	return wait
}
