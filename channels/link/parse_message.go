package link

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/linktor/linktor/channels"
)

// Parameters that carry business-scoped user ids of Meta. Reported; the
// documents do not list them.
const (
	paramUserID       = "whatsappUserId"
	paramParentUserID = "whatsappParentUserId"
)

// parseMessage reads an MO. Its id is LINK's messageId; the wamid, which replies
// refer to, is kept as metadata. Source: "Incoming Messages Sent from Mobile Phones".
func parseMessage(raw json.RawMessage, cb *callback) channels.Event {
	var content moContent
	if err := json.Unmarshal(foldKeys(cb.Content, everyDepth), &content); err != nil || cb.Content[0] != '{' {
		return invalid(raw, "content: want an object with message")
	}
	if len(content.Message) == 0 || content.Message[0] != '{' {
		return invalid(raw, "content.message: want an object")
	}
	id := string(cb.MessageID)
	if id == "" {
		id = string(cb.ProviderMessageID)
	}
	if id == "" {
		return invalid(raw, "messageId: missing")
	}
	from := party(cb)
	if len(from.Identities) == 0 {
		return invalid(raw, "source: missing, and no user id either")
	}
	at := parseTime(cb.ProviderTimestamp) // the user's clock decides the 24 h window
	if at.IsZero() {
		at = parseTime(cb.Timestamp)
	}
	var kind moKind
	kindErr := json.Unmarshal(content.Message, &kind)
	context := readContext(kind.Context)
	in := &channels.Inbound{
		ProviderID: id, From: from, At: at, Context: context, Metadata: messageMetadata(cb),
	}
	event := channels.Event{Kind: channels.EventMessage, Message: in}
	ok := false
	if kindErr == nil {
		in.Content, ok = readContent(string(kind.ContentType), content.Message, context)
	}
	if !ok {
		in.Content = unsupported(string(kind.ContentType), cb.Content)
		event.Raw = raw
	}
	if in.Content.Type == channels.TypeReaction {
		in.Context = nil // it is the reaction's target
	}
	return event
}

// unsupported keeps content.message as it was received.
func unsupported(kind string, content json.RawMessage) channels.Content {
	var original struct {
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(content, &original) != nil || len(original.Message) == 0 {
		original.Message = content
	}
	if inner, ok := read[moInteractive](original.Message); ok && inner.Interactive.Type != "" {
		kind += "." + string(inner.Interactive.Type)
	}
	if kind == "" {
		kind = "unknown"
	}
	return channels.Content{
		Type:        channels.TypeUnsupported,
		Unsupported: &channels.Unsupported{Kind: kind, Raw: original.Message},
	}
}

// msisdn is a phone number with or without plus, digits only.
var msisdn = regexp.MustCompile(`^\+?[0-9]{5,15}$`)

// party lists the customer's identities: the phone number first, because it is
// what a MessageRequest can be addressed to.
func party(cb *callback) channels.Party {
	var ids []channels.Identity
	if raw := string(cb.Source); raw != "" {
		id := channels.Identity{Kind: channels.IdentityUserID, Value: raw, Raw: raw}
		if digits := strings.NewReplacer(" ", "", "-", "").Replace(raw); msisdn.MatchString(digits) {
			id.Kind, id.Value = channels.IdentityPhone, phone(digits)
		}
		ids = append(ids, id)
	}
	for _, p := range []struct {
		key  string
		kind channels.IdentityKind
	}{{paramUserID, channels.IdentityUserID}, {paramParentUserID, channels.IdentityParentUser}} {
		value := cb.CustomParameters[p.key]
		if value != "" && (len(ids) == 0 || ids[0].Value != value) {
			ids = append(ids, channels.Identity{Kind: p.kind, Value: value, Raw: value})
		}
	}
	return channels.Party{Identities: ids}
}

// phone writes digits, with +, 00 or nothing before them, as E.164.
func phone(digits string) string {
	digits = strings.TrimPrefix(digits, "+")
	return "+" + strings.TrimPrefix(digits, "00")
}

func messageMetadata(cb *callback) map[string]string {
	m := map[string]string{}
	put(m, paramWaMessageID, string(cb.ProviderMessageID))
	destination := string(cb.Destination)
	if msisdn.MatchString(destination) {
		destination = phone(destination)
	}
	put(m, "destination", destination)
	var route moRoute
	if json.Unmarshal(cb.Route, &route) == nil { // routes of unknown shape are ignored
		put(m, "routeId", string(route.ID))
		put(m, "routeType", string(route.Type))
		put(m, "keyword", string(route.Keyword))
	}
	putCustom(m, cb.CustomParameters)
	return nonEmpty(m)
}

// putCustom copies the parameters that are not LINK's own, under "custom.".
func putCustom(m, parameters map[string]string) {
	for key, value := range parameters {
		switch key {
		case paramWaMessageID, paramMetaDetails, paramLogContent, paramUserID, paramParentUserID:
		default:
			put(m, "custom."+key, value)
		}
	}
}

func put(m map[string]string, key, value string) {
	if value != "" {
		m[key] = value
	}
}

func nonEmpty(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

// readContext reads what a message refers to: id, or messageId as 1.4.1 calls it.
func readContext(raw json.RawMessage) *channels.Context {
	var c moContext
	if !present(raw) || json.Unmarshal(raw, &c) != nil {
		return nil
	}
	out := channels.Context{
		MessageID: string(c.ID),
		From:      string(c.Source),
		CatalogID: string(c.ReferredProduct.CatalogID),
		ProductID: string(c.ReferredProduct.ProductID),
	}
	if out.MessageID == "" {
		out.MessageID = string(c.MessageID)
	}
	if msisdn.MatchString(out.From) {
		out.From = phone(out.From)
	}
	if out == (channels.Context{}) {
		return nil
	}
	return &out
}
