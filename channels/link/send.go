package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
)

// Send hands one message to LINK. LINK answers "queued" before WhatsApp has the
// message, so a success is always pending. Source: "POST /messages".
func (a *account) Send(ctx context.Context, out channels.Outbound) (sent channels.Sent, err error) {
	record := a.redact.Capture()
	defer func() { record.Attach(&sent, err) }()
	now := time.Now()
	if !out.ValidUntil.IsZero() && !out.ValidUntil.After(now) {
		return channels.Sent{}, &channels.SendError{ // it expires as soon as the database's clock agrees
			Class: channels.ClassNotSent, Code: "expired", Title: "The message's validity has ended",
			Action: "Send a new message if it is still wanted.",
		}
	}
	if err := a.Check(out); err != nil {
		return channels.Sent{}, &channels.SendError{
			Class: channels.ClassRejected, Code: "invalid", Title: "The channel cannot carry this message",
			Action: "Correct the fields that the detail names.", Detail: cut(err.Error()),
		}
	}
	if pointer := unresolvedMedia(&out.Content); pointer != "" {
		return channels.Sent{}, &channels.SendError{
			Class: channels.ClassRejected, Code: "media_unresolved", Title: "The file has no address LINK can fetch",
			Action: "Configure a public address for stored media, or send the file by link.", Detail: pointer,
		}
	}
	body, err := encode(a.request(out, now))
	if err != nil {
		return channels.Sent{}, &channels.SendError{
			Class: channels.ClassRejected, Code: "encoding", Title: "The message is not writable as JSON",
			Action: "Correct the parameters of the message.", Err: err,
		}
	}
	answer, err := a.call(ctx, call{method: http.MethodPost, url: a.settings.BaseURL + "/messages", body: bytes.NewReader(body), content: body, record: record})
	if err != nil {
		return channels.Sent{}, err
	}
	return readAcceptance(answer)
}

// readAcceptance reads the answer to a message request.
func readAcceptance(answer answer) (channels.Sent, error) {
	var m messageResponse
	readable := json.Unmarshal(answer.body, &m) == nil
	if answer.status < 200 || answer.status > 299 {
		return channels.Sent{}, refusal(answer)
	}
	failed := codes.link[string(m.ResultCode)].Class != ""
	switch {
	case readable && !failed && len(m.MessageIDs) > 0 && strings.TrimSpace(m.MessageIDs[0]) != "":
		return channels.Sent{ProviderID: strings.TrimSpace(m.MessageIDs[0]), Pending: true}, nil
	case readable && failed:
		return channels.Sent{}, refusal(answer)
	}
	// A 2xx that names no message: LINK may well have queued it.
	return channels.Sent{}, &channels.SendError{
		Class: channels.ClassUncertain, Code: "unreadable_answer", Title: "LINK's answer names no message",
		Action: "Wait for a status report; it carries our reference.", HTTPStatus: answer.status,
	}
}

// encode writes v as JSON without escaping <, > and &: JSON in UTF-8 needs none.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, errors.New("link: encode request") // the original may quote content
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// unresolvedMedia finds a file that has only our id: the engine has to replace
// it by a link or a provider id before a send.
func unresolvedMedia(c *channels.Content) string {
	for _, m := range mediaOf(c) {
		if m.media.URL == "" && m.media.ProviderID == "" {
			return m.pointer
		}
	}
	return ""
}
