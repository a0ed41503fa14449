package simulator

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// LINK's result codes. Source: LINK Mobility, WhatsApp Message API 1.4.19,
// "Result codes".
const (
	linkQueued       = 112001
	linkSentToWA     = 112002
	linkDelivered    = 112003
	linkSentByWA     = 112006
	linkRead         = 112007
	linkDeleted      = 112008
	linkUnauthorized = 112400
	linkNoAccess     = 112401
	linkBadRequest   = 112402
	linkNotDelivered = 112403
	linkServerError  = 112500
)

// serveLink is the fake LINK.
func (s *Simulator) serveLink(w http.ResponseWriter, r *http.Request) {
	if !s.pause(r.Context()) {
		return
	}
	if s.Behaviour().Outage {
		s.linkError(w, http.StatusInternalServerError, linkServerError, "Server error")
		return
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.EscapedPath(), "/link"), "/")
	if id, ok := strings.CutPrefix(path, "wamedia/"); ok {
		s.linkDownload(w, r, id)
		return
	}
	mine := s.linkAccounts(r)
	if len(mine) == 0 {
		s.linkError(w, http.StatusUnauthorized, linkUnauthorized, "Unauthorized")
		return
	}
	switch {
	case path == "messages" && r.Method == http.MethodPost:
		s.linkSend(w, r, mine)
	case path == "media" && r.Method == http.MethodPost:
		s.linkUpload(w, r, mine)
	case path == "mo/status" && r.Method == http.MethodPost:
		s.linkReceipt(w, r, mine)
	case strings.HasPrefix(path, "platformId/"):
		s.linkTemplates(w, r, mine, strings.Split(path, "/"))
	default:
		http.NotFound(w, r)
	}
}

// linkAccounts returns the accounts that the request's credentials open.
func (s *Simulator) linkAccounts(r *http.Request) []*line {
	user, pass, ok := r.BasicAuth()
	if !ok {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var mine []*line
	for _, l := range s.lines {
		if l.kind != KindLink || l.link.Password == "" {
			continue
		}
		u := subtle.ConstantTimeCompare([]byte(user), []byte(l.link.Username))
		p := subtle.ConstantTimeCompare([]byte(pass), []byte(l.link.Password))
		if u&p == 1 {
			mine = append(mine, l)
		}
	}
	return mine
}

// pick returns the account of that source whose platform ids match.
func pick(mine []*line, source, platform, partner string) *line {
	for _, l := range mine {
		if digits(source) == l.phone && platform == l.link.PlatformID && partner == l.link.PlatformPartnerID {
			return l
		}
	}
	return nil
}

func (s *Simulator) linkError(w http.ResponseWriter, status, code int, description string) {
	s.count.refused.Add(1)
	writeJSON(w, status, object{"resultCode": code, "description": description, "translatedDescription": nil})
}

// linkRequest is LINK's MessageRequest.
type linkRequest struct {
	PlatformID   string            `json:"platformId"`
	PartnerID    string            `json:"platformPartnerId"`
	Priority     string            `json:"priority"`
	Gates        []string          `json:"eventReportGates"`
	RefID        string            `json:"refId"`
	Parameters   map[string]string `json:"customParameters"`
	Source       string            `json:"source"`
	Destinations []string          `json:"destinations"`
	Messages     []json.RawMessage `json:"messages"`
}

// linkSend serves POST /messages.
func (s *Simulator) linkSend(w http.ResponseWriter, r *http.Request, mine []*line) {
	var req linkRequest
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGraphBody))
	if err != nil || json.Unmarshal(raw, &req) != nil {
		s.linkError(w, http.StatusBadRequest, linkBadRequest, "Bad request: the body is not a MessageRequest")
		return
	}
	l := pick(mine, req.Source, req.PlatformID, req.PartnerID)
	if l == nil && req.Source != "" {
		s.linkError(w, http.StatusForbidden, linkNoAccess, "No access")
		return
	}
	if problem := req.check(); problem != "" {
		s.linkError(w, http.StatusBadRequest, linkBadRequest, "Bad request: "+problem)
		return
	}
	sp := magic(req.Destinations[0])
	if s.linkSpell(w, r, sp) {
		return
	}
	ids := make([]string, 0, len(req.Destinations))
	for _, to := range req.Destinations {
		id := linkMessageID()
		ids = append(ids, id)
		for i, message := range req.Messages {
			s.linkAccept(r.Context(), l, &req, to, id, i, message)
		}
	}
	switch sp.http {
	case 777:
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	case 200:
		_, _ = io.WriteString(w, "<html>queued, but this is no answer</html>") // deliberately broken
		return
	}
	writeJSON(w, http.StatusOK, object{"resultCode": linkQueued, "description": "queued", "messageIds": ids})
}

