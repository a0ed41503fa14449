package whatsapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
)

const (
	// mediaLifetime is how long an uploaded id can be sent. Source: Meta, "Media".
	mediaLifetime = 30 * 24 * time.Hour
	// maxUpload is the largest file of any kind, in bytes. Source: Meta, "Media".
	maxUpload = 100 << 20
)

// mediaHosts are where Meta keeps media; the token goes nowhere else, apart from
// the configured Graph API itself.
var mediaHosts = []string{"fbsbx.com", "fbcdn.net", "facebook.com", "whatsapp.net"}

var errMediaHost = errors.New("whatsapp: the media address is not Meta's")

// UploadMedia stores a file for this phone number. A file of known size is sent
// as it is read; another one is read first, because Meta wants a length.
func (a *Account) UploadMedia(ctx context.Context, info channels.MediaInfo, r io.Reader) (string, time.Time, error) {
	if info.Size < 0 {
		data, err := io.ReadAll(io.LimitReader(r, maxUpload+1))
		if err != nil {
			return "", time.Time{}, fmt.Errorf("whatsapp: read media: %w", err)
		}
		info.Size, r = int64(len(data)), bytes.NewReader(data)
	}
	if info.Size > maxUpload {
		var bad channels.Invalid
		bad.AddLimit("/file", "too_long", maxUpload, "WhatsApp accepts files of at most 100 MB.")
		return "", time.Time{}, bad.Err()
	}
	head, tail, kind, err := uploadForm(info)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("whatsapp: upload media: %w", err)
	}
	resp, err := a.graph.call(ctx, request{
		method: http.MethodPost, path: "/" + a.set.PhoneNumberID + "/media", kind: kind,
		stream: io.MultiReader(bytes.NewReader(head), io.LimitReader(r, info.Size), bytes.NewReader(tail)),
		size:   int64(len(head)) + info.Size + int64(len(tail)),
	})
	if err != nil {
		return "", time.Time{}, err
	}
	if resp.status != http.StatusOK {
		return "", time.Time{}, resp.refusal()
	}
	var ans struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(resp.body, &ans); err != nil || ans.ID == "" {
		return "", time.Time{}, unreadable(resp.status)
	}
	return ans.ID, time.Now().Add(mediaLifetime), nil
}

// uploadForm returns what stands before and after the file in the form.
func uploadForm(info channels.MediaInfo) (head, tail []byte, kind string, err error) {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	name := info.Filename
	if name == "" {
		name = "file"
	}
	clean := strings.NewReplacer("\\", "_", `"`, "_", "\r", "_", "\n", "_").Replace(name)
	err = errors.Join(form.WriteField("messaging_product", "whatsapp"), form.WriteField("type", info.MimeType))
	if err != nil {
		return nil, nil, "", err
	}
	_, err = form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="%s"`, clean)},
		"Content-Type":        {strings.NewReplacer("\r", "", "\n", "").Replace(info.MimeType)},
	})
	head = bytes.Clone(buf.Bytes())
	buf.Reset()
	err = errors.Join(err, form.Close())
	return head, buf.Bytes(), form.FormDataContentType(), err
}

// lookedUp is where a media id can be downloaded for the next five minutes.
type lookedUp struct {
	URL      string      `json:"url"`
	MimeType string      `json:"mime_type"`
	SHA256   string      `json:"sha256"` // hex here, base64 in webhooks
	Size     json.Number `json:"file_size"`
}

// FetchMedia looks up where the media is and opens it. An address that has
// expired in between is looked up once more. Reading ends
// with an error if the file is not the one that the webhook announced.
func (a *Account) FetchMedia(ctx context.Context, m channels.Media) (io.ReadCloser, channels.MediaInfo, error) {
	if m.ProviderID == "" {
		if m.URL == "" {
			return nil, channels.MediaInfo{}, channels.ErrUnsupported
		}
		return a.open(ctx, lookedUp{URL: m.URL, MimeType: m.MimeType, SHA256: m.SHA256}, m)
	}
	var err error
	for range 2 {
		var at lookedUp
		if at, err = a.lookupMedia(ctx, m.ProviderID); err != nil {
			return nil, channels.MediaInfo{}, err
		}
		r, info, openErr := a.open(ctx, at, m)
		if openErr == nil {
			return r, info, nil
		}
		err = openErr
		var gone *goneError
		if !errors.As(err, &gone) {
			break
		}
	}
	return nil, channels.MediaInfo{}, err
}

func (a *Account) lookupMedia(ctx context.Context, id string) (lookedUp, error) {
	var at lookedUp
	err := a.graph.json(ctx, request{
		method: http.MethodGet, path: "/" + url.PathEscape(id),
		query: url.Values{"phone_number_id": {a.set.PhoneNumberID}},
	}, nil, &at)
	if err == nil && at.URL == "" {
		err = unreadable(http.StatusOK)
	}
	return at, err
}

// goneError is an address that no longer works.
type goneError struct{ status int }

func (e *goneError) Error() string { return "whatsapp: media answered HTTP " + strconv.Itoa(e.status) }

func (a *Account) open(ctx context.Context, at lookedUp, m channels.Media) (io.ReadCloser, channels.MediaInfo, error) {
	if !a.mediaHost(at.URL) {
		return nil, channels.MediaInfo{}, errMediaHost
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL, nil)
	if err != nil {
		return nil, channels.MediaInfo{}, errMediaHost
	}
	req.Header.Set("Authorization", "Bearer "+a.graph.token)
	req.Header.Set("User-Agent", "Linktor") // some of Meta's hosts refuse clients without one
	resp, err := a.graph.client.Do(req)
	if err != nil {
		return nil, channels.MediaInfo{}, transportError(err, true)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, channels.MediaInfo{}, &goneError{resp.StatusCode}
	}
	info := channels.MediaInfo{
		MimeType: resp.Header.Get("Content-Type"), Size: resp.ContentLength,
		Filename: m.Filename, SHA256: at.SHA256,
	}
	if at.MimeType != "" {
		info.MimeType = at.MimeType
	}
	if n, err := at.Size.Int64(); err == nil && info.Size < 0 {
		info.Size = n
	}
	digest := m.SHA256
	if digest == "" {
		digest = at.SHA256
	}
	return verified(resp.Body, digest), info, nil
}

// mediaHost reports whether the token may go to address.
func (a *Account) mediaHost(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	if u.Host == a.graph.host {
		return u.Scheme == "https" || loopback(u.Hostname())
	}
	for _, h := range mediaHosts {
		if u.Scheme == "https" && (u.Hostname() == h || strings.HasSuffix(u.Hostname(), "."+h)) {
			return true
		}
	}
	return false
}
