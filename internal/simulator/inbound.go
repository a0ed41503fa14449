package simulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Inbound is what a customer does. Type says which members count; those that
// are missing get a sample value.
type Inbound struct {
	// Type: text, image, audio, voice, video, document, sticker, location,
	// contacts, button (a template's quick reply), button_reply, list_reply,
	// flow_reply, order, reaction, system, unsupported, edit, revoke,
	// request_welcome, echo (the business writes from its phone). Any other is
	// sent as it is, with Raw under its name.
	Type string `json:"type"`

	Text        string          `json:"text,omitempty"`        // text, edit, echo; caption of media
	MessageID   string          `json:"messageId,omitempty"`   // reaction, edit, revoke: the message meant
	ReplyTo     string          `json:"replyTo,omitempty"`     // the message quoted
	Emoji       string          `json:"emoji,omitempty"`       // reaction; empty takes it back
	ID          string          `json:"id,omitempty"`          // button_reply, list_reply
	Title       string          `json:"title,omitempty"`       // button_reply, list_reply, button
	Description string          `json:"description,omitempty"` // list_reply
	Payload     string          `json:"payload,omitempty"`     // button
	Response    json.RawMessage `json:"response,omitempty"`    // flow_reply: the form's values
	Data        []byte          `json:"data,omitempty"`        // media, base64 in JSON
	MimeType    string          `json:"mimeType,omitempty"`
	Filename    string          `json:"filename,omitempty"`
	Latitude    *float64        `json:"latitude,omitempty"`
	Longitude   *float64        `json:"longitude,omitempty"`
	Name        string          `json:"name,omitempty"`      // location; contacts: whose card
	Address     string          `json:"address,omitempty"`   // location
	Phone       string          `json:"phone,omitempty"`     // contacts; system: the new number
	UserID      string          `json:"userId,omitempty"`    // system: the new user id
	Kind        string          `json:"kind,omitempty"`      // system: user_changed_number …; unsupported: poll_creation …
	Raw         json.RawMessage `json:"raw,omitempty"`       // the content object, instead of one made from the members above
	Referral    json.RawMessage `json:"referral,omitempty"`  // or true for a sample advertisement
	Forwarded   bool            `json:"forwarded,omitempty"` // forwarded up to five times
	WireID      string          `json:"wireId,omitempty"`    // the message id, to send one twice
	At          time.Time       `json:"at,omitzero"`         // when it was written; default now
	Wait        bool            `json:"wait,omitempty"`      // return only after the first attempt to deliver
}

// What Say returns.
var (
	ErrUnknownNumber  = errors.New("simulator: no such number")
	ErrUnknownPersona = errors.New("simulator: no such persona, phone number or user id")
	ErrBadJSON        = errors.New("simulator: what is passed on as it is must be JSON")
)

// Say lets a customer write to number, a phone number id or a LINK source.
// persona is an id, a name, a phone number or a user id. It returns the
// provider's message id; the webhook follows at once, by Start's goroutines.
func (s *Simulator) Say(ctx context.Context, number, persona string, in Inbound) (string, error) {
	l := s.line(number)
	if l == nil {
		return "", fmt.Errorf("%w: %q", ErrUnknownNumber, number)
	}
	p := s.someone(persona)
	if p == nil {
		return "", ErrUnknownPersona
	}
	if len(in.Raw) > 0 && !json.Valid(in.Raw) || len(in.Referral) > 0 && !json.Valid(in.Referral) {
		return "", ErrBadJSON
	}
	l.mu.Lock()
	if c := l.chats[p.address()]; c != nil {
		c.answers = 0
	}
	l.mu.Unlock()
	return s.say(ctx, l, p, in), nil
}

func (s *Simulator) say(ctx context.Context, l *line, p *Persona, in Inbound) string {
	in.Type = cmp.Or(in.Type, "text")
	if in.At.IsZero() {
		in.At = s.opt.Now()
	}
	direction, side := byte(wamidInbound), "in"
	if in.Type == "echo" {
		direction, side = wamidOutbound, "out"
	}
	id := cmp.Or(in.WireID, newWamid(p.address(), direction))
	f := s.attach(l, in)
	message, body := s.waMessage(l, p, id, in, f)
	if l.kind == KindLink {
		body = s.moBody(l, p, id, in, f)
	}
	if side == "in" {
		l.wrote(p.address(), in.At)
	}
	bubble := &Message{ID: id, Direction: side, Type: fmt.Sprint(message["type"]), ReplyTo: in.ReplyTo, At: in.At, Content: mustJSON(message)}
	s.keep(l, p, bubble)
	s.react(l, p, in)
	if in.Wait {
		s.post(ctx, l, body)
	} else {
		s.after(0, func(ctx context.Context) { s.post(ctx, l, body) })
	}
	return id
}

