package whatsapp

import (
	"fmt"

	"github.com/linktor/linktor/channels"
)

// render writes out as Meta's request body.
func render(out channels.Outbound) (*outMessage, error) {
	m := &outMessage{
		Product: "whatsapp", RecipientType: "individual", Type: out.Content.Type,
		CallbackData: out.MessageID, IdentityHash: out.Options.IdentityKeyHash,
	}
	if err := m.address(out.To); err != nil {
		return nil, err
	}
	if out.ReplyTo != "" && out.Content.Type != channels.TypeReaction { // a reaction names its message itself
		m.Context = &outContext{MessageID: out.ReplyTo}
	}
	return m, m.fill(&out.Content)
}

// address prefers the phone: a business-scoped user id is not accepted by every
// kind of template. Without the +, Meta would prepend the business's own country
// code. Source: Meta, "Phone numbers", "Business-scoped user IDs".
func (m *outMessage) address(to channels.Recipient) error {
	switch {
	case to.GroupID != "":
		m.RecipientType, m.To = "group", to.GroupID
	case to.Phone != "":
		m.To = e164(to.Phone)
		if m.To == "" {
			return fmt.Errorf("whatsapp: recipient: %w", errNoPhone)
		}
	case to.UserID != "":
		m.Recipient = to.UserID
	default:
		return fmt.Errorf("whatsapp: recipient: %w", errNoPhone)
	}
	return nil
}

// fill writes the part that Type names.
func (m *outMessage) fill(c *channels.Content) error {
	if part := c.MediaPart(); part != nil {
		return m.media(c.Type, part)
	}
	switch {
	case c.Type == channels.TypeText:
		m.Text = &outText{Body: c.Text, PreviewURL: c.PreviewURL != nil && *c.PreviewURL}
	case c.Type == channels.TypeLocation && c.Location != nil:
		m.Location = location(c.Location)
	case c.Type == channels.TypeContacts:
		for i := range c.Contacts {
			m.Contacts = append(m.Contacts, card(&c.Contacts[i]))
		}
	case c.Type == channels.TypeReaction && c.Reaction != nil:
		m.Reaction = &outReaction{MessageID: c.Reaction.MessageID, Emoji: c.Reaction.Emoji}
	case c.Type == channels.TypeInteractive && c.Interactive != nil:
		m.Interactive = interactive(c.Interactive)
	case c.Type == channels.TypeTemplate && c.Template != nil:
		m.Template = template(c.Template)
	default:
		return fmt.Errorf("whatsapp: content: %w", channels.ErrUnsupported)
	}
	return nil
}

func (m *outMessage) media(kind string, part *channels.Media) error {
	w := media(part)
	if w.ID == "" && w.Link == "" {
		return fmt.Errorf("whatsapp: %s: %w", kind, errNoMedia)
	}
	switch kind {
	case channels.TypeImage:
		w.Filename, w.Voice = "", false
		m.Image = w
	case channels.TypeVideo:
		w.Filename, w.Voice = "", false
		m.Video = w
	case channels.TypeAudio:
		w.Filename, w.Caption = "", ""
		m.Audio = w
	case channels.TypeDocument:
		w.Voice = false
		m.Document = w
	case channels.TypeSticker:
		m.Sticker = &outMedia{ID: w.ID, Link: w.Link}
	}
	return nil
}

// media prefers the provider's id: with a link, Meta has to fetch the file first.
func media(p *channels.Media) *outMedia {
	if p == nil {
		return nil
	}
	w := &outMedia{ID: p.ProviderID, Caption: p.Caption, Filename: p.Filename, Voice: p.Voice}
	if w.ID == "" {
		w.Link = p.URL
	}
	return w
}

func location(l *channels.Location) *outLocation {
	if l == nil {
		return nil
	}
	return &outLocation{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: l.Address}
}

func card(c *channels.ContactCard) wireCard {
	var w wireCard
	w.Name.FormattedName, w.Name.FirstName = text(c.Name.FormattedName), text(c.Name.FirstName)
	w.Name.LastName, w.Name.MiddleName = text(c.Name.LastName), text(c.Name.MiddleName)
	w.Name.Suffix, w.Name.Prefix = text(c.Name.Suffix), text(c.Name.Prefix)
	w.Birthday = text(c.Birthday)
	for _, x := range c.Phones {
		w.Phones = append(w.Phones, cardPhone{Phone: text(x.Phone), Type: text(x.Type), WaID: text(x.WaID)})
	}
	for _, x := range c.Emails {
		w.Emails = append(w.Emails, cardEmail{Email: text(x.Email), Type: text(x.Type)})
	}
	for _, x := range c.Addresses {
		w.Addresses = append(w.Addresses, cardAddress{
			Street: text(x.Street), City: text(x.City), State: text(x.State), Zip: text(x.Zip),
			Country: text(x.Country), CountryCode: text(x.CountryCode), Type: text(x.Type),
		})
	}
	if o := c.Org; o != nil {
		w.Org = &cardOrg{Company: text(o.Company), Department: text(o.Department), Title: text(o.Title)}
	}
	for _, x := range c.URLs {
		w.URLs = append(w.URLs, cardURL{URL: text(x.URL), Type: text(x.Type)})
	}
	return w
}
