package simulator

import (
	"cmp"
	"strings"
	"time"
)

// linkTime is RFC 3339 in UTC with seconds, as in LINK's examples.
func linkTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// moBody is LINK's callback for one incoming message. Kinds that the document
// does not describe get their name in upper case as contentType. Source: LINK
// Mobility, WhatsApp Message API 1.4.19, "Incoming messages".
func (s *Simulator) moBody(l *line, p *Persona, id string, in Inbound, f *file) []byte {
	body := object{
		"destination": l.link.Source,
		"content":     object{"type": "WHATSAPP", "message": s.moMessage(l, p, in, f)},
		"provider":    "whatsapp", "timestamp": linkTime(s.opt.Now()), "providerTimestamp": linkTime(in.At),
		"messageId": linkMessageID(), "providerMessageId": id,
		"route": nil, "gateCustomParameters": object{}, "customParameters": nil,
	}
	if in.WireID != "" {
		body["messageId"] = in.WireID // a repeat repeats LINK's id as well
	}
	if p.Phone != "" {
		body["source"] = "+" + p.Phone
	}
	if p.UserID != "" {
		body["customParameters"] = object{"whatsappUserId": p.UserID}
	}
	return mustJSON(body)
}

func (s *Simulator) moMessage(l *line, p *Persona, in Inbound, f *file) object {
	m := object{}
	if in.ReplyTo != "" {
		m["context"] = object{"source": l.phone, "id": in.ReplyTo}
	}
	if f != nil {
		media := object{"type": f.mime, "source": s.linkURL(f)}
		if in.Text != "" {
			media["caption"] = in.Text
		}
		m["contentType"], m["media"] = "MEDIA", media
		return m
	}
	switch in.Type {
	case "text":
		m["contentType"], m["text"] = "TEXT", cmp.Or(in.Text, "Hello")
	case "button":
		title := cmp.Or(in.Title, "Yes")
		m["contentType"], m["button"] = "BUTTON", object{"text": title, "payload": cmp.Or(in.Payload, title)}
	case "button_reply", "list_reply", "flow_reply":
		_, v := s.waContent(p, in, nil)
		m["contentType"], m["interactive"] = "INTERACTIVE", v
	case "order":
		m["contentType"], m["order"] = "ORDER", sampleOrder(in)
	case "reaction":
		m["contentType"], m["emoji"] = "REACTION", in.Emoji
		m["context"] = object{"source": l.phone, "id": in.MessageID}
	default:
		kind, v := s.waContent(p, in, nil)
		m["contentType"] = strings.ToUpper(kind)
		if v != nil {
			m[kind] = v
		}
	}
	return m
}
