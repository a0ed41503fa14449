package whatsapp

import (
	"strings"

	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/linktor/linktor/channels"
)

// statusWords maps Meta's words. "played" (a voice note was played) implies
// read. "warning" is On-Premises; "deleted" appears in the message history API.
var statusWords = map[text]channels.Status{
	"sent": channels.StatusSent, "delivered": channels.StatusDelivered, "read": channels.StatusRead,
	"played": channels.StatusRead, "failed": channels.StatusFailed, "deleted": channels.StatusDeleted,
	"warning": channels.StatusNoted,
}

// status reads an item of value.statuses. Source: Meta, "status messages webhook
// reference".
func (p *parser) status(o *origin, raw jsontext.Value) {
	var s status
	if err := gojson.Unmarshal(raw, &s, lenient); err != nil {
		p.invalid(reason("status", err), raw)
		return
	}
	if s.Type == "call" || o.field == "calls" {
		p.callStatus(o, &s, raw)
		return
	}
	u := &channels.StatusUpdate{
		ProviderID:  string(s.ID),
		Provider:    string(s.Status),
		Status:      channels.StatusUnknown,
		At:          seconds(s.Timestamp),
		Recipient:   s.recipient(o),
		Participant: s.participant(),
		Metadata:    map[string]string{},
	}
	if w, ok := statusWords[s.Status]; ok {
		u.Status = w
	}
	callback(u, string(s.CallbackData))
	if u.ProviderID == "" && u.MessageID == "" {
		p.invalid("status: id is missing", raw)
		return
	}
	s.fill(u)
	if len(u.Metadata) == 0 {
		u.Metadata = nil
	}
	p.events = append(p.events, channels.Event{Kind: channels.EventStatus, Status: u})
}

// recipient names who the status is about. For a group it is the group.
func (s *status) recipient(o *origin) channels.Party {
	if s.RecipientType == "group" {
		if s.RecipientID == "" {
			return channels.Party{}
		}
		return channels.Party{Identities: []channels.Identity{
			{Kind: channels.IdentityGroup, Value: string(s.RecipientID)},
		}}
	}
	parent := s.RecipientParent
	if parent == "" {
		parent = s.ParentRecipient
	}
	return party(address{s.RecipientID, s.RecipientUserID, parent}, o.contacts)
}

func (s *status) participant() string {
	if phone := e164(string(s.Participant)); phone != "" {
		return phone
	}
	if s.Participant != "" {
		return string(s.Participant)
	}
	return string(s.ParticipantUserID)
}

// fill adds the error, the price and the conversation.
func (s *status) fill(u *channels.StatusUpdate) {
	if len(s.Errors) > 0 {
		e := s.Errors[0]
		known := lookup(string(e.Code), "")
		u.Error = &channels.ProviderError{
			Class: known.Class, Scope: known.Scope.Beyond(), Code: string(e.Code), Title: known.title(string(e.Title)),
			Action: known.Action, Detail: cut(e.detail()), NeedsTemplate: known.NeedsTemplate,
		}
	} else if u.Status == channels.StatusFailed {
		u.Error = &channels.ProviderError{
			Class: channels.ClassRejected, Code: "unknown", Title: "Failed without a reason",
			Action: "Meta gave no error code. Ask Meta support with the message id if it happens again.",
		}
	}
	if pr := s.Pricing; pr != nil {
		u.Pricing = &channels.Pricing{
			Billable: bool(pr.Billable), Model: string(pr.Model), Type: string(pr.Type), Category: string(pr.Category),
		}
	}
	if c := s.Conversation; c != nil {
		for key, v := range map[string]text{
			"conversationId": c.ID, "conversationOrigin": c.Origin.Type, "conversationExpires": c.Expires,
		} {
			if v != "" {
				u.Metadata[key] = string(v)
			}
		}
	}
}

// callback reads biz_opaque_callback_data. Ours is the message id, perhaps with
// the attempt after a dot; other senders on the number write what they like.
func callback(u *channels.StatusUpdate, data string) {
	if data == "" {
		return
	}
	id, attempt, _ := strings.Cut(data, ".")
	if !strings.HasPrefix(id, "msg_") {
		u.Metadata["callbackData"] = data
		return
	}
	u.MessageID = id
	if attempt != "" {
		u.Metadata["attempt"] = attempt
	}
}
