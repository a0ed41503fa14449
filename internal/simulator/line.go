package simulator

import (
	"encoding/json"
	"sync"
	"time"
)

// Kinds of line.
const (
	KindWhatsApp = "whatsapp"
	KindLink     = "link"
)

const (
	serviceWindow = 24 * time.Hour // from the customer's last message
	maxChats      = 500            // conversations kept per number; strangers go first
	maxWindows    = 100_000        // customers whose last message is remembered
)

// WhatsAppNumber is one business number of the fake Cloud API.
type WhatsAppNumber struct {
	PhoneNumberID string
	WABAID        string // templates belong to it
	DisplayPhone  string // digits, e.g. 15550783881
	Name          string // verified name
	AppSecret     string // signs webhooks
	VerifyToken   string
	AccessToken   string // the bearer token it accepts
	WebhookURL    string
}

// LinkAccount is one sender of the fake LINK.
type LinkAccount struct {
	Source             string // the sender number, E.164 with +
	Name               string
	Username, Password string // Basic auth of LINK's API
	PlatformID         string
	PlatformPartnerID  string
	CallbackURL        string   // receives messages and statuses; carries the token
	GateIDs            []string // gates that lead to CallbackURL; empty means any gate
	BasicUser          string   // Basic auth of our callbacks; empty means none
	BasicPass          string
}

// line is one number of either provider.
type line struct {
	id, kind, name, phone string // phone: digits
	wa                    WhatsAppNumber
	link                  LinkAccount
	shelfID               string
	shelf                 *shelf

	mu      sync.Mutex
	chats   map[string]*chat     // by the customer's address
	windows map[string]time.Time // by the customer's address: when it last wrote
	rate    bucket               // 80/s
	pairs   map[string]*pair     // 1 per 6 s to one customer
	reached map[string]time.Time // by template outside the window, in 24 hours
}

// chat is a conversation as the customer's phone shows it.
type chat struct {
	person   *Persona
	messages []*Message
	answers  int // lines spoken by itself since a person typed
}

// Message is one bubble. Content is the Cloud API's message object, whichever
// the provider, so that one renderer draws all.
type Message struct {
	ID        string          `json:"id"` // the wamid
	Channel   string          `json:"channel"`
	Persona   string          `json:"persona"`
	Direction string          `json:"direction"` // in: from the customer; out: from the business
	Type      string          `json:"type"`
	Content   json.RawMessage `json:"content"`
	Preview   string          `json:"preview,omitempty"` // template: the filled text
	Buttons   []TapButton     `json:"buttons,omitempty"` // template: its quick replies
	ReplyTo   string          `json:"replyTo,omitempty"`
	Status    string          `json:"status,omitempty"` // out: accepted, sent, delivered, read, failed
	ErrorCode int             `json:"errorCode,omitempty"`
	Reference string          `json:"reference,omitempty"` // biz_opaque_callback_data or refId
	At        time.Time       `json:"at"`

	sent *sent
}

// TapButton is a template's quick reply.
type TapButton struct {
	Text    string `json:"text"`
	Payload string `json:"payload"`
}

// AddWhatsApp registers a number, or changes the one with the same id.
func (s *Simulator) AddWhatsApp(n WhatsAppNumber) {
	s.addLine(&line{
		id: n.PhoneNumberID, kind: KindWhatsApp, name: n.Name, phone: digits(n.DisplayPhone), wa: n, shelfID: n.WABAID,
		chats: map[string]*chat{}, windows: map[string]time.Time{}, pairs: map[string]*pair{},
	})
	s.opened(n.PhoneNumberID)
}

// AddLink registers a LINK account, or changes the one with the same source.
func (s *Simulator) AddLink(a LinkAccount) {
	s.addLine(&line{
		id: a.Source, kind: KindLink, name: a.Name, phone: digits(a.Source), link: a, shelfID: "link:" + a.Source,
		chats: map[string]*chat{}, windows: map[string]time.Time{}, pairs: map[string]*pair{},
	})
	s.opened(a.Source)
}

// opened lets the personas count as having written: what they wrote before a
// restart is not known here any more, and the server guards the window itself.
func (s *Simulator) opened(id string) {
	l := s.line(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range s.people {
		if _, known := l.windows[p.address()]; !known {
			l.windows[p.address()] = s.opt.Now()
		}
	}
}

// wrote notes that a customer's message opened the window.
func (l *line) wrote(address string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.windows) >= maxWindows {
		for k, t := range l.windows {
			if at.Sub(t) > serviceWindow || len(l.windows) >= maxWindows {
				delete(l.windows, k)
			}
		}
	}
	if at.After(l.windows[address]) {
		l.windows[address] = at
	}
}

func (l *line) windowOpen(address string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.windows[address]
	return ok && now.Sub(t) < serviceWindow
}

// chatWith finds or begins a conversation. l.mu is held.
func (l *line) chatWith(p *Persona) *chat {
	c := l.chats[p.address()]
	if c == nil {
		if len(l.chats) >= maxChats {
			l.evict()
		}
		c = &chat{person: p}
		l.chats[p.address()] = c
	}
	return c
}

// evict forgets one conversation, a stranger's if there is one. l.mu is held.
func (l *line) evict() {
	victim := ""
	for k, c := range l.chats {
		if victim == "" || c.person.ID == c.person.address() {
			victim = k
		}
		if c.person.ID == c.person.address() {
			break
		}
	}
	delete(l.chats, victim)
}

// keep adds a bubble and tells the watchers.
func (s *Simulator) keep(l *line, p *Persona, m *Message) {
	if s.opt.Quiet {
		return
	}
	m.Channel, m.Persona = l.id, p.ID
	l.mu.Lock()
	c := l.chatWith(p)
	if len(c.messages) >= s.opt.History {
		c.messages = append(c.messages[:0:0], c.messages[len(c.messages)-s.opt.History+1:]...)
	}
	c.messages = append(c.messages, m)
	snapshot := *m
	l.mu.Unlock()
	s.updates.add(snapshot)
}

// mark sets a bubble's status and tells the watchers.
func (s *Simulator) mark(l *line, address, id, status string, code int) {
	l.mu.Lock()
	m := l.message(address, id)
	if m == nil {
		l.mu.Unlock()
		return
	}
	m.Status, m.ErrorCode = status, code
	snapshot := *m
	l.mu.Unlock()
	s.updates.add(snapshot)
}

// message finds a bubble. l.mu is held.
func (l *line) message(address, id string) *Message {
	c := l.chats[address]
	if c == nil {
		return nil
	}
	for i := len(c.messages) - 1; i >= 0; i-- {
		if c.messages[i].ID == id {
			return c.messages[i]
		}
	}
	return nil
}

// find looks a bubble up by id in every conversation.
func (s *Simulator) find(id string) (*line, Message, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range s.lines {
		l.mu.Lock()
		for address := range l.chats {
			if m := l.message(address, id); m != nil {
				snapshot := *m
				l.mu.Unlock()
				return l, snapshot, true
			}
		}
		l.mu.Unlock()
	}
	return nil, Message{}, false
}
