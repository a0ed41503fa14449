package channels

import "encoding/json"

// Content is what a message holds: Type names the member that is set. The JSON
// is the public API's (POST /api/v1/messages, message.received), so names and
// nesting never change; members are only added.
//
// Types: text, image, audio, video, document, sticker, location, contacts,
// interactive, template, reaction (both ways); order, button_reply, list_reply,
// flow_reply, system, unsupported (inbound).
type Content struct {
	Type        string        `json:"type"`
	Text        string        `json:"text,omitempty"`
	PreviewURL  *bool         `json:"previewUrl,omitempty"`
	Image       *Media        `json:"image,omitempty"`
	Audio       *Media        `json:"audio,omitempty"`
	Video       *Media        `json:"video,omitempty"`
	Document    *Media        `json:"document,omitempty"`
	Sticker     *Media        `json:"sticker,omitempty"`
	Location    *Location     `json:"location,omitempty"`
	Contacts    []ContactCard `json:"contacts,omitempty"`
	Interactive *Interactive  `json:"interactive,omitempty"`
	Template    *TemplateUse  `json:"template,omitempty"`
	Reaction    *Reaction     `json:"reaction,omitempty"`
	Order       *Order        `json:"order,omitempty"`
	ButtonReply *ButtonReply  `json:"buttonReply,omitempty"`
	ListReply   *ListReply    `json:"listReply,omitempty"`
	FlowReply   *FlowReply    `json:"flowReply,omitempty"`
	System      *System       `json:"system,omitempty"`
	Unsupported *Unsupported  `json:"unsupported,omitempty"`
}

// Content types.
const (
	TypeText        = "text"
	TypeImage       = "image"
	TypeAudio       = "audio"
	TypeVideo       = "video"
	TypeDocument    = "document"
	TypeSticker     = "sticker"
	TypeLocation    = "location"
	TypeContacts    = "contacts"
	TypeInteractive = "interactive"
	TypeTemplate    = "template"
	TypeReaction    = "reaction"
	TypeOrder       = "order"
	TypeButtonReply = "button_reply"
	TypeListReply   = "list_reply"
	TypeFlowReply   = "flow_reply"
	TypeSystem      = "system"
	TypeUnsupported = "unsupported"
)

// MediaPart returns the media member that c.Type names, or nil.
func (c *Content) MediaPart() *Media {
	switch c.Type {
	case TypeImage:
		return c.Image
	case TypeAudio:
		return c.Audio
	case TypeVideo:
		return c.Video
	case TypeDocument:
		return c.Document
	case TypeSticker:
		return c.Sticker
	}
	return nil
}

// Media is a file. Outbound: one of URL (public, http or https), MediaID (ours,
// from POST /api/v1/media) or ProviderID. Inbound: MediaID, and URL once served.
type Media struct {
	URL        string `json:"url,omitempty"`
	MediaID    string `json:"mediaId,omitempty"`    // med_...
	ProviderID string `json:"providerId,omitempty"` // the provider's media id
	MimeType   string `json:"mimeType,omitempty"`
	SHA256     string `json:"sha256,omitempty"` // as the provider wrote it: base64 or hex
	Size       int64  `json:"size,omitempty"`   // bytes
	Filename   string `json:"filename,omitempty"`
	Caption    string `json:"caption,omitempty"`
	Voice      bool   `json:"voice,omitempty"`    // audio: a voice note
	Animated   bool   `json:"animated,omitempty"` // sticker
}

// MediaInfo is what is known of a file's bytes.
type MediaInfo struct {
	MimeType string
	Size     int64 // bytes; -1 if unknown
	Filename string
	SHA256   string // as the provider wrote it, if it did
}

// Location is a place.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
	URL       string  `json:"url,omitempty"`
}

