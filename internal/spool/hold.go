package spool

import (
	"sync"
	"time"
)

// holdFor is how long a channel that did not open is left alone: opening it may take
// a call, and its webhooks may be many.
const holdFor = time.Minute

// hold knows the webhooks whose channel does not open.
type hold struct {
	mu    sync.Mutex
	until map[string]time.Time // channel id → when it is tried again
	files map[string]string    // name of a waiting file → channel id
}

func newHold() *hold {
	return &hold{until: map[string]time.Time{}, files: map[string]string{}}
}

// count returns how many files are known to wait for their channel.
func (h *hold) count() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return int64(len(h.files))
}

// holds reports whether a file is known to wait still.
func (h *hold) holds(name string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	channelID, ok := h.files[name]
	return ok && now.Before(h.until[channelID])
}

// joins reports whether the file waits because its channel does.
func (h *hold) joins(name, channelID string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !now.Before(h.until[channelID]) {
		return false
	}
	h.files[name] = channelID
	return true
}

// begin leaves a channel alone that did not open, and reports whether that is news.
func (h *hold) begin(name, channelID string, now time.Time) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.until[channelID]
	h.until[channelID], h.files[name] = now.Add(holdFor), channelID
	return !known
}

// end forgets a file that waits no more: its channel opens, or is gone.
func (h *hold) end(name, channelID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, channelID)
	delete(h.files, name)
}
