package whatsapp

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/linktor/linktor/channels"
)

// read reports false for kinds that we do not know, such as payments.
func (w *wireInteractive) read() (channels.Content, bool) {
	switch {
	case w.ButtonReply != nil:
		return channels.Content{
			Type:        channels.TypeButtonReply,
			ButtonReply: &channels.ButtonReply{ID: string(w.ButtonReply.ID), Title: string(w.ButtonReply.Title)},
		}, true
	case w.ListReply != nil:
		r := w.ListReply
		return channels.Content{
			Type: channels.TypeListReply,
			ListReply: &channels.ListReply{
				ID: string(r.ID), Title: string(r.Title), Description: string(r.Description),
			},
		}, true
	case w.FlowReply != nil:
		return channels.Content{Type: channels.TypeFlowReply, FlowReply: w.FlowReply.read()}, true
	case w.CallReply != nil:
		return system(channels.System{Kind: "call_permission", Body: string(w.CallReply.Response)}), true
	}
	return channels.Content{}, false
}

// read takes the button text for the payload of a template that set none.
func (b *wireButton) read() *channels.ButtonReply {
	out := &channels.ButtonReply{ID: string(b.Payload), Title: string(b.Text)}
	if out.ID == "" {
		out.ID = out.Title
	}
	return out
}

// read decodes response_json, a string that holds JSON; the flow's author chose
// its members, so it may be missing or malformed.
func (f *wireFlowReply) read() *channels.FlowReply {
	out := &channels.FlowReply{Name: string(f.Name), Body: string(f.Body)}
	switch f.ResponseJSON.Kind() {
	case '"':
		s, err := jsontext.AppendUnquote(nil, f.ResponseJSON)
		if err == nil && json.Valid(s) {
			out.Response = compact(s)
		} else {
			out.ResponseRaw = string(s)
		}
	case '{', '[':
		out.Response = compact(f.ResponseJSON)
	}
	return out
}

func compact(v []byte) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil {
		return keep(v) // cannot happen: v was checked
	}
	return b.Bytes()
}

func system(s channels.System) channels.Content {
	return channels.Content{Type: channels.TypeSystem, System: &s}
}

func (s *wireSystem) read() channels.System {
	out := channels.System{Kind: string(s.Type), Body: string(s.Body), NewUserID: string(s.UserID)}
	if out.Kind == "customer_changed_number" { // the name in older payloads
		out.Kind = "user_changed_number"
	}
	if out.Kind == "" {
		out.Kind = "notice"
	}
	if out.Kind == "user_changed_number" {
		out.NewPhone = e164(string(s.WaID))
		if out.NewPhone == "" {
			out.NewPhone = e164(string(s.NewWaID))
		}
	}
	return out
}

// before returns the address that a system message is about. It is the old one:
// from is the old phone, and the old user id hides in one of three places.
func (s *wireSystem) before(from address) address {
	if from.userID == "" {
		from.userID = s.PreviousUserID
	}
	if from.parent == "" {
		from.parent = s.PreviousParent
	}
	if from.phone == "" {
		from.phone = s.Customer
	}
	if from.userID == "" && s.Type == "user_changed_user_id" {
		from.userID = text(s.bodyOldID())
		if from.phone == "" && s.WaID != "" {
			from.phone = s.WaID
		}
		if from.phone == "" && from.userID == "" {
			from.userID = s.UserID // only the new id is known
		}
	}
	return from
}

// bodyOldID reads the old id out of "User <name> changed from <old> to <new>".
// It works from the end, where a profile name cannot interfere.
func (s *wireSystem) bodyOldID() string {
	head, ok := strings.CutSuffix(string(s.Body), " to "+string(s.UserID))
	i := strings.LastIndex(head, " changed from ")
	if !ok || i < 0 {
		return ""
	}
	return head[i+len(" changed from "):]
}

// read turns an edit into a system message: the message it changes has an id of
// its own.
func (e *wireEdit) read() channels.Content {
	s := channels.System{Kind: "message_edited", MessageID: string(e.OriginalID)}
	if e.Message != nil {
		if e.Message.Edit != nil { // an edit of an edit would have no end
			e.Message.Edit = nil
		}
		edited := content(e.Message, nil)
		if edited.Type != channels.TypeUnsupported {
			s.Edited = &edited
		}
	}
	return system(s)
}