// linkSpell answers the magic numbers that LINK refuses at once.
func (s *Simulator) linkSpell(w http.ResponseWriter, r *http.Request, sp spell) bool {
	switch sp.refuse {
	case linkUnauthorized:
		s.linkError(w, http.StatusUnauthorized, linkUnauthorized, "Unauthorized")
		return true
	case linkNoAccess:
		s.linkError(w, http.StatusForbidden, linkNoAccess, "No access")
		return true
	case linkBadRequest:
		s.linkError(w, http.StatusBadRequest, linkBadRequest, "Bad request")
		return true
	case linkServerError:
		s.linkError(w, http.StatusInternalServerError, linkServerError, "Server error")
		return true
	}
	if sp.http == http.StatusTooManyRequests {
		s.count.refused.Add(1)
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	return s.misbehave(w, r, sp)
}

// linkAccept queues one message. What WhatsApp would refuse comes back as a
// status, as LINK answers before it asks WhatsApp.
func (s *Simulator) linkAccept(ctx context.Context, l *line, req *linkRequest, to, id string, index int, raw json.RawMessage) {
	m := &sent{
		line: l, person: s.someone(to), ref: req.RefID, at: s.opt.Now(), linkID: id, index: index,
		silent: !l.reports(req.Gates), params: req.Parameters, category: "service",
	}
	sp := magic(to)
	if sp.refuse != 0 {
		sp.fail, sp.refuse = max(sp.refuse, 1), 0
	}
	if m.person == nil {
		m.person = &Persona{ID: to, Name: to, UserID: to, Kind: KindReader}
		sp.fail = 112404
	}
	m.id = newWamid(m.person.address(), wamidOutbound)
	var parts sendRequest
	fault := parts.fromLink(raw, s, l)
	m.kind = parts.Type
	b := s.Behaviour()
	switch {
	case sp.fail != 0:
	case fault != nil:
		sp.fail = fault.code
	case b.Window && m.kind != "template" && sp == (spell{}) && !l.windowOpen(m.address(), m.at):
		sp.fail = 131047
	default:
		if f := s.allow(l, m.address(), m.kind == "template", b); f != nil {
			sp.fail = f.code
		}
	}
	s.accepted(ctx, m, sp, raw, &parts)
}

// reports reports whether one of the gates leads to our callback.
func (l *line) reports(gates []string) bool {
	if len(l.link.GateIDs) == 0 {
		return len(gates) > 0
	}
	for _, g := range gates {
		if contains(l.link.GateIDs, g) {
			return true
		}
	}
	return false
}

// linkReceipt serves POST /mo/status: a read receipt.
func (s *Simulator) linkReceipt(w http.ResponseWriter, r *http.Request, mine []*line) {
	var req struct {
		PlatformID string `json:"platformId"`
		PartnerID  string `json:"platformPartnerId"`
		Source     string `json:"source"`
		Status     string `json:"status"`
		MessageID  string `json:"message_id"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxGraphBody)).Decode(&req)
	l := pick(mine, req.Source, req.PlatformID, req.PartnerID)
	switch {
	case err != nil || req.Status != "read" || req.MessageID == "":
		s.linkError(w, http.StatusBadRequest, linkBadRequest, "Bad request")
		return
	case l == nil:
		s.linkError(w, http.StatusForbidden, linkNoAccess, "No access")
		return
	}
	if owner, m, ok := s.find(req.MessageID); ok && owner == l && m.Direction == "in" {
		s.markReadUpTo(l, m)
	}
	writeJSON(w, http.StatusOK, object{"resultCode": linkQueued, "description": "queued"})
}

// linkDownload serves the bytes of an incoming medium to whoever has the URL.
func (s *Simulator) linkDownload(w http.ResponseWriter, r *http.Request, id string) {
	f, ok := s.media.get(id)
	q := r.URL.Query()
	if !ok || subtle.ConstantTimeCompare([]byte(q.Get("sig")), []byte(f.token)) != 1 || s.expired(q.Get("se")) {
		http.NotFound(w, r)
		return
	}
	f.serve(w)
}
