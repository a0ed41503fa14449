package whatsapp

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/linktor/linktor/channels"
)

// content reads the part that Type names. A kind that we do not know, or whose
// part is missing, becomes unsupported content that keeps the item whole.
// Source: Meta, "messages webhook reference".
func content(c *wireContent, raw jsontext.Value) channels.Content {
	kind := string(c.Type)
	if kind == "" {
		kind = c.infer()
	}
	if out, ok := c.simple(kind); ok {
		return out
	}
	if out, ok := c.structured(kind); ok {
		return out
	}
	return c.unsupported(kind, raw)
}

// infer names the type of a payload that leaves it out: the part that is there.
func (c *wireContent) infer() string {
	switch {
	case c.Text != nil:
		return "text"
	case c.Image != nil:
		return "image"
	case c.Video != nil:
		return "video"
	case c.Audio != nil:
		return "audio"
	case c.Voice != nil:
		return "voice"
	case c.Document != nil:
		return "document"
	case c.Sticker != nil:
		return "sticker"
	case c.Location != nil:
		return "location"
	case c.Button != nil:
		return "button"
	case c.Interactive != nil:
		return "interactive"
	case c.Order != nil:
		return "order"
	case c.Reaction != nil:
		return "reaction"
	case c.System != nil:
		return "system"
	case c.Contacts != nil:
		return "contacts"
	}
	return ""
}

// simple reads text and media.
func (c *wireContent) simple(kind string) (channels.Content, bool) {
	out := channels.Content{Type: kind}
	switch {
	case kind == "text" && c.Text != nil:
		out.Text = string(c.Text.Body)
	case kind == "image" && c.Image != nil:
		out.Image = c.Image.read()
	case kind == "video" && c.Video != nil:
		out.Video = c.Video.read()
	case kind == "audio" && c.Audio != nil:
		out.Audio = c.Audio.read()
	case kind == "voice" && c.Voice != nil:
		out.Type = channels.TypeAudio
		out.Audio = c.Voice.read()
		out.Audio.Voice = true
	case kind == "document" && c.Document != nil:
		out.Document = c.Document.read()
	case kind == "sticker" && c.Sticker != nil:
		out.Sticker = c.Sticker.read()
	default:
		return out, false
	}
	return out, true
}

// structured reads everything else that we know.
func (c *wireContent) structured(kind string) (channels.Content, bool) {
	out := channels.Content{Type: kind}
	switch {
	case kind == "location" && c.Location != nil:
		var ok bool
		out.Location, ok = c.Location.read()
		return out, ok
	case kind == "contacts" && len(c.Contacts) > 0:
		for i := range c.Contacts {
			out.Contacts = append(out.Contacts, c.Contacts[i].read())
		}
	case kind == "reaction" && c.Reaction != nil:
		out.Reaction = &channels.Reaction{MessageID: string(c.Reaction.MessageID), Emoji: string(c.Reaction.Emoji)}
	case kind == "order" && c.Order != nil:
		out.Order = c.Order.read()
	case kind == "button" && c.Button != nil:
		out.Type = channels.TypeButtonReply
		out.ButtonReply = c.Button.read()
	case kind == "interactive" && c.Interactive != nil:
		return c.Interactive.read()
	case kind == "request_welcome":
		return system(channels.System{Kind: "request_welcome"}), true
	case kind == "system" && c.System != nil:
		return system(c.System.read()), true
	case kind == "edit" && c.Edit != nil:
		return c.Edit.read(), true
	case kind == "revoke" && c.Revoke != nil:
		return system(channels.System{Kind: "message_deleted", MessageID: string(c.Revoke.OriginalID)}), true
	default:
		return out, false
	}
	return out, true
}

// unsupported keeps raw beside the provider's word for it.
func (c *wireContent) unsupported(kind string, raw jsontext.Value) channels.Content {
	u := &channels.Unsupported{Kind: kind, Raw: keep(raw)}
	if c.Unsupported != nil && c.Unsupported.Type != "" {
		u.Kind = string(c.Unsupported.Type)
	}
	if kind == "interactive" && c.Interactive != nil && c.Interactive.Type != "" {
		u.Kind = "interactive." + string(c.Interactive.Type)
	}
	if u.Kind == "" {
		u.Kind = "unknown"
	}
	if len(c.Errors) > 0 {
		u.Code, u.Reason = string(c.Errors[0].Code), string(c.Errors[0].Title)
	}
	return channels.Content{Type: channels.TypeUnsupported, Unsupported: u}
}

// read leaves out the direct URL: it is good for 5 minutes and only with the
// token, and the id finds a fresh one.
func (m *wireMedia) read() *channels.Media {
	out := &channels.Media{
		ProviderID: string(m.ID), MimeType: string(m.MimeType), SHA256: string(m.SHA256),
		Caption: string(m.Caption), Filename: string(m.Filename), Voice: bool(m.Voice), Animated: bool(m.Animated),
	}
	if out.ProviderID == "" {
		out.URL = string(m.URL)
	}
	return out
}

func (l *wireLocation) read() (*channels.Location, bool) {
	lat, err := strconv.ParseFloat(string(l.Latitude), 64)
	lng, err2 := strconv.ParseFloat(string(l.Longitude), 64)
	// NaN and Inf cannot be written as JSON.
	if err != nil || err2 != nil || lat-lat != 0 || lng-lng != 0 {
		return nil, false
	}
	return &channels.Location{
		Latitude: lat, Longitude: lng,
		Name: string(l.Name), Address: string(l.Address), URL: string(l.URL),
	}, true
}

func (o *wireOrder) read() *channels.Order {
	out := &channels.Order{CatalogID: string(o.CatalogID), Text: string(o.Text), Items: []channels.OrderItem{}}
	for _, it := range o.Items {
		out.Items = append(out.Items, channels.OrderItem{
			ProductID: string(it.ProductID), Quantity: string(it.Quantity),
			Price: string(it.Price), Currency: string(it.Currency),
		})
	}
	return out
}

func (w *wireCard) read() channels.ContactCard {
	n := w.Name
	out := channels.ContactCard{
		Name: channels.ContactName{
			FormattedName: string(n.FormattedName), FirstName: string(n.FirstName), LastName: string(n.LastName),
			MiddleName: string(n.MiddleName), Suffix: string(n.Suffix), Prefix: string(n.Prefix),
		},
		Birthday: string(w.Birthday), Origin: string(w.Origin), VCard: string(w.VCard),
	}
	for _, x := range w.Phones {
		out.Phones = append(out.Phones, channels.ContactPhone{Phone: string(x.Phone), Type: string(x.Type), WaID: string(x.WaID)})
	}
	for _, x := range w.Emails {
		out.Emails = append(out.Emails, channels.ContactEmail{Email: string(x.Email), Type: string(x.Type)})
	}
	for _, x := range w.Addresses {
		out.Addresses = append(out.Addresses, channels.ContactAddress{
			Street: string(x.Street), City: string(x.City), State: string(x.State), Zip: string(x.Zip),
			Country: string(x.Country), CountryCode: string(x.CountryCode), Type: string(x.Type),
		})
	}
	if o := w.Org; o != nil {
		out.Org = &channels.ContactOrg{Company: string(o.Company), Department: string(o.Department), Title: string(o.Title)}
	}
	for _, x := range w.URLs {
		out.URLs = append(out.URLs, channels.ContactURL{URL: string(x.URL), Type: string(x.Type)})
	}
	return out
}
