package simulator

import (
	"cmp"
	"net/http"
	"net/url"
)

// linkTemplates serves
// platformId/{p}/platformPartnerId/{pp}/source/{s}/templates[/{id}[/{name}]]:
// PUT creates, POST updates, GET reads, DELETE deletes. Answers are Meta's, which
// LINK's document does not say.
func (s *Simulator) linkTemplates(w http.ResponseWriter, r *http.Request, mine []*line, parts []string) {
	for i := range parts {
		if p, err := url.PathUnescape(parts[i]); err == nil {
			parts[i] = p
		}
	}
	if len(parts) < 7 || parts[2] != "platformPartnerId" || parts[4] != "source" || parts[6] != "templates" {
		http.NotFound(w, r)
		return
	}
	l := pick(mine, parts[5], parts[1], parts[3])
	if l == nil {
		s.linkError(w, http.StatusForbidden, linkNoAccess, "No access")
		return
	}
	id, name := "", ""
	if len(parts) > 7 {
		id = parts[7]
	}
	if len(parts) > 8 {
		name = parts[8]
	}
	switch {
	case r.Method == http.MethodPut && id == "":
		s.linkCreate(w, r, l)
	case r.Method == http.MethodPost && id != "":
		s.linkEdit(w, r, l, id)
	case r.Method == http.MethodGet && id != "":
		t := l.shelf.byID(id)
		if t.ID == "" {
			s.linkError(w, http.StatusBadRequest, linkBadRequest, "Template not found")
			return
		}
		writeJSON(w, http.StatusOK, t)
	case r.Method == http.MethodDelete && name != "":
		if l.shelf.remove(s.opt.Now(), func(t *template) bool { return t.ID == id && t.Name == name }) == 0 {
			s.linkError(w, http.StatusBadRequest, linkBadRequest, "Template not found")
			return
		}
		writeJSON(w, http.StatusOK, object{"success": true})
	default:
		http.NotFound(w, r)
	}
}

func (s *Simulator) linkCreate(w http.ResponseWriter, r *http.Request, l *line) {
	d, f := readDraft(w, r)
	if f == nil {
		var t template
		if t, f = s.addTemplate(l, d); f == nil {
			writeJSON(w, http.StatusOK, object{"id": t.ID, "status": t.Status, "category": t.Category})
			return
		}
	}
	s.linkError(w, http.StatusBadRequest, linkBadRequest, cmp.Or(f.details, f.message))
}

func (s *Simulator) linkEdit(w http.ResponseWriter, r *http.Request, l *line, id string) {
	d, f := readDraft(w, r)
	if f == nil {
		f = s.editTemplate(l, id, d)
	}
	if f != nil {
		s.linkError(w, http.StatusBadRequest, linkBadRequest, cmp.Or(f.details, f.message))
		return
	}
	writeJSON(w, http.StatusOK, object{"success": true})
}
