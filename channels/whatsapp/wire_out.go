package whatsapp

import "encoding/json"

// The body of POST /{phone number id}/messages. Source: Meta, "Send messages"
// and a page per type.
type outMessage struct {
	Product       string          `json:"messaging_product"`
	RecipientType string          `json:"recipient_type,omitempty"`
	To            string          `json:"to,omitempty"`
	Recipient     string          `json:"recipient,omitempty"` // business-scoped user id
	Type          string          `json:"type"`
	Context       *outContext     `json:"context,omitempty"`
	CallbackData  string          `json:"biz_opaque_callback_data,omitempty"`
	IdentityHash  string          `json:"recipient_identity_key_hash,omitempty"`
	Text          *outText        `json:"text,omitempty"`
	Image         *outMedia       `json:"image,omitempty"`
	Audio         *outMedia       `json:"audio,omitempty"`
	Video         *outMedia       `json:"video,omitempty"`
	Document      *outMedia       `json:"document,omitempty"`
	Sticker       *outMedia       `json:"sticker,omitempty"`
	Location      *outLocation    `json:"location,omitempty"`
	Contacts      []wireCard      `json:"contacts,omitempty"`
	Reaction      *outReaction    `json:"reaction,omitempty"`
	Interactive   *outInteractive `json:"interactive,omitempty"`
	Template      *outTemplate    `json:"template,omitempty"`
}

type (
	outContext struct {
		MessageID string `json:"message_id"`
	}
	outText struct {
		PreviewURL bool   `json:"preview_url"`
		Body       string `json:"body"`
	}
	outMedia struct {
		ID       string `json:"id,omitempty"`
		Link     string `json:"link,omitempty"`
		Caption  string `json:"caption,omitempty"`
		Filename string `json:"filename,omitempty"`
		Voice    bool   `json:"voice,omitempty"`
	}
	outLocation struct {
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
		Name      string  `json:"name,omitempty"`
		Address   string  `json:"address,omitempty"`
	}
	outReaction struct {
		MessageID string `json:"message_id"`
		Emoji     string `json:"emoji"` // empty takes the reaction back
	}
	outBody struct {
		Text string `json:"text"`
	}
	outHeader struct {
		Type     string    `json:"type"`
		Text     string    `json:"text,omitempty"`
		Image    *outMedia `json:"image,omitempty"`
		Video    *outMedia `json:"video,omitempty"`
		Document *outMedia `json:"document,omitempty"`
	}
	outInteractive struct {
		Type   string     `json:"type"`
		Header *outHeader `json:"header,omitempty"`
		Body   *outBody   `json:"body,omitempty"`
		Footer *outBody   `json:"footer,omitempty"`
		Action outAction  `json:"action"`
	}
	outAction struct {
		Name       string          `json:"name,omitempty"`
		Button     string          `json:"button,omitempty"`
		Buttons    []outButton     `json:"buttons,omitempty"`
		Sections   []outSection    `json:"sections,omitempty"`
		CatalogID  string          `json:"catalog_id,omitempty"`
		ProductID  string          `json:"product_retailer_id,omitempty"`
		Parameters json.RawMessage `json:"parameters,omitempty"`
		Cards      json.RawMessage `json:"cards,omitempty"`
	}
	outButton struct {
		Type  string   `json:"type"`
		Reply outReply `json:"reply"`
	}
	outReply struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	outSection struct {
		Title    string       `json:"title,omitempty"`
		Rows     []outRow     `json:"rows,omitempty"`
		Products []outProduct `json:"product_items,omitempty"`
	}
	outRow struct {
		ID          string `json:"id"`
		Title       string `json:"title"`
		Description string `json:"description,omitempty"`
	}
	outProduct struct {
		ProductID string `json:"product_retailer_id"`
	}
)

type (
	outTemplate struct {
		Name       string         `json:"name"`
		Language   outLanguage    `json:"language"`
		Components []outComponent `json:"components,omitempty"`
	}
	outLanguage struct {
		Code   string `json:"code"`
		Policy string `json:"policy,omitempty"`
	}
	outComponent struct {
		Type       string         `json:"type"`
		SubType    string         `json:"sub_type,omitempty"`
		Index      string         `json:"index,omitempty"`
		Parameters []outParameter `json:"parameters,omitempty"`
		Cards      []outCard      `json:"cards,omitempty"`
	}
	outCard struct {
		CardIndex  int            `json:"card_index"`
		Components []outComponent `json:"components"`
	}
	outParameter struct {
		Type          string          `json:"type"`
		ParameterName string          `json:"parameter_name,omitempty"`
		Text          *string         `json:"text,omitempty"`
		Payload       *string         `json:"payload,omitempty"`
		CouponCode    string          `json:"coupon_code,omitempty"`
		Currency      *outCurrency    `json:"currency,omitempty"`
		DateTime      json.RawMessage `json:"date_time,omitempty"`
		Image         *outMedia       `json:"image,omitempty"`
		Video         *outMedia       `json:"video,omitempty"`
		Document      *outMedia       `json:"document,omitempty"`
		GIF           *outMedia       `json:"gif,omitempty"`
		Location      *outLocation    `json:"location,omitempty"`
		Product       json.RawMessage `json:"product,omitempty"`
		Action        json.RawMessage `json:"action,omitempty"`
		LimitedOffer  json.RawMessage `json:"limited_time_offer,omitempty"`
		TapTarget     json.RawMessage `json:"tap_target_configuration,omitempty"`
		TTLMinutes    json.RawMessage `json:"ttl_minutes,omitempty"`
		OrderStatus   json.RawMessage `json:"order_status,omitempty"`
	}
	outCurrency struct {
		Code          string `json:"code"`
		Amount1000    int64  `json:"amount_1000"`
		FallbackValue string `json:"fallback_value"`
	}
)
