package simulator

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// templateDraft is the body of a creation or an edit.
type templateDraft struct {
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Category   string          `json:"category"`
	Format     string          `json:"parameter_format"`
	TTL        int             `json:"message_send_ttl_seconds"`
	Components json.RawMessage `json:"components"`
}

func readDraft(w http.ResponseWriter, r *http.Request) (templateDraft, *graphFault) {
	var d templateDraft
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGraphBody))
	if err != nil || json.Unmarshal(raw, &d) != nil {
		return d, missing("name")
	}
	d.Category, d.Format = strings.ToUpper(d.Category), strings.ToUpper(cmp.Or(d.Format, "POSITIONAL"))
	return d, nil
}

// managed refuses template calls while the management limit is simulated.
func (s *Simulator) managed(w http.ResponseWriter) bool {
	if !s.Behaviour().ManagementLimit {
		return true
	}
	w.Header().Set("X-Business-Use-Case-Usage", `{"0":[{"type":"whatsapp","call_count":100,"total_cputime":20,"total_time":20,"estimated_time_to_regain_access":5}]}`)
	s.graphError(w, refuse(80008, "Simulated management limit."))
	return false
}

func (s *Simulator) createTemplate(w http.ResponseWriter, r *http.Request, l *line) {
	if !s.managed(w) {
		return
	}
	d, f := readDraft(w, r)
	if f != nil {
		s.graphError(w, f)
		return
	}
	t, f := s.addTemplate(l, d)
	if f != nil {
		s.graphError(w, f)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"id": t.ID, "status": t.Status, "category": t.Category})
}

// addTemplate stores a new template as PENDING and plans its review.
func (s *Simulator) addTemplate(l *line, d templateDraft) (template, *graphFault) {
	t := &template{
		ID: stableID(l.shelfID, d.Name, d.Language, randomDigits(6)), Name: d.Name, Language: d.Language, Category: d.Category,
		Status: "PENDING", Format: d.Format, TTL: d.TTL, Components: d.Components, Quality: &qualityScore{Score: "UNKNOWN"},
	}
	if f := t.checkDefinition(); f != nil {
		return template{}, f
	}
	now := s.opt.Now()
	sh := l.shelf
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, other := range sh.templates {
		if other.Name == t.Name && other.Language == t.Language {
			return template{}, &graphFault{code: 100, sub: 2388024, details: "There is already content in this language for this template. You can create a new template and try again."}
		}
	}
	switch until, ok := sh.locked[t.Name]; {
	case ok && now.Before(until):
		return template{}, &graphFault{code: 100, sub: 2388023, details: "New content can't be added while the existing content of this name is being deleted. Try again in 30 days or use another name."}
	case len(sh.templates) >= maxTemplates:
		return template{}, &graphFault{code: 2388019, details: "The limit of templates is reached."}
	}
	sh.put(t)
	s.review(l, t.ID)
	return *t, nil
}

// review decides about a template after the configured delay: a name with
// "reject" in it is rejected, everything else approved.
func (s *Simulator) review(l *line, id string) {
	s.after(ms(s.Behaviour().ReviewMS), func(ctx context.Context) {
		sh := l.shelf
		sh.mu.Lock()
		t := sh.templates[id]
		if t == nil || t.Status != "PENDING" {
			sh.mu.Unlock()
			return
		}
		c := *t
		c.Status, c.Reason = "APPROVED", "NONE"
		if strings.Contains(c.Name, "reject") {
			c.Status, c.Reason = "REJECTED", "INCORRECT_CATEGORY"
		}
		sh.templates[id] = &c
		sh.mu.Unlock()
		s.announce(ctx, l, &c)
	})
}

// announce posts message_template_status_update. LINK has no such webhook.
func (s *Simulator) announce(ctx context.Context, l *line, t *template) {
	if l.kind != KindWhatsApp {
		return
	}
	id, _ := strconv.ParseInt(t.ID, 10, 64) // ours are decimal; the webhook carries a number
	s.post(ctx, l, metaJSON(l.envelope("message_template_status_update", s.opt.Now(), map[string]any{
		"event": t.Status, "message_template_id": id, "message_template_name": t.Name,
		"message_template_language": t.Language, "reason": cmp.Or(t.Reason, "NONE"), "message_template_category": t.Category,
	})))
}

