package whatsapp

import "github.com/go-json-experiment/json/jsontext"

// message is an item of value.messages, value.message_echoes or a history
// thread. Source: Meta, "messages webhook reference", a page per type.
type message struct {
	ID             text                   `json:"id"`
	From           text                   `json:"from"`
	FromUserID     text                   `json:"from_user_id"`
	FromParent     text                   `json:"from_parent_user_id"`
	To             text                   `json:"to"`
	ToUserID       text                   `json:"to_user_id"`
	ToParent       text                   `json:"to_parent_user_id"`
	GroupID        text                   `json:"group_id"`
	Timestamp      text                   `json:"timestamp"`
	Context        side[wireContext]      `json:"context"`
	Referral       side[wireReferral]     `json:"referral"`
	Identity       side[wireIdentity]     `json:"identity"`
	HistoryContext side[wireHistoryState] `json:"history_context"`
	wireContent
}

// wireContent is the typed part of a message; an edit nests another one.
type wireContent struct {
	Type        text             `json:"type"`
	Text        *wireText        `json:"text"`
	Image       *wireMedia       `json:"image"`
	Video       *wireMedia       `json:"video"`
	Audio       *wireMedia       `json:"audio"`
	Voice       *wireMedia       `json:"voice"` // older payloads
	Document    *wireMedia       `json:"document"`
	Sticker     *wireMedia       `json:"sticker"`
	Location    *wireLocation    `json:"location"`
	Contacts    many[wireCard]   `json:"contacts"`
	Button      *wireButton      `json:"button"`
	Interactive *wireInteractive `json:"interactive"`
	Order       *wireOrder       `json:"order"`
	Reaction    *wireReaction    `json:"reaction"`
	System      *wireSystem      `json:"system"`
	Edit        *wireEdit        `json:"edit"`
	Revoke      *wireRevoke      `json:"revoke"`
	Unsupported *wireUnsupported `json:"unsupported"`
	Errors      many[wireError]  `json:"errors"`
}