// ContactCard is a shared contact.
type ContactCard struct {
	Name      ContactName      `json:"name"`
	Birthday  string           `json:"birthday,omitempty"` // YYYY-MM-DD
	Phones    []ContactPhone   `json:"phones,omitempty"`
	Emails    []ContactEmail   `json:"emails,omitempty"`
	Addresses []ContactAddress `json:"addresses,omitempty"`
	Org       *ContactOrg      `json:"org,omitempty"`
	URLs      []ContactURL     `json:"urls,omitempty"`
	Origin    string           `json:"origin,omitempty"` // contact_request: the answer to a request for the number
	VCard     string           `json:"vcard,omitempty"`
}

type (
	// ContactName names a person; FormattedName is required outbound.
	ContactName struct {
		FormattedName string `json:"formattedName"`
		FirstName     string `json:"firstName,omitempty"`
		LastName      string `json:"lastName,omitempty"`
		MiddleName    string `json:"middleName,omitempty"`
		Suffix        string `json:"suffix,omitempty"`
		Prefix        string `json:"prefix,omitempty"`
	}
	// ContactPhone is a phone number of a shared contact.
	ContactPhone struct {
		Phone string `json:"phone,omitempty"`
		Type  string `json:"type,omitempty"`
		WaID  string `json:"waId,omitempty"`
	}
	// ContactEmail is an e-mail address of a shared contact.
	ContactEmail struct {
		Email string `json:"email"`
		Type  string `json:"type,omitempty"`
	}
	// ContactAddress is a postal address of a shared contact.
	ContactAddress struct {
		Street      string `json:"street,omitempty"`
		City        string `json:"city,omitempty"`
		State       string `json:"state,omitempty"`
		Zip         string `json:"zip,omitempty"`
		Country     string `json:"country,omitempty"`
		CountryCode string `json:"countryCode,omitempty"`
		Type        string `json:"type,omitempty"`
	}
	// ContactOrg is the employer of a shared contact.
	ContactOrg struct {
		Company    string `json:"company,omitempty"`
		Department string `json:"department,omitempty"`
		Title      string `json:"title,omitempty"`
	}
	// ContactURL is a web address of a shared contact.
	ContactURL struct {
		URL  string `json:"url"`
		Type string `json:"type,omitempty"`
	}
)

// Interactive is a message with something to tap. Type: button, list, cta_url,
// flow, product, product_list, catalog_message, location_request_message; and
// where the provider offers them carousel, address_message, contact_request,
// call_permission_request, voice_call, order_details, order_status.
type Interactive struct {
	Type   string  `json:"type"`
	Header *Header `json:"header,omitempty"`
	Body   *Text   `json:"body,omitempty"`
	Footer *Text   `json:"footer,omitempty"`
	Action Action  `json:"action"`
}

