package media

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode"

	"github.com/linktor/linktor/internal/fault"
)

const octets = "application/octet-stream"

var errTooLarge = errors.New("media: too large")

// meter passes bytes on, and counts, hashes and bounds them.
type meter struct {
	r       io.Reader
	sniffed string // the type that the first bytes show
	hash    hash.Hash
	size    int64
	max     int64
	over    bool
	broken  error // why the source ended before its end
}

// sniffLen is how many bytes DetectContentType looks at.
const sniffLen = 512

func newMeter(r io.Reader, limit int64) (*meter, error) {
	b := bufio.NewReaderSize(r, 32<<10)
	head, err := b.Peek(sniffLen)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return &meter{r: b, sniffed: http.DetectContentType(head), hash: sha256.New(), max: limit}, nil
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.size += int64(n)
	if m.size > m.max {
		m.over = true
		return 0, errTooLarge
	}
	m.hash.Write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		m.broken = err
	}
	return n, err
}

func (m *meter) sum() string { return hex.EncodeToString(m.hash.Sum(nil)) }

// agree decides a file's type from what its sender and its bytes say. The bytes
// win where they are telling; the sender's word counts for the many formats that
// look like text, zip, or nothing in particular.
func agree(declared, sniffed string) (string, error) {
	typ, _, err := mime.ParseMediaType(declared)
	if err != nil {
		typ = ""
	}
	if typ = strings.ToLower(typ); typ == "image/jpg" {
		typ = "image/jpeg"
	}
	seen, _, _ := strings.Cut(sniffed, ";")
	class := func(t string) string { return t[:max(strings.IndexByte(t, '/'), 0)] }
	switch {
	case typ == "" || typ == octets:
		if seen == "text/html" || seen == "text/xml" || seen == "image/svg+xml" {
			return octets, nil // nothing that a browser runs
		}
		return seen, nil
	case typ == seen || !telling(seen):
		if class(typ) == "image" && !telling(seen) && sniffable(typ) {
			return "", mismatch()
		}
		return typ, nil
	case class(typ) == class(seen) && class(typ) != "image":
		return typ, nil
	case class(typ) == "audio" && class(seen) == "video", class(typ) == "video" && class(seen) == "audio":
		return typ, nil // one container, MP4, WebM, Ogg or 3GP, is used for both
	}
	return "", mismatch()
}

func mismatch() error {
	return fault.Field("/file", "mime_mismatch", "The file's content is not of the type that it is declared to have.")
}

// telling reports whether a sniffed type is proof of the format.
func telling(seen string) bool {
	switch seen {
	case octets, "text/plain", "text/xml", "application/zip", "application/x-gzip", "application/ogg":
		return false
	}
	return true
}

// sniffable reports whether the bytes of an image of this type are recognised.
func sniffable(typ string) bool {
	switch typ {
	case "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp":
		return true
	}
	return false
}

// cleanName makes a name safe in headers and folders: its last element, without
// control characters, at most 200 bytes.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return -1 // Cf: marks that reverse the text hide an extension
		}
		return r
	}, name)
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	for len(name) > 200 {
		ext := path.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		stem := strings.TrimSuffix(name, ext)
		name = strings.ToValidUTF8(stem[:200-len(ext)], "") + ext
	}
	return name
}
