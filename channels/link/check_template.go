package link

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/linktor/linktor/channels"
)

// parameterPlaces says in which components a parameter type is documented.
// Source: "Parameter"; the examples add payload on url buttons.
var parameterPlaces = map[string][]string{
	"text":               {componentHeader, componentBody, componentButton},
	"payload":            {componentButton},
	"currency":           {componentBody},
	"date_time":          {componentBody},
	"dateTime":           {componentBody},
	"image":              {componentHeader},
	"video":              {componentHeader},
	"document":           {componentHeader},
	"action":             {componentButton},
	"coupon_code":        {componentButton},
	"limited_time_offer": {componentOffer},
}

// template checks the parts of a template message; whether they fit the
// template is checked against the stored template elsewhere.
func (c *checker) template(t *channels.TemplateUse) {
	const at = "/content/template"
	if t == nil {
		c.Add(at, "required", "Name the template.")
		return
	}
	c.text(at+"/name", t.Name, maxTemplateName)
	c.present(at+"/language/code", t.Language.Code)
	for i := range t.Components {
		c.component(at+"/components/"+strconv.Itoa(i), &t.Components[i], false)
	}
}

func (c *checker) component(at string, p *channels.TemplateComponent, inCard bool) {
	kind := strings.ToLower(p.Type)
	switch kind {
	case componentHeader, componentBody:
	case componentButton:
		if buttonKind(p.SubType).camel == "" {
			c.Add(at+"/sub_type", "unsupported", "LINK knows the buttons quick_reply, url, flow, catalog and copy_code.")
		}
		if p.Index == nil || !digits(string(*p.Index)) {
			c.Add(at+"/index", "required", "Give the button's position, counted from 0.")
		}
	case componentOffer, componentCarousel:
		if inCard {
			c.Add(at+"/type", "not_allowed", "A card has a header, a body and buttons.")
			return
		}
	default:
		c.Add(at+"/type", "unsupported", "LINK knows the components header, body, button, carousel and limited_time_offer.")
		return
	}
	for i := range p.Parameters {
		c.parameter(at+"/parameters/"+strconv.Itoa(i), kind, &p.Parameters[i])
	}
	if kind != componentCarousel {
		return
	}
	if len(p.Cards) == 0 {
		c.Add(at+"/cards", "too_few", "A carousel has at least one card.")
	}
	for i := range p.Cards {
		for j := range p.Cards[i].Components {
			here := at + "/cards/" + strconv.Itoa(i) + "/components/" + strconv.Itoa(j)
			c.component(here, &p.Cards[i].Components[j], true)
		}
	}
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// parameter checks one value.
func (c *checker) parameter(at, component string, p *channels.TemplateParameter) {
	places, known := parameterPlaces[p.Type]
	if !known {
		c.Add(at+"/type", "unsupported", "LINK does not know this kind of parameter.")
		return
	}
	if !slices.Contains(places, component) {
		c.Add(at+"/type", "not_allowed", "This kind of parameter belongs into "+strings.Join(places, ", ")+".")
		return
	}
	switch p.Type {
	case "text":
		c.present(at+"/text", p.Text)
	case "payload":
		c.present(at+"/payload", p.Payload)
	case "coupon_code":
		c.text(at+"/coupon_code", p.CouponCode, maxCoupon)
	case "currency":
		c.currency(at+"/currency", p.Currency)
	case "date_time", "dateTime":
		c.dateTime(at+"/date_time", p.DateTime)
	case "action":
		c.object(at+"/action", p.Action)
	case "limited_time_offer":
		offer, ok := c.object(at+"/limited_time_offer", p.LimitedOffer)
		if ok && !digits(offer["expiration_time_ms"]) {
			c.Add(at+"/limited_time_offer/expiration_time_ms", "required", "Give the end of the offer in Unix milliseconds.")
		}
	case "image", "video", "document":
		c.parameterMedia(at+"/"+p.Type, p)
	}
}

func (c *checker) parameterMedia(at string, p *channels.TemplateParameter) {
	m := map[string]*channels.Media{"image": p.Image, "video": p.Video, "document": p.Document}[p.Type]
	if !c.mediaSource(at, m) {
		return
	}
	c.mediaType(at, p.Type, m)
	if m.Caption != "" {
		c.Add(at+"/caption", "unsupported", "A file in a template has no caption.")
	}
	// "PDF is the only supported format."
	if p.Type == "document" && m.MimeType != "" && mimeType(m.MimeType) != "application/pdf" {
		c.Add(at+"/mimeType", "unsupported", "A document in a template is a PDF.")
	}
}

func (c *checker) currency(at string, v *channels.Currency) {
	if v == nil {
		c.Add(at, "required", "Give code, amount_1000 and fallback_value.")
		return
	}
	c.present(at+"/code", v.Code)
	c.present(at+"/fallback_value", v.FallbackValue)
}

// dateTime: "Must contain dayOfWeek, dayOfMonth, year, month, hour, minute
// together or timestamp alone." Source: "DateTime".
func (c *checker) dateTime(at string, raw json.RawMessage) {
	if _, ok := c.object(at, raw); !ok {
		return
	}
	given, _ := c.object(at, renameKeys(raw, dateTimeKeys, true))
	if given["fallbackValue"] == "" {
		c.Add(at+"/fallback_value", "required", "Give the text to show when the date cannot be.")
	}
	if given["timestamp"] != "" {
		return
	}
	for _, key := range []string{"day_of_week", "day_of_month", "year", "month", "hour", "minute"} {
		if given[dateTimeKeys[key]] == "" {
			c.Add(at+"/"+key, "required", "Give all parts of the date, or timestamp alone.")
		}
	}
}
