package whatsapp

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/linktor/linktor/channels"
)

var (
	errNoPhone = errors.New("no phone number, user id or group id")
	errNoMedia = errors.New("no url and no provider id")
)

// actionNames are what Meta wants in action.name, which follows from the kind.
// Kinds without a name map to "". Source: Meta, "Interactive messages".
var actionNames = map[string]string{
	"button": "", "list": "", "product": "", "product_list": "", "carousel": "",
	"cta_url": "cta_url", "flow": "flow", "location_request_message": "send_location",
	"address_message": "address_message", "catalog_message": "catalog_message",
	"call_permission_request": "call_permission_request", "voice_call": "voice_call",
	"contact_request": "request_contact_info", "order_details": "review_and_pay", "order_status": "review_order",
}

// interactiveKinds are the kinds in the order of Describe.
func interactiveKinds() []string {
	return []string{
		"button", "list", "cta_url", "flow", "product", "product_list", "catalog_message", "location_request_message",
		"carousel", "address_message", "contact_request", "call_permission_request", "voice_call", "order_details",
		"order_status",
	}
}

func interactive(in *channels.Interactive) *outInteractive {
	w := &outInteractive{Type: in.Type, Body: body(in.Body), Footer: body(in.Footer)}
	if h := in.Header; h != nil {
		w.Header = &outHeader{
			Type: h.Type, Text: h.Text,
			Image: bare(h.Image), Video: bare(h.Video), Document: bare(h.Document),
		}
		if w.Header.Document != nil {
			w.Header.Document.Filename = h.Document.Filename
		}
	}
	a := in.Action
	w.Action = outAction{
		Name: a.Name, Button: a.Button, CatalogID: a.CatalogID, ProductID: a.ProductID,
		Parameters: a.Parameters, Cards: a.Cards,
	}
	if w.Action.Name == "" {
		w.Action.Name = actionNames[in.Type]
	}
	if in.Type == "flow" {
		w.Action.Parameters = flowParameters(a.Parameters)
	}
	for _, b := range a.Buttons {
		w.Action.Buttons = append(w.Action.Buttons, outButton{Type: "reply", Reply: outReply{ID: b.ID, Title: b.Title}})
	}
	for _, s := range a.Sections {
		o := outSection{Title: s.Title}
		for _, r := range s.Rows {
			o.Rows = append(o.Rows, outRow{ID: r.ID, Title: r.Title, Description: r.Description})
		}
		for _, id := range s.Products {
			o.Products = append(o.Products, outProduct{ProductID: id})
		}
		w.Action.Sections = append(w.Action.Sections, o)
	}
	return w
}

func body(t *channels.Text) *outBody {
	if t == nil {
		return nil
	}
	return &outBody{Text: t.Text}
}

// bare is media as a header takes it: no caption, no filename.
func bare(p *channels.Media) *outMedia {
	if p == nil {
		return nil
	}
	w := media(p)
	return &outMedia{ID: w.ID, Link: w.Link}
}

// flowParameters adds the message version, which has one value. Source: Meta,
// "Sending a Flow".
func flowParameters(raw json.RawMessage) json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || m == nil || m["flow_message_version"] != nil {
		return raw // Check has refused what is no object
	}
	m["flow_message_version"] = json.RawMessage(`"3"`)
	out, err := json.Marshal(m)
	if err != nil {
		return raw // cannot happen: every member was decoded from JSON
	}
	return out
}

func template(t *channels.TemplateUse) *outTemplate {
	return &outTemplate{
		Name:       t.Name,
		Language:   outLanguage{Code: t.Language.Code, Policy: t.Language.Policy},
		Components: components(t.Components),
	}
}

func components(in []channels.TemplateComponent) []outComponent {
	var out []outComponent
	for _, c := range in {
		w := outComponent{Type: strings.ToLower(c.Type), SubType: strings.ToLower(c.SubType)}
		if c.Index != nil {
			w.Index = string(*c.Index)
		}
		for i := range c.Parameters {
			w.Parameters = append(w.Parameters, parameter(&c.Parameters[i]))
		}
		for _, card := range c.Cards {
			w.Cards = append(w.Cards, outCard{CardIndex: card.CardIndex, Components: components(card.Components)})
		}
		out = append(out, w)
	}
	return out
}

// parameter writes text and payload even if they are empty, where the type asks
// for them: Meta then names the parameter in its refusal.
func parameter(p *channels.TemplateParameter) outParameter {
	w := outParameter{
		Type: p.Type, ParameterName: p.ParameterName, CouponCode: p.CouponCode, DateTime: p.DateTime,
		Image: bare(p.Image), Video: bare(p.Video), GIF: bare(p.GIF), Document: bare(p.Document),
		Location: location(p.Location), Product: p.Product, Action: p.Action, LimitedOffer: p.LimitedOffer,
		TapTarget: p.TapTarget, TTLMinutes: p.TTLMinutes, OrderStatus: p.OrderStatus,
	}
	if w.Document != nil {
		w.Document.Filename = p.Document.Filename
	}
	if p.Type == "text" || p.Text != "" {
		w.Text = &p.Text
	}
	if p.Type == "payload" || p.Payload != "" {
		w.Payload = &p.Payload
	}
	if c := p.Currency; c != nil {
		w.Currency = &outCurrency{Code: c.Code, Amount1000: c.Amount1000, FallbackValue: c.FallbackValue}
	}
	return w
}
