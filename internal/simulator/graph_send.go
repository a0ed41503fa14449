package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// sendRequest is the body of POST /{number}/messages.
type sendRequest struct {
	MessagingProduct string          `json:"messaging_product"`
	RecipientType    string          `json:"recipient_type"`
	To               string          `json:"to"`
	Recipient        string          `json:"recipient"`
	Type             string          `json:"type"`
	Callback         string          `json:"biz_opaque_callback_data"`
	Context          *sendContext    `json:"context"`
	Status           string          `json:"status"`     // "read": not a message but a receipt
	MessageID        string          `json:"message_id"` // of the message read
	Typing           json.RawMessage `json:"typing_indicator"`
	content
}

type sendContext struct {
	MessageID string `json:"message_id"`
}

// sendResponse is the answer to an accepted send.
type sendResponse struct {
	MessagingProduct string        `json:"messaging_product"`
	Contacts         []sendContact `json:"contacts"`
	Messages         []sendMessage `json:"messages"`
}

type (
	sendContact struct {
		Input  string `json:"input"`
		WaID   string `json:"wa_id,omitempty"`
		UserID string `json:"user_id,omitempty"`
	}
	sendMessage struct {
		ID      string `json:"id"`
		Status  string `json:"message_status,omitempty"`
		GroupID string `json:"group_id,omitempty"`
	}
)

// maxCallbackData is the limit of biz_opaque_callback_data. Source: Meta,
// Messages API changelog.
const maxCallbackData = 512

// graphSend serves POST /{number}/messages.
func (s *Simulator) graphSend(w http.ResponseWriter, r *http.Request, l *line) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGraphBody))
	if err != nil {
		s.graphError(w, invalid("The request body could not be read."))
		return
	}
	var req sendRequest
	if err := json.Unmarshal(raw, &req); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			s.graphError(w, invalid("Param "+kind.Field+" must not be a "+kind.Value+"."))
			return
		}
		s.graphError(w, missing("messaging_product"))
		return
	}
	if req.MessagingProduct != "whatsapp" {
		s.graphError(w, missing("messaging_product"))
		return
	}
	if req.Status != "" {
		s.receipt(w, l, &req)
		return
	}
	m, sp, fault := s.accept(l, &req)
	if fault != nil {
		s.graphError(w, fault)
		return
	}
	if s.misbehave(w, r, sp) {
		return
	}
	s.accepted(r.Context(), m, sp, raw, &req)
	s.answerSend(w, m, sp, &req)
}

// accept checks everything that Meta checks before it answers.
func (s *Simulator) accept(l *line, req *sendRequest) (*sent, spell, *graphFault) {
	to := req.To
	if to == "" {
		to = req.Recipient
	}
	if to == "" {
		return nil, spell{}, missing("to")
	}
	if len(req.Callback) > maxCallbackData {
		return nil, spell{}, invalid("Param biz_opaque_callback_data must be at most 512 characters long.")
	}
	if req.Type == "" {
		req.Type = "text"
	}
	if f := req.check(s, l); f != nil {
		return nil, spell{}, f
	}
	m := &sent{line: l, kind: req.Type, ref: req.Callback, category: "service", at: s.opt.Now()}
	if req.RecipientType == "group" {
		m.group = to
		m.person = &Persona{ID: to, Name: "Group", UserID: to, Kind: KindReader}
	} else if m.person = s.someone(to); m.person == nil {
		return nil, spell{}, refuse(131009, "Recipient phone number is not valid.")
	}
	if m.person.Phone == l.phone {
		return nil, spell{}, refuse(131021, "Recipient phone number cannot be the sender phone number.")
	}
	sp := magic(to)
	if sp.refuse != 0 {
		return nil, sp, &graphFault{code: max(sp.refuse, 0), details: "Simulated refusal of a magic number."}
	}
	address := m.address()
	b := s.Behaviour()
	if b.Window && req.Type != "template" && m.group == "" && sp == (spell{}) && !l.windowOpen(address, s.opt.Now()) {
		return nil, sp, refuse(131047, "Message failed to send because more than 24 hours have passed since the customer last replied to this number.")
	}
	if f := s.allow(l, address, req.Type == "template", b); f != nil {
		return nil, sp, f
	}
	m.id = newWamid(address, wamidOutbound)
	return m, sp, nil
}

