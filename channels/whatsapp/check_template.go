package whatsapp

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/linktor/linktor/channels"
)

var templateName = regexp.MustCompile(`^[a-z0-9_]+$`)

// componentTypes and buttonTypes are what a template message can fill. Source:
// Meta, "Send template messages".
var (
	componentTypes = map[string]bool{
		"header": true, "body": true, "button": true, "limited_time_offer": true, "carousel": true,
		"tap_target_configuration": true, "order_status": true, "footer": true,
	}
	buttonTypes = map[string]bool{
		"quick_reply": true, "url": true, "copy_code": true, "flow": true, "catalog": true, "mpm": true,
		"voice_call": true, "order_details": true, "spm": true, "phone_number": true, "reminder": true,
	}
)

// template checks form only: whether the template exists and how many parameters
// it takes is known to whoever keeps the synced templates.
func (c *checker) template(p string, t *channels.TemplateUse) {
	if t == nil {
		c.add(p, "required", "The template is missing.")
		return
	}
	c.text(p+"/name", t.Name, maxTemplateName, "The template name")
	if t.Name != "" && !templateName.MatchString(t.Name) {
		c.add(p+"/name", "invalid", "A template name is lower-case letters, digits and underscores.")
	}
	if t.Namespace != "" {
		c.add(p+"/namespace", "not_allowed", "The Cloud API knows no namespace: leave it out.")
	}
	c.require(p+"/language/code", t.Language.Code, "The language code")
	c.components(p+"/components", t.Components, true)
}

func (c *checker) components(p string, list []channels.TemplateComponent, outer bool) {
	for i, x := range list {
		at := p + "/" + strconv.Itoa(i)
		kind := strings.ToLower(x.Type)
		switch {
		case !componentTypes[kind]:
			c.add(at+"/type", "unsupported", "A component is header, body, button, carousel, limited_time_offer or tap_target_configuration.")
		case kind == "button":
			c.button(at, &x)
		case kind == "carousel" && !outer:
			c.add(at+"/type", "not_allowed", "A card holds no carousel.")
		case kind == "carousel":
			c.count(at+"/cards", len(x.Cards), 1, maxCards, "cards are")
			for j, card := range x.Cards {
				c.components(at+"/cards/"+strconv.Itoa(j)+"/components", card.Components, false)
			}
		}
		for j := range x.Parameters {
			c.parameter(at+"/parameters/"+strconv.Itoa(j), &x.Parameters[j])
		}
	}
}

func (c *checker) button(at string, x *channels.TemplateComponent) {
	if !buttonTypes[strings.ToLower(x.SubType)] {
		c.add(at+"/sub_type", "unsupported", "Give the button's kind, such as quick_reply, url or copy_code.")
	}
	if x.Index == nil {
		c.add(at+"/index", "required", "Give the button's position, from 0.")
		return
	}
	if n, err := strconv.Atoi(string(*x.Index)); err != nil || n < 0 || n > 9 {
		c.add(at+"/index", "invalid", "The button's position is 0 to 9.")
	}
}

// parameter checks that the member which type names is there.
func (c *checker) parameter(at string, x *channels.TemplateParameter) {
	files := map[string]*channels.Media{"image": x.Image, "video": x.Video, "document": x.Document, "gif": x.GIF}
	members := map[string]bool{
		"text": x.Text != "", "payload": x.Payload != "", "coupon_code": x.CouponCode != "",
		"currency": x.Currency != nil, "date_time": x.DateTime != nil, "location": x.Location != nil,
		"product": x.Product != nil, "action": x.Action != nil, "limited_time_offer": x.LimitedOffer != nil,
		"tap_target_configuration": x.TapTarget != nil, "ttl_minutes": x.TTLMinutes != nil,
		"order_status": x.OrderStatus != nil,
	}
	present, known := members[x.Type]
	if file, ok := files[x.Type]; ok {
		if present, known = file != nil, true; present && x.Type != "gif" { // a GIF is an mp4 of its own limits
			c.media(at+"/"+x.Type, x.Type, file)
		}
	}
	switch {
	case x.Type == "":
		c.add(at+"/type", "required", "The parameter's type is missing.")
	case !known:
		c.add(at+"/type", "unsupported", "The parameter's type is none of WhatsApp's.")
	case !present:
		c.add(at+"/"+x.Type, "required", "The member that the parameter's type names is missing.")
	}
	c.atMost(at+"/coupon_code", x.CouponCode, maxCouponCode, "The coupon code")
}
