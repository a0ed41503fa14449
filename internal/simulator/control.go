package simulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	maxControlBody = 32 << 20        // a medium in base64
	longPoll       = 5 * time.Second // short: a server that stops waits for open requests
)

// Control serves the operators' side: the page at /simulator and the API below
// /simulator/api (see the package comment). It checks no credentials, that is
// the mounting server's part, but refuses requests from other web sites.
func (s *Simulator) Control() http.Handler {
	mux := http.NewServeMux()
	s.servePage(mux)
	mux.HandleFunc("GET /simulator/api/state", s.apiState)
	mux.HandleFunc("GET /simulator/api/chat", s.apiChat)
	mux.HandleFunc("GET /simulator/api/updates", s.apiUpdates)
	mux.HandleFunc("GET /simulator/api/media/{id}", s.apiMedia)
	mux.HandleFunc("GET /simulator/api/ledger", s.apiLedger)
	mux.HandleFunc("DELETE /simulator/api/ledger", func(w http.ResponseWriter, _ *http.Request) {
		s.ResetLedger()
		w.WriteHeader(http.StatusNoContent)
	})
	post := func(path string, h func(*http.Request) (any, error)) {
		mux.HandleFunc("POST /simulator/api/"+path, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
			answer(w)(h(r))
		})
	}
	post("inbound", s.apiInbound)
	post("status", s.apiStatus)
	post("behaviour", s.apiBehaviour)
	post("open", s.apiOpen)
	post("webhook", s.apiWebhook)
	post("handshake", s.apiHandshake)
	post("template", s.apiTemplate)
	post("persona", s.apiPersona)
	post("load", s.apiLoad)
	return http.NewCrossOriginProtection().Handler(mux)
}

// answer writes a value, or an error as {"error": sentence}.
func answer(w http.ResponseWriter) func(any, error) {
	return func(v any, err error) {
		var bad *badRequest
		switch {
		case err == nil:
			writeJSON(w, http.StatusOK, v)
		case errors.As(err, &bad), errors.Is(err, ErrUnknownPersona), errors.Is(err, ErrUnknownNumber), errors.Is(err, ErrBadJSON):
			writeJSON(w, http.StatusUnprocessableEntity, object{"error": err.Error()})
		default:
			writeJSON(w, http.StatusBadGateway, object{"error": err.Error()})
		}
	}
}

// badRequest is the control API's refusal.
type badRequest struct{ text string }

func (e *badRequest) Error() string { return e.text }

func bad(format string, args ...any) error { return &badRequest{fmt.Sprintf(format, args...)} }

func decode[T any](r *http.Request) (v T, err error) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, bad("the body is not what is expected: %v", err)
	}
	return v, nil
}

// choose finds a number by id, by phone, or by provider; without a name it is the
// first.
func (s *Simulator) choose(name string) *line {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range s.lines {
		if name == "" || l.id == name || l.kind == name || l.name == name || l.phone == digits(name) && l.phone != "" {
			return l
		}
	}
	return nil
}

// ChannelState is one number in the state.
type ChannelState struct {
	ID    string `json:"id"`   // phone number id or LINK source
	Kind  string `json:"kind"` // whatsapp or link
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// State is the answer of GET /simulator/api/state.
type State struct {
	Channels  []ChannelState   `json:"channels"`
	Personas  []Persona        `json:"personas"`
	Behaviour Behaviour        `json:"behaviour"`
	Magic     []Magic          `json:"magic"`
	Counters  map[string]int64 `json:"counters"`
	Load      LoadState        `json:"load"`
	Cursor    int64            `json:"cursor"` // for updates?after=
}

// State describes the simulator: numbers without their secrets, customers,
// switches and counters.
func (s *Simulator) State() State {
	st := State{Behaviour: s.Behaviour(), Magic: MagicNumbers(), Cursor: s.updates.cursor(), Load: s.loadState(), Channels: []ChannelState{}, Personas: []Persona{}}
	s.mu.RLock()
	for _, l := range s.lines {
		st.Channels = append(st.Channels, ChannelState{l.id, l.kind, l.name, "+" + l.phone})
	}
	for _, p := range s.people {
		st.Personas = append(st.Personas, *p)
	}
	s.mu.RUnlock()
	c := &s.count
	st.Counters = map[string]int64{
		"accepted": c.accepted.Load(), "refused": c.refused.Load(), "throughputExceeded": c.throttled.Load(), "pairLimitExceeded": c.paired.Load(), "tierExceeded": c.tiered.Load(),
		"webhooksDelivered": c.webhooks.Load(), "webhookErrors": c.webhookErrors.Load(), "webhooksGivenUp": c.webhookGaveUp.Load(),
		"waiting": int64(s.sched.waiting()), "dropped": s.sched.dropped.Load(), "mediaUploads": c.media.Load(),
	}
	return st
}

func (s *Simulator) apiState(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.State())
}

// chatSummary is a conversation in the list of GET /simulator/api/chat.
type chatSummary struct {
	Persona  Persona   `json:"persona"`
	Messages []Message `json:"messages"`
}

// apiChat serves one conversation, or without persona all of a channel with
// their last message.
func (s *Simulator) apiChat(w http.ResponseWriter, r *http.Request) {
	l := s.choose(r.URL.Query().Get("channel"))
	if l == nil {
		answer(w)(nil, ErrUnknownNumber)
		return
	}
	want := r.URL.Query().Get("persona")
	chats := []chatSummary{}
	l.mu.Lock()
	for _, c := range l.chats {
		cs := chatSummary{Persona: *c.person, Messages: []Message{}}
		from := max(0, len(c.messages)-1)
		if want != "" {
			from = 0
		}
		if want != "" && want != c.person.ID {
			continue
		}
		for _, m := range c.messages[from:] {
			cs.Messages = append(cs.Messages, *m)
		}
		chats = append(chats, cs)
	}
	l.mu.Unlock()
	writeJSON(w, http.StatusOK, object{"data": chats, "cursor": s.updates.cursor()})
}

// apiUpdates is the long poll: it answers when there is something after
// ?after=n, or after 5 s with nothing.
func (s *Simulator) apiUpdates(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil {
		answer(w)(nil, bad("after must be a number: the cursor of the last answer"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), longPoll)
	defer cancel()
	stop := context.AfterFunc(s.sched.ctx, cancel)
	defer stop()
	items, next, reset := s.updates.wait(ctx, after)
	if items == nil {
		items = []Update{}
	}
	writeJSON(w, http.StatusOK, object{"data": items, "cursor": next, "reset": reset})
}

// apiMedia serves a file of either side to the page.
func (s *Simulator) apiMedia(w http.ResponseWriter, r *http.Request) {
	f, ok := s.media.get(r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	f.serve(w)
}

func (s *Simulator) apiLedger(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if ref := q.Get("reference"); ref != "" {
		writeJSON(w, http.StatusOK, object{"reference": ref, "count": s.Accepted(ref)})
		return
	}
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), "100"))
	if err != nil || limit < 0 {
		answer(w)(nil, bad("limit must be a number"))
		return
	}
	writeJSON(w, http.StatusOK, s.Ledger(limit, q.Get("duplicates") == "true"))
}
