package simulator

import "strings"

// Kinds of persona.
const (
	KindTalker  = "talker"  // reads and answers
	KindReader  = "reader"  // reads, never answers
	KindSilent  = "silent"  // messages are delivered, never read
	KindOffline = "offline" // the phone is off: one tick
)

// Persona is a customer. A persona without a phone is known to the business by
// UserID only.
type Persona struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Phone    string `json:"phone,omitempty"` // digits: the wa_id
	UserID   string `json:"userId,omitempty"`
	Username string `json:"username,omitempty"`
	Kind     string `json:"kind"`
	About    string `json:"about,omitempty"`
}

// address is the key of the persona's conversations.
func (p *Persona) address() string {
	if p.Phone != "" {
		return p.Phone
	}
	return p.UserID
}

// DefaultPeople are the customers of a fresh simulator. Their numbers come from
// ranges reserved for fiction where the country has one.
func DefaultPeople() []Persona {
	return []Persona{
		{ID: "ada", Name: "Ada", Phone: "16505550101", UserID: "US.4801530921746630071", Kind: KindTalker, About: "writes first on WhatsApp and answers"},
		{ID: "bjorn", Name: "Björn", Phone: "46701740605", Kind: KindTalker, About: "writes first on LINK and answers"},
		{ID: "clara", Name: "Clara", Phone: "551181234567", Kind: KindReader, About: "Brazil: wa_id without the ninth digit; reads, never answers"},
		{ID: "diego", Name: "Diego", Phone: "5215512345678", Kind: KindSilent, About: "Mexico: wa_id with 521; never reads"},
		{ID: "eve", Name: "Eve", UserID: "US.7720463118952004417", Username: "eve.holt", Kind: KindTalker, About: "hides her number: business-scoped user id only"},
		{ID: "finn", Name: "Finn", Phone: "447700900123", Kind: KindOffline, About: "phone is off: one tick"},
	}
}

// greetings are what a persona writes first, lines what it answers, in order.
var (
	greetings = map[string]string{
		"ada":   "Hi! Is the blue bicycle still available?",
		"bjorn": "Hej! När öppnar ni i morgon?",
	}
	lines = []string{
		"Great, thank you!", "How much is delivery?", "Sounds good to me.",
		"Let me think about it until tomorrow.", "👍",
	}
)

// digits strips everything but the digits of a phone number.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// waID returns the id WhatsApp knows a number by, which is not always the
// number as typed: Brazilian mobiles lose the ninth digit, Mexican ones gain a 1,
// Argentine ones a 9.
func waID(phone string) string {
	d := digits(phone)
	switch {
	case strings.HasPrefix(d, "55") && len(d) == 13 && d[4] == '9':
		return d[:4] + d[5:]
	case strings.HasPrefix(d, "52") && len(d) == 12:
		return "521" + d[2:]
	case strings.HasPrefix(d, "54") && len(d) == 12 && d[2] != '9':
		return "549" + d[2:]
	}
	return d
}

// persona finds a customer by id, name, phone or user id.
func (s *Simulator) persona(key string) *Persona {
	s.mu.RLock()
	defer s.mu.RUnlock()
	phone := waID(key)
	for _, p := range s.people {
		if p.ID == key || strings.EqualFold(p.Name, key) || p.UserID == key && key != "" || phone != "" && p.Phone == phone && !strings.Contains(key, ".") {
			return p
		}
	}
	return nil
}

// someone is persona, or a stranger with that phone number or user id.
func (s *Simulator) someone(key string) *Persona {
	if p := s.persona(key); p != nil {
		return p
	}
	if isUserID(key) {
		return &Persona{ID: key, Name: key, UserID: key, Kind: KindReader}
	}
	if phone := waID(key); len(phone) >= 5 {
		return &Persona{ID: phone, Name: "+" + phone, Phone: phone, Kind: KindReader}
	}
	return nil
}

// isUserID reports whether s looks like a business-scoped user id: a country, a
// dot and more (US.1349…, US.ENT.1181…), or user.<hex> of the first drafts.
func isUserID(s string) bool {
	i := strings.IndexByte(s, '.')
	return i > 0 && i < len(s)-1 && s[0] != '+' && (s[0] < '0' || s[0] > '9')
}

// AddPersona adds a customer, or replaces the one with the same id.
func (s *Simulator) AddPersona(p Persona) {
	p.Phone = waID(p.Phone)
	if p.Kind == "" {
		p.Kind = KindReader
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.people {
		if s.people[i].ID == p.ID {
			s.people[i] = &p
			return
		}
	}
	s.people = append(s.people, &p)
}
