package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// inboundRequest is the body of POST /simulator/api/inbound.
type inboundRequest struct {
	Channel string `json:"channel,omitempty"` // number, id, "whatsapp" or "link"; default the first
	Persona string `json:"persona,omitempty"` // id or name; default Ada
	From    string `json:"from,omitempty"`    // a phone number or user id instead
	Inbound
}

func (s *Simulator) apiInbound(r *http.Request) (any, error) {
	req, err := decode[inboundRequest](r)
	if err != nil {
		return nil, err
	}
	l := s.choose(req.Channel)
	if l == nil {
		return nil, ErrUnknownNumber
	}
	who := req.From
	if who == "" {
		who = req.Persona
	}
	if who == "" {
		who = "ada"
	}
	id, err := s.Say(r.Context(), l.id, who, req.Inbound)
	if err != nil {
		return nil, err
	}
	return object{"id": id, "channel": l.id}, nil
}

// apiStatus sets a tick by hand.
func (s *Simulator) apiStatus(r *http.Request) (any, error) {
	req, err := decode[struct {
		MessageID string `json:"messageId"`
		Status    string `json:"status"` // sent, delivered, read, played, deleted, failed
		ErrorCode int    `json:"errorCode"`
	}](r)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"sent", "delivered", "read", "played", "deleted", "failed"}, req.Status) {
		return nil, bad("status must be sent, delivered, read, played, deleted or failed")
	}
	return object{"ok": true}, s.SetStatus(r.Context(), req.MessageID, req.Status, req.ErrorCode)
}

// SetStatus reports a status of an accepted message by hand, whatever came
// before. errorCode counts with "failed" and defaults to 131026.
func (s *Simulator) SetStatus(ctx context.Context, messageID, status string, errorCode int) error {
	_, m, ok := s.find(messageID)
	if !ok || m.sent == nil {
		return bad("no outgoing message %q", messageID)
	}
	st := step{status: status}
	if status == "failed" {
		st.code = errorCode
		if st.code == 0 {
			st.code = 131026
		}
		if m.sent.line.kind == KindLink && (st.code/1000 == 112 || st.code == 12409) {
			st.result = st.code
		}
	}
	s.report(ctx, m.sent, st)
	return nil
}

// apiBehaviour merges the given switches into the present ones.
func (s *Simulator) apiBehaviour(r *http.Request) (any, error) {
	b := s.Behaviour()
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return nil, bad("the body is not what is expected: %v", err)
	}
	modes := []string{StatusesNormal, StatusesNone, StatusesDuplicated, StatusesReordered, StatusesLate, StatusesBefore, StatusesSkipped}
	if !slices.Contains(modes, b.Statuses) {
		return nil, bad("statuses must be one of %v", modes)
	}
	if b.Copies < 0 || b.Copies > 10 || b.LatencyMS > 60_000 {
		return nil, bad("copies must be 0 to 10 and latencyMs at most 60000")
	}
	s.SetBehaviour(b)
	return b, nil
}

// apiOpen looks at the phone: what was delivered is read now. Only automatic
// ticks come this way.
func (s *Simulator) apiOpen(r *http.Request) (any, error) {
	req, err := decode[struct {
		Channel string `json:"channel"`
		Persona string `json:"persona"`
	}](r)
	if err != nil {
		return nil, err
	}
	l := s.choose(req.Channel)
	if l == nil {
		return nil, ErrUnknownNumber
	}
	var unread []*sent
	if s.Behaviour().Automatic {
		l.mu.Lock()
		for _, c := range l.chats {
			for _, m := range c.messages {
				if c.person.ID == req.Persona && m.Status == "delivered" && m.sent != nil {
					unread = append(unread, m.sent)
				}
			}
		}
		l.mu.Unlock()
	}
	for _, m := range unread {
		s.after(0, func(ctx context.Context) { s.report(ctx, m, step{status: "read"}) })
	}
	return object{"read": len(unread)}, nil
}

// apiWebhook posts any body, or any field with its value, properly signed.
func (s *Simulator) apiWebhook(r *http.Request) (any, error) {
	req, err := decode[struct {
		Channel string          `json:"channel"`
		Field   string          `json:"field"`
		Value   json.RawMessage `json:"value"`
		Body    json.RawMessage `json:"body"`
	}](r)
	if err != nil {
		return nil, err
	}
	l := s.choose(req.Channel)
	switch {
	case l == nil:
		return nil, ErrUnknownNumber
	case len(req.Body) > 0:
		s.Post(l.id, req.Body)
	case req.Field == "" || len(req.Value) == 0 || l.kind != KindWhatsApp:
		return nil, bad("body, or on a WhatsApp number field and value, must be given")
	default:
		return object{"ok": true}, s.Change(l.id, req.Field, req.Value)
	}
	return object{"ok": true}, nil
}

// Change posts a webhook with one change of a field of a WhatsApp number's
// account, e.g. phone_number_quality_update.
func (s *Simulator) Change(number, field string, value json.RawMessage) error {
	l := s.line(number)
	switch {
	case l == nil || l.kind != KindWhatsApp:
		return fmt.Errorf("%w: %q", ErrUnknownNumber, number)
	case !json.Valid(value):
		return ErrBadJSON
	}
	s.Post(number, metaJSON(l.envelope(field, s.opt.Now(), value)))
	return nil
}

// Post posts body, signed, to the number's webhook URL. It is how tests send
// batches and payloads that no customer would cause.
func (s *Simulator) Post(number string, body []byte) {
	if l := s.line(number); l != nil {
		s.after(0, func(ctx context.Context) { s.post(ctx, l, body) })
	}
}

func (s *Simulator) apiHandshake(r *http.Request) (any, error) {
	req, err := decode[struct {
		Channel string `json:"channel"`
	}](r)
	if err != nil {
		return nil, err
	}
	l := s.choose(req.Channel)
	if l == nil {
		return nil, ErrUnknownNumber
	}
	return object{"ok": true}, s.Handshake(r.Context(), l.id)
}

// apiTemplate sets a template's status.
func (s *Simulator) apiTemplate(r *http.Request) (any, error) {
	req, err := decode[struct {
		Channel  string `json:"channel"`
		Name     string `json:"name"`
		Language string `json:"language"`
		Status   string `json:"status"` // APPROVED, REJECTED, PAUSED, DISABLED
	}](r)
	if err != nil {
		return nil, err
	}
	l := s.choose(req.Channel)
	if l == nil {
		return nil, ErrUnknownNumber
	}
	if !s.SetTemplate(r.Context(), l.id, req.Name, req.Language, req.Status) {
		return nil, bad("no template %q in %q", req.Name, req.Language)
	}
	return object{"ok": true}, nil
}

func (s *Simulator) apiPersona(r *http.Request) (any, error) {
	p, err := decode[Persona](r)
	if err != nil {
		return nil, err
	}
	if p.ID == "" || p.Name == "" || p.Phone+p.UserID == "" {
		return nil, bad("id, name and phone or userId must be given")
	}
	s.AddPersona(p)
	return p, nil
}