// Text is a piece of text.
type Text struct {
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

// Action is what can be tapped. Buttons and rows are written flat, {id, title};
// the provider's nested form {type:"reply", reply:{id, title}} is accepted too.
type Action struct {
	Button     string          `json:"button,omitempty"` // list: the label that opens it
	Buttons    []Button        `json:"buttons,omitempty"`
	Sections   []Section       `json:"sections,omitempty"`
	Name       string          `json:"name,omitempty"`
	Parameters json.RawMessage `json:"parameters,omitempty"` // cta_url, flow, catalog_message, ...: the provider's object
	CatalogID  string          `json:"catalogId,omitempty"`
	ProductID  string          `json:"productId,omitempty"`
	Cards      json.RawMessage `json:"cards,omitempty"` // carousel: the provider's array
}

// Button is a reply button.
type Button struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// UnmarshalJSON reads {id, title} and {type:"reply", reply:{id, title}}.
func (b *Button) UnmarshalJSON(data []byte) error {
	var w struct {
		ID    string `json:"id"`
		Title string `json:"title"`
		Type  string `json:"type"`
		Reply *struct {
			ID    string `json:"id"`
			Title string `json:"title"`
		} `json:"reply"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	b.ID, b.Title = w.ID, w.Title
	if w.Reply != nil {
		b.ID, b.Title = w.Reply.ID, w.Reply.Title
	}
	return nil
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

// TemplateUse sends a template. Components are the provider's (WhatsApp's
// snake_case, as Meta's documents write them): type header, body, button,
// carousel, limited_time_offer, ...
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

// TemplateComponent fills one part of a template.
type TemplateComponent struct {
	Type       string              `json:"type"`
	SubType    string              `json:"sub_type,omitempty"`
	Index      *Index              `json:"index,omitempty"`
	Parameters []TemplateParameter `json:"parameters,omitempty"`
	Cards      []TemplateCard      `json:"cards,omitempty"`
}

// TemplateCard fills one card of a carousel template.
type TemplateCard struct {
	CardIndex  int                 `json:"card_index"`
	Components []TemplateComponent `json:"components"`
}

// Index is a button's position: a number or a numeric string in JSON; written
// as a string, as Meta's examples do.
type Index string

// UnmarshalJSON reads 0 and "0".
func (i *Index) UnmarshalJSON(data []byte) error {
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*i = Index(n.String())
	return nil
}

// TemplateParameter is one value. Type names the member; kinds that we do not
// interpret travel in Extra, untouched.
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

// Currency is an amount of money; Amount1000 is the amount × 1000.
type Currency struct {
	Code          string `json:"code"`
	Amount1000    int64  `json:"amount_1000"`
	FallbackValue string `json:"fallback_value"`
}

// Reaction is an emoji on a message; an empty Emoji takes it back. Outbound,
// MessageID is ours (msg_...) or the provider's id; inbound, ours where we have the
// message, else the provider's, which ProviderMessageID is in any case.
type Reaction struct {
	MessageID         string `json:"messageId"`
	ProviderMessageID string `json:"providerMessageId,omitempty"` // of an inbound reaction
	Emoji             string `json:"emoji"`
}

// Order is a cart that a customer sent.
type Order struct {
	CatalogID string      `json:"catalogId"`
	Text      string      `json:"text,omitempty"`
	Items     []OrderItem `json:"items"`
}

// OrderItem is one line of a cart. Price is a decimal number as text: providers
// send integers, decimals and strings.
type OrderItem struct {
	ProductID string `json:"productId"`
	Quantity  string `json:"quantity"`
	Price     string `json:"price"`
	Currency  string `json:"currency"`
}

// ButtonReply is a tapped button; ID is the reply id or the template payload.
type ButtonReply struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// ListReply is a chosen list row.
type ListReply struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// FlowReply is a completed form. Response is the decoded answer; when the
// provider sent something that is not JSON it stays in ResponseRaw.
type FlowReply struct {
	Name        string          `json:"name,omitempty"`
	Body        string          `json:"body,omitempty"`
	Response    json.RawMessage `json:"response,omitempty"`
	ResponseRaw string          `json:"responseRaw,omitempty"`
}

// System is a notice from the provider inside a conversation. Kind:
// user_changed_number, user_changed_user_id, customer_identity_changed,
// message_edited, message_deleted, request_welcome, call_permission, ...
type System struct {
	Kind              string   `json:"kind"`
	Body              string   `json:"body,omitempty"`
	MessageID         string   `json:"messageId,omitempty"`         // the message edited or deleted: our id where we have it, else the provider's
	ProviderMessageID string   `json:"providerMessageId,omitempty"` // the provider's id of that message
	Edited            *Content `json:"edited,omitempty"`            // what it says now
	NewPhone          string   `json:"newPhone,omitempty"`
	NewUserID         string   `json:"newUserId,omitempty"`
}

// Unsupported is content of a kind that we, or the provider's API, do not know.
type Unsupported struct {
	Kind   string          `json:"kind"`             // the provider's type, e.g. poll_creation
	Reason string          `json:"reason,omitempty"` // the provider's error title
	Code   string          `json:"code,omitempty"`   // and code
	Raw    json.RawMessage `json:"raw,omitempty"`    // the item as received
}