type (
	wireContext struct {
		ID                  text `json:"id"`
		From                text `json:"from"`
		Forwarded           flag `json:"forwarded"`
		FrequentlyForwarded flag `json:"frequently_forwarded"`
		Product             *struct {
			CatalogID text `json:"catalog_id"`
			ProductID text `json:"product_retailer_id"`
		} `json:"referred_product"`
	}
	wireReferral struct {
		SourceURL    text `json:"source_url"`
		SourceType   text `json:"source_type"`
		SourceID     text `json:"source_id"`
		Headline     text `json:"headline"`
		Body         text `json:"body"`
		MediaType    text `json:"media_type"`
		ImageURL     text `json:"image_url"`
		VideoURL     text `json:"video_url"`
		ThumbnailURL text `json:"thumbnail_url"`
		ClickID      text `json:"ctwa_clid"`
		Welcome      *struct {
			Text text `json:"text"`
		} `json:"welcome_message"`
	}
	wireIdentity struct {
		Hash text `json:"hash"`
	}
	wireHistoryState struct {
		Status text `json:"status"`
	}
	wireText struct {
		Body text `json:"body"`
	}
	wireMedia struct {
		ID       text `json:"id"`
		MimeType text `json:"mime_type"`
		SHA256   text `json:"sha256"`
		Caption  text `json:"caption"`
		Filename text `json:"filename"`
		URL      text `json:"url"` // valid for 5 minutes, with the bearer token
		Voice    flag `json:"voice"`
		Animated flag `json:"animated"`
	}
	wireLocation struct {
		Latitude  text `json:"latitude"`
		Longitude text `json:"longitude"`
		Name      text `json:"name"`
		Address   text `json:"address"`
		URL       text `json:"url"`
	}
	wireButton struct {
		Payload text `json:"payload"`
		Text    text `json:"text"`
	}
	wireInteractive struct {
		Type        text           `json:"type"`
		ButtonReply *wireReply     `json:"button_reply"`
		ListReply   *wireReply     `json:"list_reply"`
		FlowReply   *wireFlowReply `json:"nfm_reply"`
		CallReply   *wireCallReply `json:"call_permission_reply"`
	}
	wireReply struct {
		ID          text `json:"id"`
		Title       text `json:"title"`
		Description text `json:"description"`
	}
	wireFlowReply struct {
		Name         text           `json:"name"`
		Body         text           `json:"body"`
		ResponseJSON jsontext.Value `json:"response_json"` // a string that holds JSON
	}
	wireCallReply struct {
		Response  text `json:"response"` // accept, reject
		Expires   text `json:"expiration_timestamp"`
		Permanent text `json:"is_permanent"`
		Source    text `json:"response_source"`
	}
	wireOrder struct {
		CatalogID text `json:"catalog_id"`
		Text      text `json:"text"`
		Items     many[struct {
			ProductID text `json:"product_retailer_id"`
			Quantity  text `json:"quantity"`
			Price     text `json:"item_price"`
			Currency  text `json:"currency"`
		}] `json:"product_items"`
	}
	wireReaction struct {
		MessageID text `json:"message_id"`
		Emoji     text `json:"emoji"` // absent or empty: taken back
	}
	wireSystem struct {
		Type           text `json:"type"`
		Body           text `json:"body"`
		WaID           text `json:"wa_id"`     // the new phone
		NewWaID        text `json:"new_wa_id"` // in older payloads
		UserID         text `json:"user_id"`   // the new user id
		PreviousUserID text `json:"previous_user_id"`
		PreviousParent text `json:"previous_parent_user_id"`
		Identity       text `json:"identity"` // a hash
		Customer       text `json:"customer"` // the old phone, in older payloads
	}
	wireEdit struct {
		OriginalID text         `json:"original_message_id"`
		Message    *wireContent `json:"message"`
	}
	wireRevoke struct {
		OriginalID text `json:"original_message_id"`
	}
	wireUnsupported struct {
		Type text `json:"type"`
	}
)

// wireCard is a shared contact, the same in both directions.
type wireCard struct {
	Name struct {
		FormattedName text `json:"formatted_name"`
		FirstName     text `json:"first_name,omitempty"`
		LastName      text `json:"last_name,omitempty"`
		MiddleName    text `json:"middle_name,omitempty"`
		Suffix        text `json:"suffix,omitempty"`
		Prefix        text `json:"prefix,omitempty"`
	} `json:"name"`
	Birthday  text              `json:"birthday,omitempty"`
	Phones    many[cardPhone]   `json:"phones,omitempty"`
	Emails    many[cardEmail]   `json:"emails,omitempty"`
	Addresses many[cardAddress] `json:"addresses,omitempty"`
	Org       *cardOrg          `json:"org,omitempty"`
	URLs      many[cardURL]     `json:"urls,omitempty"`
	Origin    text              `json:"origin,omitempty"`
	VCard     text              `json:"vcard,omitempty"`
}

type (
	cardPhone struct {
		Phone text `json:"phone,omitempty"`
		Type  text `json:"type,omitempty"`
		WaID  text `json:"wa_id,omitempty"`
	}
	cardEmail struct {
		Email text `json:"email"`
		Type  text `json:"type,omitempty"`
	}
	cardAddress struct {
		Street      text `json:"street,omitempty"`
		City        text `json:"city,omitempty"`
		State       text `json:"state,omitempty"`
		Zip         text `json:"zip,omitempty"`
		Country     text `json:"country,omitempty"`
		CountryCode text `json:"country_code,omitempty"`
		Type        text `json:"type,omitempty"`
	}
	cardOrg struct {
		Company    text `json:"company,omitempty"`
		Department text `json:"department,omitempty"`
		Title      text `json:"title,omitempty"`
	}
	cardURL struct {
		URL  text `json:"url"`
		Type text `json:"type,omitempty"`
	}
)
