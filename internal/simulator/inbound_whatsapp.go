package simulator

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

type object = map[string]any

// waMessage makes a Cloud API message object and the webhook body around it.
// Source: Meta, Cloud API "Webhooks", section of each message type.
func (s *Simulator) waMessage(l *line, p *Persona, id string, in Inbound, f *file) (object, []byte) {
	m := object{"id": id, "timestamp": strconv.FormatInt(in.At.Unix(), 10)}
	if p.Phone != "" {
		m["from"] = p.Phone
	}
	if p.UserID != "" {
		m["from_user_id"] = p.UserID
	}
	kind, value := s.waContent(p, in, f)
	m["type"] = kind
	if value != nil {
		m[kind] = value
	}
	if kind == "unsupported" {
		m["errors"] = []waError{unsupportedError()}
	}
	if c := waContext(l, in); c != nil {
		m["context"] = c
	}
	if len(in.Referral) > 0 {
		m["referral"] = referral(in.Referral)
	}
	v := waValue{MessagingProduct: "whatsapp", Metadata: l.metadata(), Contacts: []waContact{p.contact()}, Messages: []any{m}}
	field := "messages"
	switch {
	case in.Type == "echo":
		m["from"], m["to"] = l.phone, p.Phone
		delete(m, "from_user_id")
		v.Messages, v.MessageEchoes, field = nil, []any{m}, "smb_message_echoes"
	case kind == "system":
		v.Contacts = nil // system messages come without
	}
	return m, metaJSON(l.envelope(field, in.At, v))
}

func unsupportedError() waError {
	e := waError{Code: 131051, Title: "Message type unknown", Message: "Message type unknown"}
	e.ErrorData.Details = "Message type is currently not supported."
	return e
}

func waContext(l *line, in Inbound) object {
	c := object{}
	if in.ReplyTo != "" {
		c["from"], c["id"] = l.phone, in.ReplyTo
	}
	if in.Forwarded {
		c["forwarded"] = true
	}
	if len(c) == 0 {
		return nil
	}
	return c
}

// referral is the advertisement that a message came from: the given object, or
// a sample if it is true.
func referral(raw json.RawMessage) any {
	if strings.TrimSpace(string(raw)) != "true" {
		return raw
	}
	return object{
		"source_url": "https://fb.example/ad/1", "source_type": "ad", "source_id": "120200000000001", "headline": "Spring bicycles",
		"body": "Ask us about the blue one", "media_type": "image", "image_url": "https://fb.example/ad/1.png", "ctwa_clid": "ARsimulated",
	}
}

// waContent returns the message type and its content object.
func (s *Simulator) waContent(p *Persona, in Inbound, f *file) (string, any) {
	if len(in.Raw) > 0 {
		return in.Type, in.Raw
	}
	switch in.Type {
	case "text", "echo":
		return "text", object{"body": cmp.Or(in.Text, "Hello")}
	case "image", "audio", "voice", "video", "document", "sticker":
		return s.waMedia(in, f)
	case "location":
		return "location", place2(in)
	case "contacts":
		name := cmp.Or(in.Name, "Grace Hopper")
		firstName, _, _ := strings.Cut(name, " ")
		phone := cmp.Or(in.Phone, "+16505550142")
		return "contacts", []any{object{
			"name":   object{"formatted_name": name, "first_name": firstName},
			"phones": []any{object{"phone": phone, "wa_id": digits(phone), "type": "CELL"}},
		}}
	case "button":
		title := cmp.Or(in.Title, "Yes")
		return "button", object{"text": title, "payload": cmp.Or(in.Payload, title)}
	case "button_reply":
		return "interactive", object{"type": "button_reply", "button_reply": object{"id": cmp.Or(in.ID, "yes"), "title": cmp.Or(in.Title, "Yes")}}
	case "list_reply":
		r := object{"id": cmp.Or(in.ID, "one"), "title": cmp.Or(in.Title, "One")}
		if in.Description != "" {
			r["description"] = in.Description
		}
		return "interactive", object{"type": "list_reply", "list_reply": r}
	case "flow_reply":
		values := string(in.Response)
		if values == "" {
			values = `{"flow_token":"unused","name":"` + strings.ReplaceAll(p.Name, `"`, "") + `"}`
		}
		return "interactive", object{"type": "nfm_reply", "nfm_reply": object{"name": "flow", "body": "Sent", "response_json": values}}
	case "order":
		return "order", sampleOrder(in)
	}
	return waRare(p, in)
}

// waRare makes what a customer does less often.
func waRare(p *Persona, in Inbound) (string, any) {
	switch in.Type {
	case "reaction":
		r := object{"message_id": in.MessageID}
		if in.Emoji != "" { // a removal has no emoji
			r["emoji"] = in.Emoji
		}
		return "reaction", r
	case "system":
		kind := cmp.Or(in.Kind, "user_changed_number")
		v := object{"type": kind, "body": "User " + p.Name + " changed: " + kind}
		if kind == "user_changed_number" {
			v["wa_id"] = waID(cmp.Or(in.Phone, "+16505550199"))
		}
		if in.UserID != "" || kind == "user_changed_user_id" {
			v["user_id"] = cmp.Or(in.UserID, "US.5500917264003318827")
		}
		return "system", v
	case "unsupported":
		return "unsupported", object{"type": cmp.Or(in.Kind, "poll_creation")}
	case "edit":
		return "edit", object{"original_message_id": in.MessageID, "message": object{"type": "text", "text": object{"body": cmp.Or(in.Text, "Edited")}}}
	case "revoke":
		return "revoke", object{"original_message_id": in.MessageID}
	case "request_welcome":
		return "request_welcome", nil
	}
	return in.Type, object{}
}

func (s *Simulator) waMedia(in Inbound, f *file) (string, any) {
	m := object{"id": f.id, "mime_type": f.mime, "sha256": f.base64(), "url": s.graphURL(f)}
	kind := in.Type
	switch kind {
	case "voice":
		kind, m["voice"] = "audio", true
	case "audio":
		m["voice"] = false
	case "sticker":
		m["animated"] = false
	case "document":
		m["filename"] = f.name
	}
	if in.Text != "" && (kind == "image" || kind == "video" || kind == "document") {
		m["caption"] = in.Text
	}
	return kind, m
}

func place2(in Inbound) object {
	latitude, longitude := 59.3293, 18.0686
	v := object{"latitude": latitude, "longitude": longitude}
	if in.Latitude != nil && in.Longitude != nil {
		v["latitude"], v["longitude"] = *in.Latitude, *in.Longitude
	}
	if in.Name != "" {
		v["name"] = in.Name
	}
	if in.Address != "" {
		v["address"] = in.Address
	}
	return v
}

func sampleOrder(in Inbound) object {
	v := object{"catalog_id": "710000000000001", "product_items": []any{
		object{"product_retailer_id": "bike-blue", "quantity": 1, "item_price": 249.5, "currency": "EUR"},
		object{"product_retailer_id": "bell-brass", "quantity": 2, "item_price": 12, "currency": "EUR"},
	}}
	if in.Text != "" {
		v["text"] = in.Text
	}
	return v
}
