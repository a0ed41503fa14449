package whatsapp

import (
	"encoding/json"
	"errors"
	"fmt"

	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/linktor/linktor/channels"
)

// objectName is the envelope's object for WhatsApp. Other products of the same
// app (page, instagram) may share the URL.
const objectName = "whatsapp_business_account"

// errNotObject is returned for bodies such as [] or "x".
var errNotObject = errors.New("whatsapp: body is not a JSON object")

// Parse turns a webhook body into events, in the order of the body. Every object
// yields at least one event: what holds no item becomes a provider.change, so
// that nothing disappears. Source: Meta, "Webhooks overview".
func (a *Account) Parse(body []byte) ([]channels.Event, error) {
	if k := jsontext.Value(body).Kind(); k != '{' && jsontext.Value(body).IsValid(lenient) {
		return nil, errNotObject
	}
	var env envelope
	if err := gojson.Unmarshal(body, &env, lenient); err != nil {
		if syn, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return nil, &channels.SyntaxError{Offset: syn.ByteOffset, Reason: syn.Err.Error()}
		}
		return nil, &channels.SyntaxError{Offset: int64(len(body)), Reason: "unexpected end of the body"}
	}
	p := parser{account: a, events: make([]channels.Event, 0, 4)}
	switch {
	case env.Object == objectName || (env.Object == "" && len(env.Entry) > 0):
		p.entries(body, env.Entry)
	case env.Object == "" && env.Value != nil:
		p.change("", "", change{Field: env.Field, Value: env.Value})
	case env.Object == "":
		p.pass("", "The body names no object and no change.", body)
	default:
		p.pass("", "The body is about another product of Meta than WhatsApp.", body)
	}
	if len(p.events) == 0 {
		p.pass("", "The body holds no entry.", body)
	}
	return p.events, nil
}

// parser collects the events of one body.
type parser struct {
	account *Account
	events  []channels.Event
}

// origin is what the items of one change have in common.
type origin struct {
	field    string
	at       loose // entry.time
	contacts []contact
	foreign  string // why the items do not belong to this channel
	errors   []wireError
}

func (p *parser) entries(body []byte, entries []entry) {
	var raw list
	for i, e := range entries {
		if len(e.Changes) == 0 {
			if raw == nil {
				raw = rawEntries(body)
			}
			p.pass("", "An entry holds no change.", raw[i])
		}
		for _, c := range e.Changes {
			p.change(e.ID, e.Time, c)
		}
	}
}

// rawEntries reads the entries again as bytes: that is rare, so the common way
// does not pay for it. They are as many as were decoded before.
func rawEntries(body []byte) list {
	var b struct {
		Entry list `json:"entry"`
	}
	_ = gojson.Unmarshal(body, &b, lenient) // the same body was decoded before
	return b.Entry
}

// itemFields are the webhook fields whose value holds arrays of items. An absent
// field is read as messages, as older producers mean it.
var itemFields = map[string]bool{
	"": true, "messages": true, "standby": true, "smb_message_echoes": true, "message_echoes": true,
	"history": true, "calls": true, "user_preferences": true, "user_id_update": true,
	"group_lifecycle_update": true, "group_participants_update": true, "group_settings_update": true,
	"group_status_update": true, "smb_app_state_sync": true, "automatic_events": true,
}

func (p *parser) change(entryID, at loose, c change) {
	field := string(c.Field)
	if c.odd != nil || c.Value.Kind() != '{' {
		raw := c.Value
		if c.odd != nil {
			raw = c.odd
		}
		p.pass(field, "A change holds no object.", raw)
		return
	}
	if !itemFields[field] {
		p.notice(notice{field: field, waba: string(entryID), at: seconds(at), raw: c.Value})
		return
	}
	var v value
	if err := gojson.Unmarshal(c.Value, &v, lenient); err != nil {
		p.invalid(reason("value", err), c.Value)
		return
	}
	before := len(p.events)
	p.items(p.origin(field, at, &v), &v)
	if len(p.events) == before {
		p.pass(field, "A change holds no item.", c.Value)
	}
}

func (p *parser) origin(field string, at loose, v *value) *origin {
	o := &origin{field: field, at: at}
	if field == "" {
		o.field = "messages"
	}
	if id := v.Metadata.PhoneNumberID; id != "" && string(id) != p.account.set.PhoneNumberID {
		o.foreign = fmt.Sprintf("This item belongs to phone number id %.32s, not to this channel's: "+
			"give that number a channel and a webhook URL of its own.", string(id))
	}
	for _, raw := range v.Contacts {
		var c contact
		// Names are an extra; a contact that cannot be read does not cost the message.
		if err := gojson.Unmarshal(raw, &c, lenient); err == nil {
			o.contacts = append(o.contacts, c)
		}
	}
	for _, raw := range v.Errors {
		var e wireError
		if err := gojson.Unmarshal(raw, &e, lenient); err == nil {
			o.errors = append(o.errors, e)
		}
	}
	return o
}

// items emits one event per item of every array.
func (p *parser) items(o *origin, v *value) {
	type reader func(o *origin, raw jsontext.Value)
	for _, group := range []struct {
		items list
		read  reader
	}{
		{v.Messages, p.message}, {v.Echoes, p.echo}, {v.Statuses, p.status}, {v.Calls, p.call},
		{v.Preferences, p.preference}, {v.UserIDs, p.userID}, {v.Groups, p.group},
		{v.StateSync, p.stateSync}, {v.Automatic, p.automatic}, {v.History, p.history},
		{v.Errors, p.alert},
	} {
		for _, raw := range group.items {
			if o.foreign != "" && group.read != nil {
				p.foreign(o, raw)
				continue
			}
			group.read(o, raw)
		}
	}
}

// foreign passes on an item of another phone number. A history chunk is one
// item: its threads are of no use to this channel.
func (p *parser) foreign(o *origin, raw jsontext.Value) {
	p.add(o.field, channels.Change{Type: changeProvider, Summary: o.foreign, Severity: severityWarning}, raw)
}

// pass emits a provider.change for something that holds no item.
func (p *parser) pass(field, summary string, raw []byte) {
	p.add(field, channels.Change{Type: changeProvider, Summary: summary, Severity: severityWarning}, raw)
}

func (p *parser) add(field string, c channels.Change, raw []byte) {
	c.Field = field
	if c.Severity == "" {
		c.Severity = severityInfo
	}
	p.events = append(p.events, channels.Event{Kind: channels.EventChange, Change: &c, Raw: keep(raw)})
}

func (p *parser) invalid(reason string, raw []byte) {
	p.events = append(p.events, channels.Event{Kind: channels.EventInvalid, Reason: reason, Raw: keep(raw)})
}

// keep returns raw as a value of its own: the caller may reuse the body's memory.
func keep(raw []byte) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return append(json.RawMessage(nil), raw...)
}