func (s *Simulator) listTemplates(w http.ResponseWriter, r *http.Request, l *line) {
	if !s.managed(w) {
		return
	}
	q := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), "25"))
	if err != nil || limit < 1 {
		s.graphError(w, invalid("Param limit must be a positive number."))
		return
	}
	limit = min(limit, 1000)
	sh := l.shelf
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	data, more, after := []*template{}, false, ""
	past := q.Get("after") == ""
	for _, id := range sh.order {
		t := sh.templates[id]
		switch {
		case !past:
			past = id == q.Get("after")
		case !matches(t, q.Get("name"), q.Get("language"), q.Get("status"), q.Get("category")):
		case len(data) == limit:
			more = true
		default:
			data, after = append(data, t), id
		}
	}
	paging := map[string]any{"cursors": map[string]string{"before": q.Get("after"), "after": after}}
	if more {
		next := *r.URL
		nq := next.Query()
		nq.Set("after", after)
		next.RawQuery = nq.Encode()
		paging["next"] = s.opt.BaseURL + next.String()
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": data, "paging": paging})
}

func matches(t *template, name, language, status, category string) bool {
	return (name == "" || strings.Contains(t.Name, name)) && (language == "" || t.Language == language) &&
		(status == "" || strings.EqualFold(t.Status, status)) && (category == "" || strings.EqualFold(t.Category, category))
}

// graphTemplate serves GET and POST /{template}.
func (s *Simulator) graphTemplate(w http.ResponseWriter, r *http.Request, l *line, id string) {
	if !s.managed(w) {
		return
	}
	if r.Method != http.MethodPost {
		writeJSON(w, http.StatusOK, l.shelf.byID(id))
		return
	}
	d, f := readDraft(w, r)
	if f == nil {
		f = s.editTemplate(l, id, d)
	}
	if f != nil {
		s.graphError(w, f)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"success": true})
}

// editTemplate replaces the components; the template is reviewed again. An
// approved one may be edited once in 24 h and keeps its category.
func (s *Simulator) editTemplate(l *line, id string, d templateDraft) *graphFault {
	sh := l.shelf
	now := s.opt.Now()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.templates[id]
	if old == nil {
		return &graphFault{code: 100, sub: 33, message: "Unsupported post request. Object with ID '" + id + "' does not exist."}
	}
	c := *old
	switch {
	case old.Status != "APPROVED" && old.Status != "REJECTED" && old.Status != "PAUSED":
		return invalid("Only approved, rejected or paused templates can be edited.")
	case old.Status == "APPROVED" && d.Category != "" && d.Category != old.Category:
		return invalid("The category of an approved template cannot be edited.")
	case old.Status == "APPROVED" && now.Sub(old.edited) < 24*time.Hour:
		return &graphFault{code: 100, sub: 2388025, details: "An approved template can be edited once in 24 hours."}
	}
	if d.Components != nil {
		c.Components = d.Components
	}
	c.Category, c.TTL = cmp.Or(d.Category, c.Category), cmp.Or(d.TTL, c.TTL)
	if f := c.checkDefinition(); f != nil {
		return f
	}
	c.Status, c.Reason, c.edited = "PENDING", "", now
	sh.put(&c)
	s.review(l, id)
	return nil
}

func (s *Simulator) deleteTemplate(w http.ResponseWriter, r *http.Request, l *line) {
	if !s.managed(w) {
		return
	}
	q := r.URL.Query()
	name, id := q.Get("name"), q.Get("hsm_id")
	if name == "" {
		s.graphError(w, missing("name"))
		return
	}
	n := l.shelf.remove(s.opt.Now(), func(t *template) bool { return t.Name == name && (id == "" || t.ID == id) })
	if n == 0 {
		s.graphError(w, &graphFault{code: 100, sub: 2593002, details: "Message template not found."})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"success": true})
}

// SetTemplate sets a template's status by hand, e.g. PAUSED, and posts the
// webhook. number is the phone number id.
func (s *Simulator) SetTemplate(ctx context.Context, number, name, language, status string) bool {
	l := s.line(number)
	if l == nil {
		return false
	}
	t, ok := l.shelf.named(name, language)
	if !ok {
		return false
	}
	t.Status = status
	l.shelf.mu.Lock()
	l.shelf.templates[t.ID] = &t
	l.shelf.mu.Unlock()
	s.announce(ctx, l, &t)
	return true
}
