package link

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/linktor/linktor/channels"
)

// template renders a template message. Source: "Template".
func (a *account) template(t *channels.TemplateUse) *outTemplate {
	snake := snakeButtons(a.settings.ButtonKeyStyle, t.Components)
	return &outTemplate{
		Namespace:  firstNonEmpty(t.Namespace, a.settings.Namespace),
		Name:       t.Name,
		Language:   outLanguage{Code: t.Language.Code},
		Components: components(t.Components, snake),
	}
}

func components(list []channels.TemplateComponent, snake bool) []outComponent {
	out := make([]outComponent, 0, len(list))
	for _, c := range list {
		o := outComponent{Type: strings.ToLower(c.Type)}
		if c.Index != nil {
			o.Index = string(*c.Index)
		}
		if kind := buttonKind(c.SubType); o.Type == componentButton && snake {
			o.SubTypeSnake = kind.snake
		} else if o.Type == componentButton {
			o.SubType = kind.camel
		}
		for i := range c.Parameters {
			o.Parameters = append(o.Parameters, parameter(&c.Parameters[i]))
		}
		for _, card := range c.Cards {
			o.Cards = append(o.Cards, outCard{Index: card.CardIndex, Components: components(card.Components, snake)})
		}
		out = append(out, o)
	}
	return out
}

// Template component types. Source: "Component".
const (
	componentHeader   = "header"
	componentBody     = "body"
	componentButton   = "button"
	componentCarousel = "carousel"
	componentOffer    = "limited_time_offer"
)

// buttonName is a button's sub type in both spellings.
type buttonName struct{ camel, snake string }

// buttonNames are the documented sub types: camel as in the table, snake as in
// the examples. Keys have no underscores and no capitals.
var buttonNames = map[string]buttonName{
	"quickreply": {"quickReply", "quick_reply"},
	"url":        {"url", "url"},
	"flow":       {"flow", "flow"},
	"catalog":    {"catalog", "CATALOG"},
	"copycode":   {"copy_code", "copy_code"},
}

// buttonKind finds a sub type in any spelling; the zero value if there is none.
func buttonKind(subType string) buttonName {
	return buttonNames[strings.ToLower(strings.ReplaceAll(subType, "_", ""))]
}

// snakeButtons reports whether buttons are written with sub_type. "documented"
// follows the document's examples: sub_type in carousel, limited time offer,
// coupon and catalog templates, subType in all others.
func snakeButtons(style string, list []channels.TemplateComponent) bool {
	if style != styleDocumented {
		return style == styleSnake
	}
	for _, c := range list {
		switch strings.ToLower(c.Type) {
		case componentCarousel, componentOffer:
			return true
		case componentButton:
			if kind := buttonKind(c.SubType).camel; kind == "catalog" || kind == "copy_code" {
				return true
			}
		}
	}
	return false
}

// parameter renders one value. Source: "Parameter".
func parameter(p *channels.TemplateParameter) outParameter {
	out := outParameter{
		Type:          parameterType(p.Type),
		ParameterName: p.ParameterName,
		Text:          p.Text,
		Payload:       p.Payload,
		CouponCode:    p.CouponCode,
		LimitedOffer:  p.LimitedOffer,
		DateTime:      renameKeys(p.DateTime, dateTimeKeys, true),
		Action:        renameKeys(p.Action, actionKeys, false),
	}
	if c := p.Currency; c != nil {
		out.Currency = &outCurrency{
			FallbackValue: c.FallbackValue, Code: c.Code, Amount1000: strconv.FormatInt(c.Amount1000, 10),
		}
	}
	switch {
	case p.Type == "image" && p.Image != nil:
		out.Image = file(p.Type, p.Image)
	case p.Type == "video" && p.Video != nil:
		out.Video = file(p.Type, p.Video)
	case p.Type == "document" && p.Document != nil:
		out.Document = file(p.Type, p.Document)
	}
	return out
}

// parameterType writes date_time as the document does.
func parameterType(t string) string {
	if t == "date_time" {
		return "dateTime"
	}
	return t
}

// dateTimeKeys are the keys of DateTime by Meta's name. Source: "DateTime".
var dateTimeKeys = map[string]string{
	"fallback_value": "fallbackValue",
	"day_of_week":    "dayOfWeek",
	"day_of_month":   "dayOfMonth",
	"year":           "year",
	"month":          "month",
	"hour":           "hour",
	"minute":         "minute",
	"timestamp":      "timestamp",
}

// actionKeys are the keys of an action parameter that LINK spells differently.
var actionKeys = map[string]string{"flow_token": "flowToken"}

// renameKeys renames the keys of a JSON object; strict leaves out those that are
// neither a name nor a new name, such as Meta's calendar.
func renameKeys(raw json.RawMessage, names map[string]string, strict bool) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil // absent; Check has refused what is no object
	}
	isNew := map[string]bool{}
	for _, to := range names {
		isNew[to] = true
	}
	renamed := make(map[string]json.RawMessage, len(object))
	for key, value := range object {
		if to, ok := names[key]; ok {
			renamed[to] = value
		} else if isNew[key] || !strict {
			renamed[key] = value
		}
	}
	out, err := json.Marshal(renamed)
	if err != nil {
		return nil // cannot happen: every value was just parsed
	}
	return out
}
