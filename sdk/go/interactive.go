package linktor

import "encoding/json"

// Interactive is a message with something to tap. Type: button, list, cta_url,
// flow, product, product_list, catalog_message, location_request_message, and
// more where the provider has them.
type Interactive struct {
	Type   string    `json:"type"`
	Header *Header   `json:"header,omitempty"`
	Body   *TextPart `json:"body,omitempty"`
	Footer *TextPart `json:"footer,omitempty"`
	Action Action    `json:"action"`
}

// TextPart is a piece of text.
type TextPart struct {
	Text string `json:"text"`
}

// Header is the top of an interactive message. Type: text, image, video, document.
type Header struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	Image    *Media `json:"image,omitempty"`
	Video    *Media `json:"video,omitempty"`
	Document *Media `json:"document,omitempty"`
}

// Action is what can be tapped.
type Action struct {
	Button     string          `json:"button,omitempty"` // list: the label that opens it
	Buttons    []Button        `json:"buttons,omitempty"`
	Sections   []Section       `json:"sections,omitempty"`
	Name       string          `json:"name,omitempty"`
	Parameters json.RawMessage `json:"parameters,omitempty"` // the provider's object
	CatalogID  string          `json:"catalogId,omitempty"`
	ProductID  string          `json:"productId,omitempty"`
	Cards      json.RawMessage `json:"cards,omitempty"` // carousel: the provider's array
}

// Button is a reply button.
type Button struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Section is a group of list rows or products.
type Section struct {
	Title    string   `json:"title,omitempty"`
	Rows     []Row    `json:"rows,omitempty"`
	Products []string `json:"products,omitempty"` // product retailer ids
}

// Row is a choice of a list.
type Row struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// TemplateUse sends a template.
type TemplateUse struct {
	Name       string              `json:"name"`
	Namespace  string              `json:"namespace,omitempty"` // LINK only
	Language   Language            `json:"language"`
	Components []TemplateComponent `json:"components,omitempty"`
}

// Language is a template's language, e.g. pt_BR.
type Language struct {
	Code   string `json:"code"`
	Policy string `json:"policy,omitempty"`
}

// TemplateComponent fills one part of a template. Type: header, body, button,
// carousel, limited_time_offer, ...
type TemplateComponent struct {
	Type       string              `json:"type"`
	SubType    string              `json:"sub_type,omitempty"`
	Index      string              `json:"index,omitempty"` // of a button: "0", "1", ...
	Parameters []TemplateParameter `json:"parameters,omitempty"`
	Cards      []TemplateCard      `json:"cards,omitempty"`
}

// TemplateCard fills one card of a carousel template.
type TemplateCard struct {
	CardIndex  int                 `json:"card_index"`
	Components []TemplateComponent `json:"components"`
}

// TemplateParameter is one value; Type names the member.
type TemplateParameter struct {
	Type          string          `json:"type"`
	ParameterName string          `json:"parameter_name,omitempty"`
	Text          string          `json:"text,omitempty"`
	Payload       string          `json:"payload,omitempty"`
	CouponCode    string          `json:"coupon_code,omitempty"`
	Currency      *Currency       `json:"currency,omitempty"`
	DateTime      json.RawMessage `json:"date_time,omitempty"`
	Image         *Media          `json:"image,omitempty"`
	Video         *Media          `json:"video,omitempty"`
	Document      *Media          `json:"document,omitempty"`
	GIF           *Media          `json:"gif,omitempty"`
	Location      *Location       `json:"location,omitempty"`
	Product       json.RawMessage `json:"product,omitempty"`
	Action        json.RawMessage `json:"action,omitempty"`
	LimitedOffer  json.RawMessage `json:"limited_time_offer,omitempty"`
	TapTarget     json.RawMessage `json:"tap_target_configuration,omitempty"`
	TTLMinutes    json.RawMessage `json:"ttl_minutes,omitempty"`
	OrderStatus   json.RawMessage `json:"order_status,omitempty"`
}

// TextParameter is a value of text.
func TextParameter(text string) TemplateParameter { return TemplateParameter{Type: "text", Text: text} }

// Currency is an amount of money; Amount1000 is the amount × 1000.
type Currency struct {
	Code          string `json:"code"`
	Amount1000    int64  `json:"amount_1000"`
	FallbackValue string `json:"fallback_value"`
}
