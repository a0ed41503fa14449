package link

import (
	"maps"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
)

// Interactive kinds. Source: "Interactive message"; cta_url and
// location_request_message are missing in its table but have examples.
const (
	kindButton      = "button"
	kindList        = "list"
	kindCTA         = "cta_url"
	kindFlow        = "flow"
	kindProduct     = "product"
	kindProductList = "product_list"
	kindCatalog     = "catalog_message"
	kindLocation    = "location_request_message"
)

// request renders out, which Check has passed, as a MessageRequest with one
// destination and one message. now is needed for the relative validity only.
func (a *account) request(out channels.Outbound, now time.Time) messageRequest {
	s, o := &a.settings, out.Options
	req := messageRequest{
		PlatformID:            s.PlatformID,
		PlatformPartnerID:     s.PlatformPartnerID,
		PlatformServiceID:     firstNonEmpty(o.ServiceID, s.PlatformServiceID),
		PlatformServiceType:   firstNonEmpty(o.ServiceType, s.PlatformServiceType),
		PlatformTransactionID: o.TransactionID,
		Priority:              firstNonEmpty(o.Priority, s.DefaultPriority),
		EventReportGates:      o.Gates,
		RefID:                 out.MessageID,
		CustomParameters:      maps.Clone(o.CustomParameters),
		Source:                s.Source,
		Destinations:          []string{firstNonEmpty(out.To.Phone, out.To.UserID)},
		Messages:              []outMessage{a.message(&out.Content)},
	}
	if len(req.EventReportGates) == 0 {
		req.EventReportGates = s.GateIDs
	}
	if s.LogMessageContent && req.CustomParameters[paramLogContent] == "" {
		if req.CustomParameters == nil {
			req.CustomParameters = map[string]string{}
		}
		req.CustomParameters[paramLogContent] = "true" // documented as Boolean in a map of strings
	}
	if !out.ValidUntil.IsZero() {
		if s.ValidityStyle == validityRelative {
			req.RelativeValidityTime = max(1, out.ValidUntil.Sub(now).Milliseconds())
		} else {
			req.AbsoluteValidityTime = out.ValidUntil.UTC().Format(time.RFC3339)
		}
	}
	return req
}

func firstNonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// message renders content. Source: "Messages".
func (a *account) message(c *channels.Content) outMessage {
	m := outMessage{Type: c.Type}
	switch c.Type {
	case channels.TypeText:
		m.Text, m.PreviewURL = &outText{Body: c.Text}, c.PreviewURL
	case channels.TypeImage:
		m.Image = file(channels.TypeImage, c.Image)
	case channels.TypeAudio:
		m.Audio = file(channels.TypeAudio, c.Audio)
	case channels.TypeVideo:
		m.Video = file(channels.TypeVideo, c.Video)
	case channels.TypeDocument:
		m.Document = file(channels.TypeDocument, c.Document)
	case channels.TypeLocation:
		m.Location = &outLocation{
			Longitude: c.Location.Longitude, Latitude: c.Location.Latitude, Name: c.Location.Name, Address: c.Location.Address,
		}
	case channels.TypeContacts:
		for i := range c.Contacts {
			m.Contacts = append(m.Contacts, contact(&c.Contacts[i]))
		}
	case channels.TypeInteractive:
		m.Interactive = interactive(c.Interactive)
	case channels.TypeTemplate:
		m.Template = a.template(c.Template)
	}
	return m
}

// file renders media; the provider's id wins over a link because it needs no
// second fetch. Only documents have a name: a stored picture's is left out.
func file(kind string, m *channels.Media) *outMedia {
	out := &outMedia{ID: m.ProviderID, Caption: m.Caption}
	if out.ID == "" {
		out.Link = m.URL
	}
	if kind == channels.TypeDocument {
		out.Filename = m.Filename
	}
	return out
}

// contact renders a contact card. Source: "Contacts message", "Message content property".
func contact(c *channels.ContactCard) outContact {
	out := outContact{Name: outName(c.Name), Birthday: c.Birthday}
	for _, v := range c.Addresses {
		out.Addresses = append(out.Addresses, outAddress{
			City: v.City, Country: v.Country, CountryCode: v.CountryCode, State: v.State,
			Street: v.Street, Type: strings.ToUpper(v.Type), Zip: v.Zip,
		})
	}
	for _, v := range c.Emails {
		out.Emails = append(out.Emails, outEmail{Email: v.Email, Type: v.Type})
	}
	for _, v := range c.Phones {
		out.Phones = append(out.Phones, outPhone{Phone: v.Phone, Type: v.Type, WaID: v.WaID})
	}
	for _, v := range c.URLs {
		out.URLs = append(out.URLs, outURL{URL: v.URL, Type: v.Type})
	}
	if c.Org != nil {
		out.Org = &outOrg{Company: c.Org.Company, Department: c.Org.Department, Title: c.Org.Title}
	}
	return out
}

// interactive renders an interactive message. Source: "Interactive message full examples".
func interactive(i *channels.Interactive) *outInteractive {
	out := &outInteractive{
		Type:   i.Type,
		Header: header(i.Header),
		Body:   part(i.Body),
		Footer: part(i.Footer),
		Action: outAction{
			Name:              actionName(i.Type),
			Button:            i.Action.Button,
			CatalogID:         i.Action.CatalogID,
			ProductRetailerID: i.Action.ProductID,
			Parameters:        i.Action.Parameters,
		},
	}
	for _, b := range i.Action.Buttons {
		out.Action.Buttons = append(out.Action.Buttons, outButton{Type: "reply", Reply: outReply(b)})
	}
	for _, s := range i.Action.Sections {
		section := outSection{Title: s.Title}
		for _, r := range s.Rows {
			section.Rows = append(section.Rows, outRow(r))
		}
		for _, id := range s.Products {
			section.ProductItems = append(section.ProductItems, outProduct{ProductRetailerID: id})
		}
		out.Action.Sections = append(out.Action.Sections, section)
	}
	return out
}

// actionName is the action.name that a kind requires; "" for the kinds without.
// Source: "Interactive action".
func actionName(kind string) string {
	switch kind {
	case kindCTA, kindFlow, kindCatalog:
		return kind
	case kindLocation:
		return "send_location"
	}
	return ""
}

func header(h *channels.Header) *outHeader {
	if h == nil {
		return nil
	}
	out := &outHeader{Type: h.Type, Text: h.Text}
	if h.Image != nil {
		out.Image = file(channels.TypeImage, h.Image)
	}
	if h.Video != nil {
		out.Video = file(channels.TypeVideo, h.Video)
	}
	if h.Document != nil {
		out.Document = file(channels.TypeDocument, h.Document)
	}
	return out
}

func part(t *channels.Text) *outPart {
	if t == nil || t.Text == "" {
		return nil
	}
	return &outPart{Text: t.Text}
}
