package simulator

import (
	"io"
	"net/http"
)

// linkUpload serves POST /media, which LINK's document does not describe but
// integrators use: a multipart form with source, platformId, platformPartnerId,
// mediaContentType and media. It answers the id.
func (s *Simulator) linkUpload(w http.ResponseWriter, r *http.Request, mine []*line) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload+1<<20)
	parts, err := r.MultipartReader()
	if err != nil {
		s.linkError(w, http.StatusBadRequest, linkBadRequest, "Bad request: a multipart form is expected")
		return
	}
	f := &file{expires: s.opt.Now().Add(uploadedFor)}
	fields := map[string]string{}
	for {
		p, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // NextPart returns it bare
			break
		}
		var value []byte
		if err == nil {
			value, err = io.ReadAll(p)
		}
		if err != nil {
			s.linkError(w, http.StatusBadRequest, linkBadRequest, "Bad request: the form could not be read")
			return
		}
		if p.FormName() == "media" {
			f.data, f.name = value, p.FileName()
			continue
		}
		fields[p.FormName()] = string(value)
	}
	l := pick(mine, fields["source"], fields["platformId"], fields["platformPartnerId"])
	if l == nil {
		s.linkError(w, http.StatusForbidden, linkNoAccess, "No access")
		return
	}
	f.line, f.mime = l.id, fields["mediaContentType"]
	if fault := checkUpload(f, "whatsapp"); fault != nil {
		s.linkError(w, http.StatusBadRequest, linkBadRequest, "Bad request: "+fault.message+fault.details)
		return
	}
	s.media.add(f)
	s.count.media.Add(1)
	writeJSON(w, http.StatusOK, object{"id": f.id})
}
