package linktor

import "encoding/json"

// Content is what a message holds: Type names the member that is set. Types can
// grow; have a default branch.
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
	Order       *Order        `json:"order,omitempty"`       // inbound
	ButtonReply *Button       `json:"buttonReply,omitempty"` // inbound
	ListReply   *Row          `json:"listReply,omitempty"`   // inbound
	FlowReply   *FlowReply    `json:"flowReply,omitempty"`   // inbound
	System      *System       `json:"system,omitempty"`      // inbound
	Unsupported *Unsupported  `json:"unsupported,omitempty"` // inbound
}

// Text is content of text.
func Text(text string) Content { return Content{Type: "text", Text: text} }

// Image is content of an image.
func Image(m Media) Content { return Content{Type: "image", Image: &m} }

// Document is content of a file.
func Document(m Media) Content { return Content{Type: "document", Document: &m} }

// Audio is content of a sound.
func Audio(m Media) Content { return Content{Type: "audio", Audio: &m} }

// Video is content of a film.
func Video(m Media) Content { return Content{Type: "video", Video: &m} }

// React is content of an emoji on a message; an empty emoji takes it back.
func React(messageID, emoji string) Content {
	return Content{Type: "reaction", Reaction: &Reaction{MessageID: messageID, Emoji: emoji}}
}

// Buttons is content of a text with buttons to tap.
func Buttons(body string, buttons ...Button) Content {
	return Content{Type: "interactive", Interactive: &Interactive{
		Type: "button", Body: &TextPart{body}, Action: Action{Buttons: buttons},
	}}
}

// List is content of a text with a list to choose from; label opens it.
func List(body, label string, sections ...Section) Content {
	return Content{Type: "interactive", Interactive: &Interactive{
		Type: "list", Body: &TextPart{body}, Action: Action{Button: label, Sections: sections},
	}}
}

// UseTemplate is content of a template that the provider approved.
func UseTemplate(name, language string, components ...TemplateComponent) Content {
	return Content{Type: "template", Template: &TemplateUse{
		Name: name, Language: Language{Code: language}, Components: components,
	}}
}

// Media is a file. To send, set one of URL, MediaID or ProviderID.
type Media struct {
	URL        string `json:"url,omitempty"`        // public http(s); received: where to download it, for a while
	MediaID    string `json:"mediaId,omitempty"`    // from Client.Media.Upload
	ProviderID string `json:"providerId,omitempty"` // the provider's own id
	MimeType   string `json:"mimeType,omitempty"`
	SHA256     string `json:"sha256,omitempty"` // as the provider wrote it: base64 or hex
	Size       int64  `json:"size,omitempty"`   // bytes
	Filename   string `json:"filename,omitempty"`
	Caption    string `json:"caption,omitempty"`
	Voice      bool   `json:"voice,omitempty"`
	Animated   bool   `json:"animated,omitempty"`
}

// Location is a place.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
	URL       string  `json:"url,omitempty"`
}

type (
	// ContactCard is a shared contact.
	ContactCard struct {
		Name      ContactName      `json:"name"`
		Birthday  string           `json:"birthday,omitempty"` // YYYY-MM-DD
		Phones    []ContactPhone   `json:"phones,omitempty"`
		Emails    []ContactEmail   `json:"emails,omitempty"`
		Addresses []ContactAddress `json:"addresses,omitempty"`
		Org       *ContactOrg      `json:"org,omitempty"`
		URLs      []ContactURL     `json:"urls,omitempty"`
		Origin    string           `json:"origin,omitempty"`
		VCard     string           `json:"vcard,omitempty"`
	}
	// ContactName names a person.
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

// Reaction is an emoji on a message.
type Reaction struct {
	MessageID         string `json:"messageId"`
	ProviderMessageID string `json:"providerMessageId,omitempty"` // of an inbound reaction: the provider's id of that message
	Emoji             string `json:"emoji"`
}

// Order is a cart that a customer sent.
type Order struct {
	CatalogID string      `json:"catalogId"`
	Text      string      `json:"text,omitempty"`
	Items     []OrderItem `json:"items"`
}

// OrderItem is one line of a cart; Price is a decimal number as text.
type OrderItem struct {
	ProductID string `json:"productId"`
	Quantity  string `json:"quantity"`
	Price     string `json:"price"`
	Currency  string `json:"currency"`
}

// FlowReply is a completed form.
type FlowReply struct {
	Name        string          `json:"name,omitempty"`
	Body        string          `json:"body,omitempty"`
	Response    json.RawMessage `json:"response,omitempty"`
	ResponseRaw string          `json:"responseRaw,omitempty"` // if it is not JSON
}

// System is a notice from the provider inside a conversation.
type System struct {
	Kind              string   `json:"kind"` // e.g. user_changed_number, message_edited
	Body              string   `json:"body,omitempty"`
	MessageID         string   `json:"messageId,omitempty"`
	ProviderMessageID string   `json:"providerMessageId,omitempty"` // the provider's id of that message
	Edited            *Content `json:"edited,omitempty"`
	NewPhone          string   `json:"newPhone,omitempty"`
	NewUserID         string   `json:"newUserId,omitempty"`
}

// Unsupported is content of a kind that Linktor or the provider's API does not know.
type Unsupported struct {
	Kind   string          `json:"kind"`
	Reason string          `json:"reason,omitempty"`
	Code   string          `json:"code,omitempty"`
	Raw    json.RawMessage `json:"raw,omitempty"` // as received
}
