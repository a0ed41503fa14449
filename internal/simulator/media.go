package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Lifetimes. Source: Meta, Cloud API "Media"; LINK's sample URL lives 14 days.
const (
	uploadedFor  = 30 * 24 * time.Hour
	inboundFor   = 7 * 24 * time.Hour
	urlFor       = 5 * time.Minute
	linkMediaFor = 14 * 24 * time.Hour
	maxUpload    = 100 << 20
)

// mediaLimits are Meta's sizes by kind of MIME type; everything else is a
// document of up to 100 MB.
var mediaLimits = []struct {
	prefix string
	bytes  int
}{{"audio/", 16 << 20}, {"video/", 16 << 20}, {"image/webp", 500 << 10}, {"image/", 5 << 20}}

// file is a medium that either side uploaded.
type file struct {
	id, line, mime, name string
	data                 []byte
	expires              time.Time
	sum                  [32]byte
	token                string // in LINK's URLs, which need no header
}

func (f *file) base64() string { return base64.StdEncoding.EncodeToString(f.sum[:]) }

// mediaStore keeps media in memory; the oldest go when it is full.
type mediaStore struct {
	limit int64

	mu    sync.RWMutex
	files map[string]*file
	order []string
	size  int64
}

func newMediaStore(limit int64) *mediaStore {
	return &mediaStore{limit: limit, files: map[string]*file{}}
}

func (m *mediaStore) add(f *file) {
	f.id, f.sum, f.token = randomDigits(16), sha256.Sum256(f.data), linkMessageID()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[f.id] = f
	m.order = append(m.order, f.id)
	m.size += int64(len(f.data))
	for m.size > m.limit && len(m.order) > 1 {
		m.drop(m.order[0])
	}
}

// drop forgets a file; m.mu is held.
func (m *mediaStore) drop(id string) {
	if f := m.files[id]; f != nil {
		m.size -= int64(len(f.data))
		delete(m.files, id)
	}
	for i := range m.order {
		if m.order[i] == id {
			m.order = append(m.order[:i:i], m.order[i+1:]...)
			return
		}
	}
}

func (m *mediaStore) get(id string) (*file, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f, ok := m.files[id]
	return f, ok
}

// graphUpload serves POST /{number}/media.
func (s *Simulator) graphUpload(w http.ResponseWriter, r *http.Request, l *line) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload+1<<20)
	parts, err := r.MultipartReader()
	if err != nil {
		s.graphError(w, missing("file"))
		return
	}
	f := &file{line: l.id, expires: s.opt.Now().Add(uploadedFor)}
	product := ""
	for {
		p, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // NextPart returns it bare
			break
		}
		if err != nil {
			s.graphError(w, invalid("The multipart body could not be read."))
			return
		}
		value, err := io.ReadAll(p)
		if err != nil {
			s.graphError(w, invalid("The multipart body could not be read."))
			return
		}
		switch p.FormName() {
		case "messaging_product":
			product = string(value)
		case "type":
			f.mime = string(value)
		case "file":
			f.data, f.name = value, p.FileName()
			if f.mime == "" {
				f.mime = p.Header.Get("Content-Type")
			}
		}
	}
	if fault := checkUpload(f, product); fault != nil {
		s.graphError(w, fault)
		return
	}
	s.media.add(f)
	s.count.media.Add(1)
	writeJSON(w, http.StatusOK, map[string]string{"id": f.id})
}

func checkUpload(f *file, product string) *graphFault {
	switch {
	case product != "whatsapp":
		return missing("messaging_product")
	case len(f.data) == 0:
		return missing("file")
	case f.mime == "" || !strings.Contains(f.mime, "/"):
		return missing("type")
	}
	limit := maxUpload
	for _, m := range mediaLimits {
		if strings.HasPrefix(f.mime, m.prefix) {
			limit = m.bytes
			break
		}
	}
	if len(f.data) > limit {
		return refuse(131053, "Media file size too big. Max file size: "+strconv.Itoa(limit)+" bytes.")
	}
	return nil
}

// graphMedium serves GET and DELETE /{media}.
func (s *Simulator) graphMedium(w http.ResponseWriter, r *http.Request, l *line, f *file) {
	now := s.opt.Now()
	if number := r.URL.Query().Get("phone_number_id"); now.After(f.expires) || number != "" && number != l.id {
		s.graphError(w, &graphFault{code: 100, sub: 33, message: "Unsupported get request. Object with ID '" + f.id + "' does not exist or has expired."})
		return
	}
	if r.Method == http.MethodDelete {
		s.media.mu.Lock()
		s.media.drop(f.id)
		s.media.mu.Unlock()
		writeJSON(w, http.StatusOK, map[string]bool{"success": true})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"messaging_product": "whatsapp", "id": f.id, "url": s.graphURL(f), "mime_type": f.mime,
		"sha256": hex.EncodeToString(f.sum[:]), "file_size": len(f.data),
	})
}

// graphURL is a download address: valid 5 minutes, needs the bearer token.
func (s *Simulator) graphURL(f *file) string {
	return s.opt.BaseURL + "/graph/attachments/" + f.id + "?ext=" + strconv.FormatInt(s.opt.Now().Add(urlFor).Unix(), 10)
}

// linkURL is a download address as LINK gives them: no credentials, valid 14 days.
func (s *Simulator) linkURL(f *file) string {
	return s.opt.BaseURL + "/link/wamedia/" + f.id + "?se=" + strconv.FormatInt(s.opt.Now().Add(linkMediaFor).Unix(), 10) + "&sig=" + f.token
}

// download serves the bytes of a Graph media URL; an expired or foreign one is a
// 404.
func (s *Simulator) download(w http.ResponseWriter, r *http.Request, id string) {
	f, ok := s.media.get(id)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	allowed := false
	for _, l := range s.owned(token) {
		allowed = allowed || ok && l.id == f.line
	}
	if !ok || !allowed || s.expired(r.URL.Query().Get("ext")) {
		http.NotFound(w, r)
		return
	}
	f.serve(w)
}

func (s *Simulator) expired(unix string) bool {
	t, err := strconv.ParseInt(unix, 10, 64)
	return err != nil || s.opt.Now().Unix() > t
}

func (f *file) serve(w http.ResponseWriter) {
	w.Header().Set("Content-Type", f.mime)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.data)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(f.data) // a caller that left is no fault of ours
}
