package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/media"
)

// uploadTimeout bounds an upload: 100 MB at a slow 200 kB/s.
const uploadTimeout = 10 * time.Minute

// uploadMedia serves POST /api/v1/media: multipart/form-data with one part named
// file. The part is streamed to the store, never held in memory.
func (s *Server) uploadMedia(c *fiber.Ctx) error {
	form, err := multipartReader(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.UserContext()), uploadTimeout)
	defer cancel()
	if err := c.Context().Conn().SetReadDeadline(time.Now().Add(uploadTimeout)); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	part, err := filePart(form)
	if err != nil {
		return err
	}
	tenant := principal(c.UserContext()).TenantID
	m, again, err := s.uploadOnce(ctx, tenant, c.Get("Idempotency-Key"), part)
	if err != nil {
		return err
	}
	if again {
		c.Set("Idempotent-Replayed", "true")
	}
	c.Location("/api/v1/media/" + m.ID)
	return c.Status(fiber.StatusCreated).JSON(s.renderMedia(m))
}

func filePart(form *multipart.Reader) (*multipart.Part, error) {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, fault.Field("/file", "required", "The form has no part named file.")
		}
		if err != nil {
			return nil, fault.New(fault.Malformed, "malformed", "The form is not valid multipart/form-data.")
		}
		if part.FormName() == "file" {
			return part, nil
		}
	}
}

// uploadOnce stores the file, or finds the one that was uploaded with the same key.
// What an upload holds is known only when it has arrived, so that the key is claimed
// for the route, and the bytes are compared with those of the first.
func (s *Server) uploadOnce(ctx context.Context, tenant, key string, part *multipart.Part) (m media.Media, again bool, err error) {
	create := func() (media.Media, error) {
		return s.Media.Create(ctx, tenant, media.Upload{
			Filename: part.FileName(), MimeType: part.Header.Get(fiber.HeaderContentType), Body: part,
		})
	}
	if key == "" {
		m, err = create()
		return m, false, err
	}
	if err := checkIdempotencyKey(key); err != nil {
		return m, false, err
	}
	k := claim{tenant: tenant, key: key, print: "POST /api/v1/media"}
	old, err := s.claimKey(ctx, &k, 2*uploadTimeout)
	if err != nil {
		return m, false, err
	}
	if old != nil {
		m, err = s.uploadedBefore(ctx, k, old, part)
		return m, true, err
	}
	if m, err = create(); err != nil {
		return m, false, errors.Join(err, s.forgetKey(ctx, k))
	}
	if err := s.keepAnswer(ctx, k, http.StatusCreated, kept{"text/plain", []byte(m.ID)}); err != nil {
		s.Log.WarnContext(ctx, "idempotency key not released", "err", err) // the file is there
	}
	return m, false, nil
}

// uploadedBefore returns the file that the first request with the key made, if this
// one brings the same bytes.
func (s *Server) uploadedBefore(ctx context.Context, k claim, old *keptAnswer, part *multipart.Part) (m media.Media, err error) {
	first, err := s.openAnswer(k, old)
	if err != nil {
		return m, err
	}
	m, err = s.Media.Get(ctx, k.tenant, string(first.Body))
	if fault.KindOf(err) == fault.NotFound {
		return m, fault.New(fault.Invalid, "idempotency_mismatch", "The file that was uploaded with this Idempotency-Key is deleted. Use a new key.")
	}
	if err != nil {
		return m, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(part, m.Size+1))
	if err != nil {
		return m, fault.New(fault.Malformed, "body_incomplete", "The body ended before its length was reached.")
	}
	if n != m.Size || hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return m, fault.New(fault.Invalid, "idempotency_mismatch", "This Idempotency-Key was used for another file. Use a new one.")
	}
	return m, nil
}

func multipartReader(c *fiber.Ctx) (*multipart.Reader, error) {
	typ, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || typ != fiber.MIMEMultipartForm || params["boundary"] == "" {
		return nil, newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Send the file as multipart/form-data, in a part named file.")
	}
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return nil, fault.Field("/file", "required", "The form has no part named file.")
	}
	return multipart.NewReader(stream, params["boundary"]), nil
}

func (s *Server) describeUpload() {
	created := &huma.Response{Description: "Created", Content: map[string]*huma.MediaType{
		"application/json": {Schema: huma.SchemaFromType(s.huma.OpenAPI().Components.Schemas, reflect.TypeFor[mediaBody]())}}}
	op := &huma.Operation{
		OperationID: "upload-media", Method: http.MethodPost, Path: "/api/v1/media", Summary: "Upload a file", Tags: []string{"Media"},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{"file"},
			Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary"}},
		}}}},
		Responses: map[string]*huma.Response{"201": created},
	}
	s.describe(op, need(account.ManageMedia, account.SendMedia))
	s.huma.OpenAPI().AddOperation(op)
}
