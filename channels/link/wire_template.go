package link

import "encoding/json"

// outTemplate is a template message. Source: "Template", "Component", "Parameter".
type outTemplate struct {
	Namespace  string         `json:"namespace,omitempty"` // required by the table, left out by newer examples
	Name       string         `json:"name"`
	Language   outLanguage    `json:"language"`
	Components []outComponent `json:"components"` // required, so an empty list is written
}

type outLanguage struct {
	Code string `json:"code"`
}

// outComponent has one of subType and sub_type: see the setting buttonKeyStyle.
type outComponent struct {
	Type         string         `json:"type"`
	SubType      string         `json:"subType,omitempty"`
	SubTypeSnake string         `json:"sub_type,omitempty"`
	Index        string         `json:"index,omitempty"` // "String" in the table
	Parameters   []outParameter `json:"parameters,omitempty"`
	Cards        []outCard      `json:"cards,omitempty"`
}

type outCard struct {
	Index      int            `json:"index"`
	Components []outComponent `json:"components"`
}

// outParameter mixes both spellings, as the document does.
type outParameter struct {
	Type          string          `json:"type"`
	ParameterName string          `json:"parameterName,omitempty"`
	Text          string          `json:"text,omitempty"`
	Payload       string          `json:"payload,omitempty"`
	Currency      *outCurrency    `json:"currency,omitempty"`
	DateTime      json.RawMessage `json:"dateTime,omitempty"`
	Image         *outMedia       `json:"image,omitempty"`
	Video         *outMedia       `json:"video,omitempty"`
	Document      *outMedia       `json:"document,omitempty"`
	Action        json.RawMessage `json:"action,omitempty"`
	CouponCode    string          `json:"coupon_code,omitempty"`
	LimitedOffer  json.RawMessage `json:"limited_time_offer,omitempty"`
}

type outCurrency struct {
	FallbackValue string `json:"fallbackValue"`
	Code          string `json:"code"`
	Amount1000    string `json:"amount1000"` // "String" in the table
}

// messageResponse is the answer to a message request: MessageResponse or
// ErrorResponse. resultCode is read as text because its type is not certain.
type messageResponse struct {
	ResultCode            text     `json:"resultCode"`
	Description           text     `json:"description"`
	TranslatedDescription text     `json:"translatedDescription"`
	MessageIDs            []string `json:"messageIds"`
}
