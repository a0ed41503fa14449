package simulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// content is the part of a Cloud API send that its type names.
type content struct {
	Text *struct {
		Body string `json:"body"`
	} `json:"text"`
	Image       *mediaRef         `json:"image"`
	Video       *mediaRef         `json:"video"`
	Audio       *mediaRef         `json:"audio"`
	Document    *mediaRef         `json:"document"`
	Sticker     *mediaRef         `json:"sticker"`
	Location    *place            `json:"location"`
	Contacts    []json.RawMessage `json:"contacts"`
	Interactive *interactive      `json:"interactive"`
	Template    *templateUse      `json:"template"`
	Reaction    *struct {
		MessageID string  `json:"message_id"`
		Emoji     *string `json:"emoji"`
	} `json:"reaction"`
}

type mediaRef struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
}

// place has numbers or strings.
type place struct {
	Latitude  json.RawMessage `json:"latitude"`
	Longitude json.RawMessage `json:"longitude"`
}

// Limits of the Cloud API in characters. Source: Meta, Cloud API "Messages" and
// the pages of each message type, read Nov 2025.
const (
	maxText        = 4096
	maxCaption     = 1024
	maxContacts    = 257
	maxBody        = 1024
	maxListBody    = 4096
	maxHeader      = 60
	maxFooter      = 60
	maxButtonTitle = 20
	maxButtonID    = 256
	maxListButton  = 20
	maxSection     = 24
	maxRowTitle    = 24
	maxRowText     = 72
	maxRowID       = 200
	maxDisplayText = 20
	maxSections    = 10
	maxRows        = 10
	maxProducts    = 30
	maxReply       = 3
)

// tooLong checks a text that must not be empty if required.
func tooLong(param, text string, limit int, required bool) *graphFault {
	if required && strings.TrimSpace(text) == "" {
		return missing(param)
	}
	if utf8.RuneCountInString(text) > limit {
		return invalid(fmt.Sprintf("Param %s must be at most %d characters long.", param, limit))
	}
	return nil
}

// first returns the first fault.
func first(faults ...*graphFault) *graphFault {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}

// check validates the content that Type names.
func (r *sendRequest) check(s *Simulator, l *line) *graphFault {
	if r.Type == "reaction" && r.Context != nil {
		return invalid("Param context is not allowed for reaction messages.")
	}
	switch r.Type {
	case "text":
		if r.Text == nil {
			return missing("text['body']")
		}
		return tooLong("text['body']", r.Text.Body, maxText, true)
	case "image":
		return s.checkMedia(l, r.Type, r.Image)
	case "video":
		return s.checkMedia(l, r.Type, r.Video)
	case "audio":
		return s.checkMedia(l, r.Type, r.Audio)
	case "document":
		return s.checkMedia(l, r.Type, r.Document)
	case "sticker":
		return s.checkMedia(l, r.Type, r.Sticker)
	case "location":
		return r.Location.check()
	case "contacts":
		return checkContacts(r.Contacts)
	case "reaction":
		if r.Reaction == nil || r.Reaction.MessageID == "" {
			return missing("reaction['message_id']")
		}
		if r.Reaction.Emoji == nil {
			return missing("reaction['emoji']")
		}
		return nil
	case "interactive":
		return r.Interactive.check(s, l)
	case "template":
		return l.shelf.check(r.Template)
	}
	return invalid("Param type must be one of {AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE, TEXT, VIDEO} - got \"" + r.Type + "\".")
}

func (s *Simulator) checkMedia(l *line, kind string, m *mediaRef) *graphFault {
	switch {
	case m == nil:
		return missing(kind)
	case (m.ID == "") == (m.Link == ""):
		return invalid("Either one of media ID or link must be present.")
	case m.Link != "" && !strings.HasPrefix(m.Link, "http://") && !strings.HasPrefix(m.Link, "https://"):
		return refuse(131009, "Param "+kind+"['link'] is not a valid URI.")
	case m.Caption != "" && (kind == "audio" || kind == "sticker"):
		return invalid("Param caption is not allowed for " + kind + ".")
	}
	if m.ID != "" {
		if f, ok := s.media.get(m.ID); !ok || f.line != l.id {
			return refuse(131009, "Param "+kind+"['id'] is not a valid whatsapp business account media attachment ID.")
		}
	}
	return tooLong(kind+"['caption']", m.Caption, maxCaption, false)
}

var decimal = regexp.MustCompile(`^"?-?\d{1,3}(\.\d+)?"?$`)

func (p *place) check() *graphFault {
	switch {
	case p == nil || len(p.Latitude) == 0:
		return missing("location['latitude']")
	case len(p.Longitude) == 0:
		return missing("location['longitude']")
	case !decimal.Match(p.Latitude) || !decimal.Match(p.Longitude):
		return refuse(131009, "Param location must hold decimal degrees.")
	}
	return nil
}

func checkContacts(cards []json.RawMessage) *graphFault {
	if len(cards) == 0 {
		return missing("contacts")
	}
	if len(cards) > maxContacts {
		return invalid(fmt.Sprintf("Param contacts must have at most %d elements.", maxContacts))
	}
	for i, raw := range cards {
		var c struct {
			Name *struct {
				FormattedName string `json:"formatted_name"`
				First         string `json:"first_name"`
				Last          string `json:"last_name"`
				Middle        string `json:"middle_name"`
				Suffix        string `json:"suffix"`
				Prefix        string `json:"prefix"`
			} `json:"name"`
		}
		param := fmt.Sprintf("contacts[%d]['name']", i)
		if json.Unmarshal(raw, &c) != nil || c.Name == nil || c.Name.FormattedName == "" {
			return missing(param + "['formatted_name']")
		}
		if c.Name.First+c.Name.Last+c.Name.Middle+c.Name.Suffix+c.Name.Prefix == "" {
			return invalid("Param " + param + " needs at least one name part besides formatted_name.")
		}
	}
	return nil
}