// misbehave answers the magic numbers whose sends do not come through. It
// reports whether it did.
func (s *Simulator) misbehave(w http.ResponseWriter, r *http.Request, sp spell) bool {
	switch sp.http {
	case 429:
		s.graphError(w, &graphFault{code: 130429, retryAfter: 2, details: "Simulated throttling of a magic number."})
	case 500:
		http.Error(w, "<html><body><h1>500 Internal Server Error</h1></body></html>", http.StatusInternalServerError)
	case 408:
		select { // the caller's timeout ends it, or our stop
		case <-r.Context().Done():
		case <-s.sched.ctx.Done():
		}
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// accepted enters the send in the ledger, shows it on the phone and begins its
// statuses.
func (s *Simulator) accepted(ctx context.Context, m *sent, sp spell, raw []byte, req *sendRequest) {
	s.count.accepted.Add(1)
	s.ledger.add(m.ref, m.id)
	if s.opt.Quiet {
		return
	}
	bubble := &Message{
		ID: m.id, Direction: "out", Type: m.kind, Content: raw, Status: "accepted", Reference: m.ref, At: m.at, sent: m,
	}
	if req.Context != nil {
		bubble.ReplyTo = req.Context.MessageID
	}
	if req.Template != nil {
		m.category = m.line.shelf.fill(req.Template, bubble)
	}
	s.keep(m.line, m.person, bubble)
	s.launch(ctx, m, sp)
	s.answer(m, bubble)
}

// answerSend writes the 200, or for two magic numbers spoils it.
func (s *Simulator) answerSend(w http.ResponseWriter, m *sent, sp spell, req *sendRequest) {
	switch sp.http {
	case 777:
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	case 200:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>accepted, but this is no answer</html>") // deliberately broken
		return
	}
	out := sendMessage{ID: m.id, GroupID: m.group}
	if m.kind == "template" {
		out.Status = "accepted"
	}
	input := req.To
	if input == "" {
		input = req.Recipient
	}
	c := sendContact{Input: input, WaID: m.person.Phone}
	if m.person.Phone == "" {
		c.UserID = m.person.UserID
	}
	if m.group != "" {
		c = sendContact{Input: input, WaID: input}
	}
	writeJSON(w, http.StatusOK, sendResponse{"whatsapp", []sendContact{c}, []sendMessage{out}})
}

// receipt serves a read receipt, with or without the typing indicator.
func (s *Simulator) receipt(w http.ResponseWriter, l *line, req *sendRequest) {
	switch {
	case req.Status != "read":
		s.graphError(w, invalid("Param status must be one of {read}."))
		return
	case req.MessageID == "":
		s.graphError(w, missing("message_id"))
		return
	case !strings.HasPrefix(req.MessageID, "wamid."):
		s.graphError(w, refuse(131009, "Param message_id is not a message id."))
		return
	}
	if mine, m, ok := s.find(req.MessageID); ok && mine == l && m.Direction == "in" {
		s.markReadUpTo(l, m)
	}
	writeJSON(w, http.StatusOK, map[string]bool{"success": true})
}

// markReadUpTo gives blue ticks to a customer's message and those before it:
// marking one marks the earlier ones.
func (s *Simulator) markReadUpTo(l *line, last Message) {
	l.mu.Lock()
	var changed []Message
	for _, c := range l.chats {
		if c.person.ID != last.Persona {
			continue
		}
		for _, m := range c.messages {
			if m.Direction == "in" && m.Status != "read" && !m.At.After(last.At) {
				m.Status = "read"
				changed = append(changed, *m)
			}
		}
	}
	l.mu.Unlock()
	for i := range changed {
		s.updates.add(changed[i])
	}
}
