package linktor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"
)

// StoredMedia is a file that the server keeps.
type StoredMedia struct {
	ID        string    `json:"id"`
	MimeType  string    `json:"mimeType"`
	Filename  string    `json:"filename"`
	Size      int64     `json:"size"` // bytes
	SHA256    string    `json:"sha256"`
	State     string    `json:"state"`
	URL       string    `json:"url"`       // works for a while
	MessageID string    `json:"messageId"` // the inbound message that it came with
	Error     string    `json:"error"`     // why it could not be fetched
	CreatedAt time.Time `json:"createdAt"`
}

// MediaFiles are the calls about files.
type MediaFiles struct{ t *transport }

// Upload stores a file; send it with Image(Media{MediaID: stored.ID}) and the
// like. The file is read whole, so that a retry can send it again.
func (m MediaFiles) Upload(ctx context.Context, filename, mimeType string, file io.Reader, options ...CallOption) (*StoredMedia, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", multipart.FileContentDisposition("file", filename))
	header.Set("Content-Type", mimeType)
	part, err := form.CreatePart(header)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(part, file); err != nil {
		return nil, fmt.Errorf("linktor: read %s: %w", filename, err)
	}
	if err := form.Close(); err != nil {
		return nil, err
	}
	var out StoredMedia
	c := &call{method: http.MethodPost, path: path("media"), body: body.Bytes(), contentType: form.FormDataContentType(), header: http.Header{}}
	if err := m.t.send(ctx, c, &out, options); err != nil {
		return nil, err
	}
	return &out, nil
}

// Get returns a file's description, with a fresh URL.
func (m MediaFiles) Get(ctx context.Context, id string, options ...CallOption) (*StoredMedia, error) {
	return fetch[StoredMedia](ctx, m.t, http.MethodGet, path("media", id), nil, options)
}