// react takes back or changes the bubble that an edit or a revoke means.
func (s *Simulator) react(l *line, p *Persona, in Inbound) {
	if in.Type == "revoke" {
		s.mark(l, p.address(), in.MessageID, "deleted", 0)
	}
}

// attach stores the file of a media message.
func (s *Simulator) attach(l *line, in Inbound) *file {
	switch in.Type {
	case "image", "audio", "voice", "video", "document", "sticker":
	default:
		return nil
	}
	data, mime, name := sample(in.Type)
	if len(in.Data) > 0 {
		data, mime, name = in.Data, cmp.Or(in.MimeType, mime), ""
	}
	f := &file{line: l.id, data: data, mime: cmp.Or(in.MimeType, mime), name: cmp.Or(in.Filename, name), expires: s.opt.Now().Add(inboundFor)}
	s.media.add(f)
	return f
}

// Greet lets the first customers write: Ada on each WhatsApp number, Björn on each
// LINK account. Where names are given, only on those numbers and accounts.
func (s *Simulator) Greet(ctx context.Context, only ...string) {
	s.mu.RLock()
	numbers := append([]*line(nil), s.lines...)
	s.mu.RUnlock()
	for _, l := range numbers {
		if len(only) > 0 && !slices.Contains(only, l.id) {
			continue
		}
		id := "ada"
		if l.kind == KindLink {
			id = "bjorn"
		}
		if p := s.persona(id); p != nil {
			s.say(ctx, l, p, Inbound{Type: "text", Text: greetings[id]})
		}
	}
}

// answer lets a talker react to what the business wrote: it taps the first
// button or row if there is one, else it speaks its next line. It stops after a
// few until a person types again, so that it cannot talk with a bot for ever.
func (s *Simulator) answer(m *sent, bubble *Message) {
	b := s.Behaviour()
	if !b.Replies || m.person.Kind != KindTalker || m.kind == "reaction" || m.group != "" {
		return
	}
	l := m.line
	l.mu.Lock()
	c := l.chatWith(m.person)
	n := c.answers
	c.answers++
	l.mu.Unlock()
	if n >= len(lines) {
		return
	}
	in := tap(bubble)
	if in.Type == "" {
		in = Inbound{Type: "text", Text: lines[n]}
	}
	s.after(ms(b.ReplyMS), func(ctx context.Context) { s.say(ctx, l, m.person, in) })
}

// tap is the reply to the first button or row of a message; its Type is empty
// if there is nothing to tap.
func tap(m *Message) Inbound {
	if len(m.Buttons) > 0 {
		return Inbound{Type: "button", Title: m.Buttons[0].Text, Payload: m.Buttons[0].Payload, ReplyTo: m.ID}
	}
	var c struct {
		Interactive interactive `json:"interactive"`
	}
	if m.Type != "interactive" || json.Unmarshal(m.Content, &c) != nil || c.Interactive.Action == nil {
		return Inbound{}
	}
	a := c.Interactive.Action
	switch {
	case c.Interactive.Type == "button" && len(a.Buttons) > 0:
		r := a.Buttons[0].Reply
		return Inbound{Type: "button_reply", ID: r.ID, Title: r.Title, ReplyTo: m.ID}
	case c.Interactive.Type == "list" && len(a.Sections) > 0 && len(a.Sections[0].Rows) > 0:
		r := a.Sections[0].Rows[0]
		return Inbound{Type: "list_reply", ID: r.ID, Title: r.Title, Description: r.Description, ReplyTo: m.ID}
	case c.Interactive.Type == "location_request_message":
		return Inbound{Type: "location", ReplyTo: m.ID}
	case c.Interactive.Type == "flow":
		return Inbound{Type: "flow_reply", ReplyTo: m.ID}
	}
	return Inbound{}
}

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: %v", err)) // callers checked what came from outside
	}
	return raw
}
