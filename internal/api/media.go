package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/media"
)

func (s *Server) registerMedia() {
	op := huma.Operation{OperationID: "get-media", Method: http.MethodGet, Path: "/api/v1/media/{id}",
		Summary: "Get a file's data and an address for its bytes", Tags: []string{"Media"}}
	route(s, op, need(account.ViewMessages, account.ManageMedia), s.getMedia)
	s.raw(http.MethodPost, "/api/v1/media", need(account.ManageMedia, account.SendMedia), s.uploadMedia)
	s.describeUpload()
	s.page("/media/{id}", s.serveMedia) // the address is signed
}

type mediaBody struct {
	ID        string      `json:"id"`
	State     media.State `json:"state" enum:"pending,ready,failed"`
	MimeType  string      `json:"mimeType"`
	Filename  string      `json:"filename"`
	Size      int64       `json:"size" doc:"Bytes."`
	SHA256    string      `json:"sha256,omitempty" doc:"In hex."`
	URL       string      `json:"url,omitempty" doc:"Works for an hour, without a credential."`
	MessageID string      `json:"messageId,omitempty" doc:"The inbound message that it came with."`
	Error     string      `json:"error,omitempty" doc:"Why it could not be fetched."`
	CreatedAt string      `json:"createdAt" format:"date-time"`
}

func (s *Server) renderMedia(m media.Media) mediaBody {
	b := mediaBody{ID: m.ID, State: m.State, MimeType: m.MimeType, Filename: m.Filename, Size: m.Size, SHA256: m.SHA256,
		MessageID: m.MessageID, Error: m.Error, CreatedAt: rfc3339(m.CreatedAt)}
	if m.State == media.Ready {
		b.URL = s.Media.SignedURL(m.ID, mediaTTL)
	}
	return b
}

type mediaPath struct {
	ID string `path:"id" maxLength:"100"`
}

type mediaOutput struct{ Body mediaBody }

// getMedia serves GET /api/v1/media/{id}.
func (s *Server) getMedia(ctx context.Context, in *mediaPath) (*mediaOutput, error) {
	p := principal(ctx)
	m, err := s.Media.Get(ctx, p.TenantID, in.ID)
	if err == nil && m.ChannelID != "" && !p.CanChannel(m.ChannelID) {
		err = fault.Missing("media")
	}
	if err != nil {
		return nil, err
	}
	return &mediaOutput{s.renderMedia(m)}, nil
}

// serveMedia serves GET and HEAD /media/{id}?exp&sig. Files come from strangers: they are
// attachments, of a type that the browser may not guess at, in a sandbox.
func (s *Server) serveMedia(c *fiber.Ctx) error {
	mediaID := c.Params("id")
	if !s.Media.CheckURL(mediaID, c.Query("exp"), c.Query("sig")) {
		return fault.New(fault.Forbidden, "address_expired", "The address has expired or was changed. Ask for a new one.")
	}
	f, err := s.Media.Find(c.UserContext(), mediaID)
	if err != nil {
		return err
	}
	if c.Get(fiber.HeaderIfNoneMatch) == `"`+f.SHA256+`"` {
		describeFile(c, f)
		return c.SendStatus(fiber.StatusNotModified)
	}
	if c.Method() == fiber.MethodHead { // a range means nothing to it: RFC 9110, section 14.2
		describeFile(c, f)
		c.Response().Header.SetContentLength(int(f.Size))
		return nil
	}
	from, size, partial, err := byteRange(c.Get(fiber.HeaderRange), f.Size)
	if err != nil {
		c.Set(fiber.HeaderContentRange, "bytes */"+strconv.FormatInt(f.Size, 10))
		return err
	}
	body, err := openStream(c.UserContext(), f, from, size)
	if errors.Is(err, media.ErrNoBlob) {
		return fault.Missing("media")
	}
	if err != nil {
		return err
	}
	describeFile(c, f)
	if partial {
		c.Status(fiber.StatusPartialContent)
		c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes %d-%d/%d", from, from+size-1, f.Size))
	}
	return c.SendStream(body, int(size)) // closes body
}

// describeFile sets the headers of a file. They are not for errors, which must not be
// cached.
func describeFile(c *fiber.Ctx, f *media.File) {
	c.Set(fiber.HeaderContentType, f.MimeType)
	c.Set(fiber.HeaderContentDisposition, disposition(f.Filename))
	c.Set(fiber.HeaderContentSecurityPolicy, "sandbox; default-src 'none'")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	c.Set(fiber.HeaderCacheControl, "private, max-age=3600, immutable")
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	c.Set(fiber.HeaderETag, `"`+f.SHA256+`"`)
}

// downloadTimeout bounds the time in which a file is read from where it is kept:
// 100 MB for a slow client at 200 kB/s.
const downloadTimeout = 10 * time.Minute

// stream is a file that is read after the handler has returned.
type stream struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (s stream) Close() error {
	defer s.cancel()
	return s.ReadCloser.Close()
}

// openStream opens the file within the request's deadline ctx; the stream outlives
// the handler, and with it that deadline.
func openStream(ctx context.Context, f *media.File, from, size int64) (io.ReadCloser, error) {
	long, cancel := context.WithTimeout(context.WithoutCancel(ctx), downloadTimeout)
	open := context.AfterFunc(ctx, cancel)
	body, err := f.Open(long, from, size)
	if err != nil {
		cancel()
		return nil, err
	}
	open() // a deadline that has just passed ends the stream at its first read
	return stream{body, cancel}, nil
}

func disposition(filename string) string {
	if filename == "" {
		return "attachment"
	}
	ascii := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, filename)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + url.PathEscape(filename)
}

// byteRange reads a Range header with one range; several, or another unit, are
// answered with the whole, as RFC 9110 section 14.2 allows.
func byteRange(header string, total int64) (from, size int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return 0, total, false, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return 0, total, false, nil
	}
	unsatisfiable := newProblem(http.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable", "The file is shorter than that.")
	if first == "" { // the last n bytes
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n <= 0 {
			return 0, 0, false, unsatisfiable
		}
		n = min(n, total)
		return total - n, n, true, nil
	}
	from, err = strconv.ParseInt(first, 10, 64)
	if err != nil || from < 0 || from >= total {
		return 0, 0, false, unsatisfiable
	}
	to := total - 1
	if last != "" {
		if to, err = strconv.ParseInt(last, 10, 64); err != nil || to < from {
			return 0, total, false, nil //nolint:nilerr // a range that means nothing is ignored
		}
	}
	return from, min(to, total-1) - from + 1, true, nil
}
