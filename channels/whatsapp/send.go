package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/linktor/linktor/channels"
)

// sendAnswer is the body of an accepted send.
type sendAnswer struct {
	Contacts []struct {
		Input  string `json:"input"`
		WaID   string `json:"wa_id"`
		UserID string `json:"user_id"`
	} `json:"contacts"`
	Messages []struct {
		ID      string `json:"id"`
		Status  string `json:"message_status"` // templates only
		GroupID string `json:"group_id"`
	} `json:"messages"`
}

// Send makes one attempt. HTTP 200 means accepted; what becomes of the message
// is told by status webhooks, which carry out.MessageID. Source: Meta, "Send
// messages".
func (a *Account) Send(ctx context.Context, out channels.Outbound) (sent channels.Sent, err error) {
	record := a.graph.redact.Capture()
	defer func() { record.Attach(&sent, err) }()
	wire, err := render(out)
	if err != nil {
		return channels.Sent{}, notRendered(err)
	}
	body, err := json.Marshal(wire)
	if err != nil {
		return channels.Sent{}, notRendered(err)
	}
	resp, err := a.graph.call(ctx, request{
		method: http.MethodPost, path: "/" + a.set.PhoneNumberID + "/messages",
		body: body, kind: "application/json", record: record,
	})
	if err != nil {
		return channels.Sent{}, err
	}
	if resp.status != http.StatusOK {
		return channels.Sent{}, resp.refusal()
	}
	var ans sendAnswer
	if err := json.Unmarshal(resp.body, &ans); err != nil || len(ans.Messages) == 0 || ans.Messages[0].ID == "" {
		return channels.Sent{}, unreadable(resp.status)
	}
	return ans.sent(), nil
}

// sent reports a message held for quality assessment or paused as pending: Meta
// has it but has not handed it to the network.
func (ans *sendAnswer) sent() channels.Sent {
	m := ans.Messages[0]
	held := m.Status == "held_for_quality_assessment" || m.Status == "paused"
	s := channels.Sent{ProviderID: m.ID, Pending: held, Held: held}
	if m.Status != "" {
		s.Metadata = map[string]string{"messageStatus": m.Status}
	}
	if len(ans.Contacts) == 0 {
		return s
	}
	c := ans.Contacts[0]
	if phone := e164(c.WaID); phone != "" {
		s.Recipient = append(s.Recipient, channels.Identity{Kind: channels.IdentityPhone, Value: phone, Raw: c.WaID})
	}
	if c.UserID != "" {
		s.Recipient = append(s.Recipient, channels.Identity{Kind: channels.IdentityUserID, Value: c.UserID})
	}
	return s
}

// notRendered is final: content that passed Check and cannot be written is
// content of a kind that this adapter does not send.
func notRendered(err error) *channels.SendError {
	e := &channels.SendError{
		Class: channels.ClassRejected, Code: "invalid_content", Title: "The content cannot be sent",
		Action: "Correct the message's content.", Err: err,
	}
	if errors.Is(err, channels.ErrUnsupported) {
		e.Code = "unsupported_content"
	}
	return e
}

// MarkRead marks an inbound message, and with it all earlier ones, as read. The
// typing indicator disappears after 25 seconds or with the next message. Source:
// Meta, "Mark messages as read", "Typing indicators".
func (a *Account) MarkRead(ctx context.Context, providerMessageID string, typing bool) error {
	type indicator struct {
		Type string `json:"type"`
	}
	body := struct {
		Product   string     `json:"messaging_product"`
		Status    string     `json:"status"`
		MessageID string     `json:"message_id"`
		Typing    *indicator `json:"typing_indicator,omitempty"`
	}{Product: "whatsapp", Status: "read", MessageID: providerMessageID}
	if typing {
		body.Typing = &indicator{Type: "text"}
	}
	return a.graph.json(ctx, request{
		method: http.MethodPost, path: "/" + a.set.PhoneNumberID + "/messages",
	}, body, nil)
}
