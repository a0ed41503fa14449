package whatsapp

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The webhook envelope. Source: Meta, "Webhooks overview". Nothing in it can
// fail to decode, apart from malformed JSON.
type (
	envelope struct {
		Object loose          `json:"object"`
		Entry  entries        `json:"entry"`
		Field  loose          `json:"field"` // the App Dashboard's Test button posts a bare change
		Value  jsontext.Value `json:"value"`
	}
	entries []entry
	entry   struct {
		ID      loose   `json:"id"`   // WABA id
		Time    loose   `json:"time"` // seconds; absent for messages
		Changes changes `json:"changes"`
	}
	changes []change
	change  struct {
		Field loose          `json:"field"`
		Value jsontext.Value `json:"value"`
		odd   jsontext.Value // the item, if it is no object
	}
)

func (es *entries) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		var e entry
		var err error
		if dec.PeekKind() == '{' {
			err = json.UnmarshalDecode(dec, &e)
		} else {
			err = dec.SkipValue() // an entry without changes: reported whole
		}
		*es = append(*es, e)
		return err
	})
}

func (cs *changes) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		var c change
		var err error
		if dec.PeekKind() == '{' {
			err = json.UnmarshalDecode(dec, &c)
		} else {
			var v jsontext.Value
			v, err = dec.ReadValue()
			c.odd = v.Clone()
		}
		*cs = append(*cs, c)
		return err
	})
}

// value is the part of a change that holds items. The arrays are read whatever
// the field is: any combination may come.
type value struct {
	Metadata    metadata `json:"metadata"`
	Contacts    list     `json:"contacts"`
	Messages    list     `json:"messages"`
	Echoes      list     `json:"message_echoes"`
	Statuses    list     `json:"statuses"`
	Calls       list     `json:"calls"`
	Preferences list     `json:"user_preferences"`
	UserIDs     list     `json:"user_id_update"`
	Groups      list     `json:"groups"`
	StateSync   list     `json:"state_sync"`
	Automatic   list     `json:"automatic_events"`
	History     list     `json:"history"`
	Errors      list     `json:"errors"`
}

// metadata names the business phone number. DisplayPhoneNumber is formatted
// freely and never used for routing.
type metadata struct {
	PhoneNumberID loose `json:"phone_number_id"`
}

func (m *metadata) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	type plain metadata
	return json.UnmarshalDecode(dec, (*plain)(m))
}

// contact is an item of value.contacts. Source: Meta, "Business-scoped user IDs".
type contact struct {
	Profile struct {
		Name     loose `json:"name"`
		Username loose `json:"username"`
	} `json:"profile"`
	WaID         loose `json:"wa_id"`
	UserID       loose `json:"user_id"`
	ParentUserID loose `json:"parent_user_id"`
}

// wireError is an item of an errors array. Older payloads write details beside
// code.
type wireError struct {
	Code      text `json:"code"`
	Title     text `json:"title"`
	Message   text `json:"message"`
	Details   text `json:"details"`
	ErrorData struct {
		Details text `json:"details"`
	} `json:"error_data"`
}

func (e *wireError) detail() string {
	for _, s := range []text{e.ErrorData.Details, e.Details, e.Message, e.Title} {
		if s != "" {
			return string(s)
		}
	}
	return ""
}

// status is an item of value.statuses. Source: Meta, "status messages webhook
// reference".
type status struct {
	ID                text            `json:"id"`
	Type              text            `json:"type"` // "call" for calls
	Status            text            `json:"status"`
	Timestamp         text            `json:"timestamp"`
	RecipientID       text            `json:"recipient_id"`
	RecipientType     text            `json:"recipient_type"`
	RecipientUserID   text            `json:"recipient_user_id"`
	RecipientParent   text            `json:"recipient_parent_user_id"`
	ParentRecipient   text            `json:"parent_recipient_user_id"` // the spelling of one page
	Participant       text            `json:"recipient_participant_id"`
	ParticipantUserID text            `json:"recipient_participant_user_id"`
	CallbackData      text            `json:"biz_opaque_callback_data"`
	Errors            many[wireError] `json:"errors"`
	Pricing           *struct {
		Billable flag `json:"billable"`
		Model    text `json:"pricing_model"`
		Type     text `json:"type"`
		Category text `json:"category"`
	} `json:"pricing"`
	Conversation *struct {
		ID      text `json:"id"`
		Expires text `json:"expiration_timestamp"`
		Origin  struct {
			Type text `json:"type"`
		} `json:"origin"`
	} `json:"conversation"`
}
