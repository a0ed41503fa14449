package simulator

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// graphVersion is the first part of a path, e.g. v24.0.
var graphVersion = regexp.MustCompile(`^v\d{1,2}\.\d$`)

// maxGraphBody bounds a JSON request; media uploads have their own limit.
const maxGraphBody = 1 << 20

// serveGraph is the fake Graph API.
func (s *Simulator) serveGraph(w http.ResponseWriter, r *http.Request) {
	if !s.pause(r.Context()) {
		return
	}
	if s.Behaviour().Outage {
		http.Error(w, "upstream connect error", http.StatusServiceUnavailable)
		return
	}
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/graph"), "/"), "/")
	if parts[0] == "attachments" && len(parts) == 2 {
		s.download(w, r, parts[1])
		return
	}
	if len(parts) < 2 || !graphVersion.MatchString(parts[0]) {
		s.graphError(w, &graphFault{code: 2500, message: "Unknown path components: " + r.URL.Path})
		return
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		s.graphError(w, &graphFault{code: 104, message: "An access token is required to request this resource."})
		return
	}
	mine := s.owned(token)
	if len(mine) == 0 {
		s.graphError(w, &graphFault{code: 190, message: "Error validating access token: the session is invalid."})
		return
	}
	edge := ""
	if len(parts) > 2 {
		edge = strings.Join(parts[2:], "/")
	}
	s.graphNode(w, r, mine, parts[1], edge)
}

// owned returns the numbers that a token may use.
func (s *Simulator) owned(token string) []*line {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var mine []*line
	for _, l := range s.lines {
		if l.kind == KindWhatsApp && l.wa.AccessToken != "" && subtle.ConstantTimeCompare([]byte(l.wa.AccessToken), []byte(token)) == 1 {
			mine = append(mine, l)
		}
	}
	return mine
}

// graphNode finds what node is, a number, a WABA, a template or a medium, among
// the things the token may see.
func (s *Simulator) graphNode(w http.ResponseWriter, r *http.Request, mine []*line, node, edge string) {
	for _, l := range mine {
		if l.wa.PhoneNumberID == node {
			s.graphNumber(w, r, l, edge)
			return
		}
	}
	for _, l := range mine {
		if l.wa.WABAID == node {
			s.graphWABA(w, r, l, mine, edge)
			return
		}
	}
	for _, l := range mine {
		if t := l.shelf.byID(node); t.ID != "" && edge == "" {
			s.graphTemplate(w, r, l, node)
			return
		}
		if f, ok := s.media.get(node); ok && f.line == l.id && edge == "" {
			s.graphMedium(w, r, l, f)
			return
		}
	}
	verb := strings.ToLower(r.Method)
	s.graphError(w, &graphFault{code: 100, sub: 33, message: "Unsupported " + verb + " request. Object with ID '" + node +
		"' does not exist, cannot be loaded due to missing permissions, or does not support this operation."})
}

func (s *Simulator) graphNumber(w http.ResponseWriter, r *http.Request, l *line, edge string) {
	switch r.Method + " " + edge {
	case "POST messages", "POST marketing_messages":
		s.graphSend(w, r, l)
	case "POST media":
		s.graphUpload(w, r, l)
	case "GET ":
		writeJSON(w, http.StatusOK, l.describe())
	case "POST register", "POST deregister", "POST request_code", "POST verify_code", "POST ", "POST whatsapp_business_profile":
		s.graphAccept(w, r)
	case "GET whatsapp_business_profile":
		writeJSON(w, http.StatusOK, map[string]any{"data": []any{map[string]any{
			"messaging_product": "whatsapp", "about": "A simulated business", "vertical": "RETAIL", "websites": []string{},
		}}})
	default:
		s.unknownEdge(w, edge)
	}
}

func (s *Simulator) graphWABA(w http.ResponseWriter, r *http.Request, l *line, mine []*line, edge string) {
	switch r.Method + " " + edge {
	case "GET ":
		writeJSON(w, http.StatusOK, map[string]any{"id": l.wa.WABAID, "name": l.name, "currency": "EUR", "account_review_status": "APPROVED"})
	case "GET phone_numbers":
		var data []any
		for _, n := range mine {
			if n.wa.WABAID == l.wa.WABAID {
				data = append(data, n.describe())
			}
		}
		writeJSON(w, http.StatusOK, map[string]any{"data": data})
	case "POST subscribed_apps", "DELETE subscribed_apps":
		s.graphAccept(w, r)
	case "GET subscribed_apps":
		writeJSON(w, http.StatusOK, map[string]any{"data": []any{map[string]any{"whatsapp_business_api_data": map[string]any{
			"id": stableID("app", l.wa.WABAID), "link": "https://www.facebook.com/games/?app_id=0", "name": "Simulated app",
		}}}})
	case "GET message_templates":
		s.listTemplates(w, r, l)
	case "POST message_templates":
		s.createTemplate(w, r, l)
	case "DELETE message_templates":
		s.deleteTemplate(w, r, l)
	default:
		s.unknownEdge(w, edge)
	}
}

// graphAccept answers a call whose effect the simulator does not model.
func (s *Simulator) graphAccept(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxGraphBody)) // nothing depends on it
	writeJSON(w, http.StatusOK, map[string]bool{"success": true})
}

func (s *Simulator) unknownEdge(w http.ResponseWriter, edge string) {
	s.graphError(w, &graphFault{code: 2500, message: "Unknown path components: /" + edge})
}

// describe is the phone number node. All fields are returned whatever was asked
// for.
func (l *line) describe() map[string]any {
	return map[string]any{
		"id": l.wa.PhoneNumberID, "display_phone_number": "+" + l.phone, "verified_name": l.name,
		"quality_rating": "GREEN", "status": "CONNECTED", "name_status": "APPROVED", "code_verification_status": "VERIFIED",
		"platform_type": "CLOUD_API", "account_mode": "SANDBOX", "throughput": map[string]string{"level": "STANDARD"},
		"messaging_limit_tier": "TIER_2K", "whatsapp_business_manager_messaging_limit": "TIER_2K", "is_official_business_account": false,
		"webhook_configuration": map[string]string{"application": l.wa.WebhookURL},
	}
}

// graphError writes the Graph API's error body. Source: Meta, Graph API "Handle
// errors" and Cloud API "Error codes".
func (s *Simulator) graphError(w http.ResponseWriter, f *graphFault) {
	s.count.refused.Add(1)
	c := metaErrorOf(f.code)
	message := f.message
	if message == "" {
		message = c.title
	}
	e := map[string]any{
		"message": "(#" + strconv.Itoa(f.code) + ") " + message, "type": "OAuthException", "code": f.code,
		"fbtrace_id": "A" + linkMessageID(),
	}
	if f.sub != 0 {
		e["error_subcode"] = f.sub
	}
	if f.details != "" {
		e["error_data"] = map[string]string{"messaging_product": "whatsapp", "details": f.details}
	}
	if transient(f.code) {
		e["is_transient"] = true
	}
	status := c.http
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
		status = http.StatusTooManyRequests
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`OAuth "Facebook Platform" "invalid_token" %q`, message))
	}
	writeJSON(w, status, map[string]any{"error": e})
}

// pause applies the configured latency. It reports false if the caller left.
func (s *Simulator) pause(ctx context.Context) bool {
	d := ms(s.Behaviour().LatencyMS)
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
