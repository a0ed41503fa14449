package link

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
)

// FetchMedia opens the file of an incoming message: a plain GET without
// credentials. The document's example is a signed link that ends after 14 days.
// Source: "Incoming Messages Sent from Mobile Phones", content.message.media.source.
func (a *account) FetchMedia(ctx context.Context, m channels.Media) (io.ReadCloser, channels.MediaInfo, error) {
	if a.http == nil {
		return nil, channels.MediaInfo{}, unsent(errors.New("link: account was opened without an HTTP client"))
	}
	if !publicLink(m.URL) {
		return nil, channels.MediaInfo{}, &channels.SendError{
			Class: channels.ClassRejected, Code: "no_source", Title: "The file has no address", Action: "Ask the customer to send it again.",
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL, nil)
	if err != nil {
		return nil, channels.MediaInfo{}, unsent(errors.New("link: the file's address is not usable"))
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, channels.MediaInfo{}, &channels.SendError{
			Class: channels.ClassTransient, Code: "unreachable", Title: "The file's host could not be reached",
			Action: "Nothing to do; it is tried again.", Err: withoutURL(err),
		}
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, channels.MediaInfo{}, fetchError(resp)
	}
	return resp.Body, mediaInfo(resp, m), nil
}

func fetchError(resp *http.Response) *channels.SendError {
	e := &channels.SendError{
		Class: channels.ClassRejected, Code: "media_gone", Title: "The file is no longer there",
		Action: "Ask the customer to send it again.", HTTPStatus: resp.StatusCode,
	}
	if s := resp.StatusCode; s == http.StatusTooManyRequests || s == http.StatusRequestTimeout || s >= 500 {
		e.Class, e.Code, e.Title = channels.ClassTransient, "media_unavailable", "The file's host failed"
		e.Action, e.RetryAfter = "Nothing to do; it is tried again.", retryAfter(resp.Header, time.Now())
	}
	return e
}

// mediaInfo prefers the type that the message named: storage hosts often answer
// application/octet-stream.
func mediaInfo(resp *http.Response, m channels.Media) channels.MediaInfo {
	info := channels.MediaInfo{MimeType: m.MimeType, Size: resp.ContentLength, Filename: m.Filename}
	if info.MimeType == "" {
		info.MimeType = mimeType(resp.Header.Get("Content-Type"))
	}
	if _, p, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil && info.Filename == "" {
		info.Filename = p["filename"]
	}
	return info
}

// uploader is the account with the setting enableMediaUpload.
type uploader struct{ acct *account }

// UploadMedia stores a file at LINK. The call is reported, not documented:
// POST {base}/media, multipart, answered with an id.
func (u uploader) UploadMedia(ctx context.Context, info channels.MediaInfo, r io.Reader) (string, time.Time, error) {
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	written := make(chan struct{})
	go func() { // ends when the form is written or pr is closed below
		defer close(written)
		pw.CloseWithError(u.writeForm(form, info, r))
	}()
	answer, err := u.acct.call(ctx, call{
		method: http.MethodPost, url: u.acct.settings.BaseURL + "/media", body: pr, contentType: form.FormDataContentType(),
	})
	pr.CloseWithError(io.ErrClosedPipe)
	<-written
	if err != nil {
		return "", time.Time{}, err
	}
	if answer.status < 200 || answer.status > 299 {
		return "", time.Time{}, refusal(answer)
	}
	var stored struct {
		ID      text `json:"id"`
		MediaID text `json:"mediaId"`
	}
	if json.Unmarshal(answer.body, &stored) != nil || stored.ID+stored.MediaID == "" {
		return "", time.Time{}, &channels.SendError{
			Class: channels.ClassTransient, Code: "unreadable_answer", Title: "LINK's answer names no media id",
			Action: "Nothing to do; it is tried again.", HTTPStatus: answer.status,
		}
	}
	return firstNonEmpty(string(stored.ID), string(stored.MediaID)), time.Time{}, nil
}

func (u uploader) writeForm(form *multipart.Writer, info channels.MediaInfo, r io.Reader) error {
	s := &u.acct.settings
	for _, f := range [][2]string{
		{"source", s.Source}, {"platformId", s.PlatformID}, {"platformPartnerId", s.PlatformPartnerID},
		{"mediaContentType", info.MimeType},
	} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			return err
		}
	}
	name := strings.NewReplacer("\\", "_", `"`, "_", "\r", "_", "\n", "_").Replace(firstNonEmpty(info.Filename, "file"))
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="media"; filename="` + name + `"`},
		"Content-Type":        {firstNonEmpty(info.MimeType, "application/octet-stream")},
	})
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, r); err != nil {
		return err
	}
	return form.Close()
}

// reader is the account with the setting enableReadReceipts.
type reader struct{ acct *account }

// MarkRead marks an incoming message as read. The call is reported, not
// documented. WhatsApp knows the message by its wamid, kept as the metadata
// waMessageId; LINK's own id is refused here because LINK could not pass it on.
func (r reader) MarkRead(ctx context.Context, providerMessageID string, typing bool) error {
	if !strings.HasPrefix(providerMessageID, "wamid.") {
		bad := new(channels.Invalid)
		bad.Add("", "invalid", "A message is marked read by its WhatsApp id, the metadata waMessageId.")
		return bad
	}
	s := &r.acct.settings
	status := readStatus{
		PlatformID: s.PlatformID, PlatformPartnerID: s.PlatformPartnerID, Source: s.Source,
		Status: "read", MessageID: providerMessageID,
	}
	if typing {
		status.Typing = &typingIndicator{Type: "text"}
	}
	body, err := encode(status)
	if err != nil {
		return err
	}
	answer, err := r.acct.call(ctx, call{
		method: http.MethodPost, url: s.BaseURL + "/mo/status", body: strings.NewReader(string(body)),
	})
	if err != nil {
		return err
	}
	if answer.status < 200 || answer.status > 299 {
		return refusal(answer)
	}
	return nil
}

type readStatus struct {
	PlatformID        string           `json:"platformId"`
	PlatformPartnerID string           `json:"platformPartnerId"`
	Source            string           `json:"source"`
	Status            string           `json:"status"`
	MessageID         string           `json:"message_id"`
	Typing            *typingIndicator `json:"typing_indicator,omitempty"`
}

type typingIndicator struct {
	Type string `json:"type"`
}
