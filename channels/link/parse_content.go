package link

import (
	"encoding/json"
	"strings"

	"github.com/linktor/linktor/channels"
)

// readContent reads message by its contentType. It reports false for a type that
// it does not know and for one whose member is missing or malformed; the caller
// then keeps the raw part.
func readContent(contentType string, message json.RawMessage, context *channels.Context) (channels.Content, bool) {
	switch strings.ToUpper(contentType) {
	case "TEXT":
		m, ok := read[moText](message)
		if !ok || m.Text == nil {
			return channels.Content{}, false
		}
		return channels.Content{Type: channels.TypeText, Text: *m.Text}, true
	case "BUTTON":
		m, ok := read[moButton](message)
		if !ok || m.Button == nil {
			return channels.Content{}, false
		}
		reply := &channels.ButtonReply{ID: m.Button.Payload, Title: m.Button.Text}
		return channels.Content{Type: channels.TypeButtonReply, ButtonReply: reply}, true
	case "MEDIA":
		return readMedia(message)
	case "INTERACTIVE":
		return readInteractive(message)
	case "ORDER":
		return readOrder(message)
	case "REACTION":
		m, ok := read[moReaction](message)
		if !ok || context == nil || context.MessageID == "" {
			return channels.Content{}, false
		}
		reaction := &channels.Reaction{MessageID: context.MessageID, Emoji: string(m.Emoji)}
		return channels.Content{Type: channels.TypeReaction, Reaction: reaction}, true
	case "LOCATION": // not in the documented list, in Meta's shape
		m, ok := read[moLocation](message)
		if l := m.Location; ok && l.Latitude != nil && l.Longitude != nil {
			place := &channels.Location{
				Latitude: *l.Latitude, Longitude: *l.Longitude, Name: l.Name, Address: l.Address, URL: l.URL,
			}
			return channels.Content{Type: channels.TypeLocation, Location: place}, true
		}
	}
	return channels.Content{}, false
}

func read[T any](raw json.RawMessage) (v T, ok bool) {
	return v, json.Unmarshal(raw, &v) == nil
}

// readMedia sorts a file by its MIME type. A sticker has no type of its own: it
// is an image/webp. "JSON for the sticker media reply message".
func readMedia(message json.RawMessage) (channels.Content, bool) {
	m, ok := read[moMedia](message)
	if !ok || m.Media == nil || m.Media.Source == "" {
		return channels.Content{}, false
	}
	mime := mimeType(string(m.Media.Type))
	file := &channels.Media{
		URL: string(m.Media.Source), MimeType: mime, Caption: m.Media.Caption, Filename: m.Media.Filename,
	}
	family, _, _ := strings.Cut(mime, "/")
	base, _, _ := strings.Cut(mime, ";")
	switch {
	case base == "image/webp":
		return channels.Content{Type: channels.TypeSticker, Sticker: file}, true
	case family == "image":
		return channels.Content{Type: channels.TypeImage, Image: file}, true
	case family == "audio":
		return channels.Content{Type: channels.TypeAudio, Audio: file}, true
	case family == "video":
		return channels.Content{Type: channels.TypeVideo, Video: file}, true
	}
	return channels.Content{Type: channels.TypeDocument, Document: file}, true
}

// mimeType lower-cases the type and corrects image/jpg, which the document's
// example shows and no registry knows.
func mimeType(s string) string {
	base, parameters, hasParameters := strings.Cut(s, ";")
	base = strings.ToLower(strings.TrimSpace(base))
	if base == "image/jpg" {
		base = "image/jpeg"
	}
	if hasParameters {
		return base + ";" + parameters
	}
	return base
}

func readInteractive(message json.RawMessage) (channels.Content, bool) {
	m, ok := read[moInteractive](message)
	if !ok {
		return channels.Content{}, false
	}
	i := m.Interactive
	switch strings.ToLower(strings.ReplaceAll(string(i.Type), "_", "")) {
	case "buttonreply":
		if r := i.ButtonReply; r != nil {
			reply := &channels.ButtonReply{ID: string(r.ID), Title: r.Title}
			return channels.Content{Type: channels.TypeButtonReply, ButtonReply: reply}, true
		}
	case "listreply":
		if r := i.ListReply; r != nil {
			reply := &channels.ListReply{ID: string(r.ID), Title: r.Title, Description: r.Description}
			return channels.Content{Type: channels.TypeListReply, ListReply: reply}, true
		}
	case "nfmreply": // not documented, in Meta's shape
		if r := i.FlowReply; r != nil {
			reply := &channels.FlowReply{Name: r.Name, Body: r.Body}
			if json.Valid([]byte(r.ResponseJSON)) {
				reply.Response = json.RawMessage(r.ResponseJSON)
			} else {
				reply.ResponseRaw = r.ResponseJSON
			}
			return channels.Content{Type: channels.TypeFlowReply, FlowReply: reply}, true
		}
	}
	return channels.Content{}, false
}

func readOrder(message json.RawMessage) (channels.Content, bool) {
	m, ok := read[moOrder](message)
	if !ok || m.Order == nil {
		return channels.Content{}, false
	}
	order := &channels.Order{CatalogID: string(m.Order.CatalogID), Text: m.Order.Text, Items: []channels.OrderItem{}}
	for _, item := range m.Order.Items {
		order.Items = append(order.Items, channels.OrderItem{
			ProductID: string(item.ProductID), Quantity: string(item.Quantity),
			Price: string(item.Price), Currency: string(item.Currency),
		})
	}
	return channels.Content{Type: channels.TypeOrder, Order: order}, true
}
