package whatsapp

import (
	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/linktor/linktor/channels"
)

// decodeItem reads raw into v, or emits an invalid event that names what.
func decodeItem[T any](p *parser, what string, raw jsontext.Value) (v T, ok bool) {
	if err := gojson.Unmarshal(raw, &v, lenient); err != nil {
		p.invalid(reason(what, err), raw)
		return v, false
	}
	return v, true
}

// alert reads an item of value.errors: a problem of the number that belongs to no
// message. Source: Meta, "errors webhook reference".
func (p *parser) alert(o *origin, raw jsontext.Value) {
	e, ok := decodeItem[wireError](p, "error", raw)
	if !ok {
		return
	}
	known := lookup(string(e.Code), "")
	severity := severityWarning
	if known.Class == channels.ClassChannel || e.Code == "131035" { // 131035: webhooks were lost
		severity = severityCritical
	}
	summary := "Meta reported error " + word(loose(e.Code)) + ": " + known.title("unknown error") + "."
	if known.Action != "" {
		summary += " " + known.Action
	}
	p.add(o.field, channels.Change{
		Type: changeAlert, At: seconds(o.at), Severity: severity, Summary: summary,
	}, raw)
}

// call reads an item of value.calls. Source: Meta, "Cloud API Calling".
func (p *parser) call(o *origin, raw jsontext.Value) {
	c, ok := decodeItem[struct {
		Event     loose `json:"event"`
		Direction loose `json:"direction"`
		Timestamp loose `json:"timestamp"`
	}](p, "call", raw)
	if !ok {
		return
	}
	p.add(o.field, channels.Change{
		Type: changeCall, At: seconds(c.Timestamp),
		Summary: "A call: " + word(c.Event) + ", " + word(c.Direction) + ".",
	}, raw)
}

// callStatus passes on the state of a call; calls are no messages of ours.
func (p *parser) callStatus(o *origin, s *status, raw jsontext.Value) {
	p.add(o.field, channels.Change{
		Type: changeCall, At: seconds(s.Timestamp), Summary: "A call is " + word(loose(s.Status)) + ".",
	}, raw)
}

// preference reads an item of user_preferences: a customer stopped or resumed
// marketing messages. Source: Meta, "user_preferences webhook reference".
func (p *parser) preference(o *origin, raw jsontext.Value) {
	v, ok := decodeItem[struct {
		WaID      text `json:"wa_id"`
		UserID    text `json:"user_id"`
		Parent    text `json:"parent_user_id"`
		Category  text `json:"category"`
		Value     text `json:"value"`
		Timestamp text `json:"timestamp"`
	}](p, "user preference", raw)
	if !ok {
		return
	}
	out := &channels.OptoutChange{
		Party:    party(address{v.WaID, v.UserID, v.Parent}, o.contacts),
		Category: string(v.Category),
		Stopped:  v.Value == "stop",
	}
	if len(out.Party.Identities) == 0 {
		p.invalid("user preference: wa_id and user_id are both missing", raw)
		return
	}
	c := channels.Change{Type: changePreference, At: seconds(v.Timestamp), Optout: out}
	switch v.Value {
	case "stop":
		c.Summary = "A customer stopped marketing messages: leave them out of campaigns."
	case "resume", "signup":
		c.Summary = "A customer wants marketing messages."
	default: // a word we do not know must not change what a customer wished
		c.Type, c.Optout = changeProvider, nil
		c.Summary = "A customer's preference has an unknown value: " + word(loose(v.Value)) + "."
	}
	p.add(o.field, c, raw)
}

// userID reads an item of user_id_update: the business-scoped user id changed.
// Source: Meta, "Business-scoped user IDs".
func (p *parser) userID(o *origin, raw jsontext.Value) {
	type pair struct {
		Previous text `json:"previous"`
		Current  text `json:"current"`
	}
	v, ok := decodeItem[struct {
		UserID    pair `json:"user_id"`
		Timestamp text `json:"timestamp"`
	}](p, "user id update", raw)
	if !ok {
		return
	}
	if v.UserID.Previous == "" || v.UserID.Current == "" {
		p.invalid("user id update: user_id.previous or user_id.current is missing", raw)
		return
	}
	p.add(o.field, channels.Change{
		Type: changeIdentity, At: seconds(v.Timestamp), Summary: "A customer's business-scoped user id changed.",
		Identity: &channels.IdentityChange{
			Old: channels.Identity{Kind: channels.IdentityUserID, Value: string(v.UserID.Previous)},
			New: channels.Identity{Kind: channels.IdentityUserID, Value: string(v.UserID.Current)},
		},
	}, raw)
}

// stamped is all that is read of items that are only passed on.
type stamped struct {
	Type      loose `json:"type"`
	Name      loose `json:"event_name"`
	Timestamp loose `json:"timestamp"`
}

// group passes on an item of group_*_update.
func (p *parser) group(o *origin, raw jsontext.Value) {
	if v, ok := decodeItem[stamped](p, "group", raw); ok {
		p.add(o.field, channels.Change{
			Type: changeProvider, At: seconds(v.Timestamp), Summary: "A group changed: " + word(v.Type) + ".",
		}, raw)
	}
}

// stateSync passes on an address book entry of the phone app.
func (p *parser) stateSync(o *origin, raw jsontext.Value) {
	v, ok := decodeItem[struct {
		Action   loose   `json:"action"`
		Metadata stamped `json:"metadata"`
	}](p, "state sync", raw)
	if ok {
		p.add(o.field, channels.Change{
			Type: changeProvider, At: seconds(v.Metadata.Timestamp),
			Summary: "The phone app's address book changed: " + word(v.Action) + ".",
		}, raw)
	}
}

// automatic passes on an event that Meta detected in a conversation.
func (p *parser) automatic(o *origin, raw jsontext.Value) {
	if v, ok := decodeItem[stamped](p, "automatic event", raw); ok {
		p.add(o.field, channels.Change{
			Type: changeProvider, At: seconds(v.Timestamp), Summary: "Meta detected an event: " + word(v.Name) + ".",
		}, raw)
	}
}

// history reads a chunk of the phone app's past messages. A thread is one
// customer, named by its id; what that customer did not send is an echo.
// Source: Meta, "history webhook reference".
func (p *parser) history(o *origin, raw jsontext.Value) {
	v, ok := decodeItem[struct {
		Threads []struct {
			ID       text `json:"id"`
			Messages list `json:"messages"`
		} `json:"threads"`
		Errors list `json:"errors"`
	}](p, "history", raw)
	if !ok {
		return
	}
	before := len(p.events)
	for _, t := range v.Threads {
		for _, raw := range t.Messages {
			p.historic(o, t.ID, raw)
		}
	}
	for _, raw := range v.Errors {
		p.alert(o, raw)
	}
	if len(p.events) == before {
		p.add(o.field, channels.Change{Type: changeProvider, Summary: "A chunk of history without messages."}, raw)
	}
}

func (p *parser) historic(o *origin, thread text, raw jsontext.Value) {
	m, ok := p.decode(raw)
	if !ok {
		return
	}
	in := inbound(m, o, raw)
	in.Historic = true
	in.From = party(address{phone: thread}, o.contacts)
	// from_user_id is the customer's, so a message that has one is theirs.
	in.Echo = m.FromUserID == "" && digits(string(m.From)) != digits(string(thread))
	p.deliver(in, raw)
}
