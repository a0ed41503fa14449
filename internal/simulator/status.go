package simulator

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// sent is an accepted message: what is needed to report on it.
type sent struct {
	line     *line
	person   *Persona
	id       string // wamid
	kind     string // message type
	ref      string // biz_opaque_callback_data or refId
	group    string // group id; empty for a person
	category string // of the template, lower case; "service" without one
	at       time.Time

	// LINK
	linkID string
	index  int
	silent bool // no gate of ours was named: no status is reported
	params map[string]string
}

// follow reports plan[0:] one after the other: the next step waits for its time
// and for the first attempt of the step before, so that a slow server does not
// see statuses out of order by accident.
func (s *Simulator) follow(m *sent, plan []step) {
	if len(plan) == 0 {
		return
	}
	s.sched.at(m.at.Add(plan[0].after), func(ctx context.Context) {
		if !plan[0].once || !s.isRead(m) {
			s.report(ctx, m, plan[0])
		}
		s.follow(m, plan[1:])
	})
}

// launch begins the life of an accepted message. Steps of the mode "before"
// are reported now, which delays the answer to the send.
func (s *Simulator) launch(ctx context.Context, m *sent, sp spell) {
	b := s.Behaviour()
	if s.opt.Quiet || !b.Automatic && sp.fail == 0 {
		return
	}
	fail, result := sp.fail, 0
	if m.line.kind == KindLink && (fail/1000 == 112 || fail == 12409) {
		fail, result = 0, fail
	}
	plan := b.plan(sp.mode, fail, result, m.person.Kind)
	early := sp.mode == StatusesBefore || sp.mode == "" && b.Statuses == StatusesBefore
	for early && len(plan) > 0 && plan[0].after == 0 {
		s.report(ctx, m, plan[0])
		plan = plan[1:]
	}
	s.follow(m, plan)
}

// report sets the tick on the customer's phone and posts the webhook.
func (s *Simulator) report(ctx context.Context, m *sent, st step) {
	s.mark(m.line, m.address(), m.id, st.status, st.code)
	if m.line.kind == KindWhatsApp {
		s.post(ctx, m.line, s.statusBody(m, st))
		return
	}
	for _, code := range linkResults(st) {
		if !m.silent {
			s.post(ctx, m.line, s.dlrBody(m, st, code))
		}
	}
}

// isRead reports whether the customer has opened the message already.
func (s *Simulator) isRead(m *sent) bool {
	m.line.mu.Lock()
	defer m.line.mu.Unlock()
	bubble := m.line.message(m.address(), m.id)
	return bubble != nil && bubble.Status == "read"
}

func (m *sent) address() string {
	if m.group != "" {
		return m.group
	}
	return m.person.address()
}

type (
	waEnvelope struct {
		Object string    `json:"object"`
		Entry  []waEntry `json:"entry"`
	}
	waEntry struct {
		ID      string     `json:"id"`
		Time    int64      `json:"time,omitempty"`
		Changes []waChange `json:"changes"`
	}
	waChange struct {
		Value any    `json:"value"`
		Field string `json:"field"`
	}
	waMetadata struct {
		DisplayPhoneNumber string `json:"display_phone_number"`
		PhoneNumberID      string `json:"phone_number_id"`
	}
	waContact struct {
		Profile *waProfile `json:"profile,omitempty"`
		WaID    string     `json:"wa_id,omitempty"`
		UserID  string     `json:"user_id,omitempty"`
	}
	waProfile struct {
		Name     string `json:"name"`
		Username string `json:"username,omitempty"`
	}
	waValue struct {
		MessagingProduct string      `json:"messaging_product"`
		Metadata         waMetadata  `json:"metadata"`
		Contacts         []waContact `json:"contacts,omitempty"`
		Messages         []any       `json:"messages,omitempty"`
		MessageEchoes    []any       `json:"message_echoes,omitempty"`
		Statuses         []waStatus  `json:"statuses,omitempty"`
	}
	waStatus struct {
		ID              string     `json:"id"`
		Status          string     `json:"status"`
		Timestamp       string     `json:"timestamp"`
		RecipientID     string     `json:"recipient_id,omitempty"`
		RecipientType   string     `json:"recipient_type,omitempty"`
		RecipientUserID string     `json:"recipient_user_id,omitempty"`
		Callback        string     `json:"biz_opaque_callback_data,omitempty"`
		Pricing         *waPricing `json:"pricing,omitempty"`
		Errors          []waError  `json:"errors,omitempty"`
	}
	waPricing struct {
		Billable bool   `json:"billable"`
		Model    string `json:"pricing_model"`
		Type     string `json:"type"`
		Category string `json:"category"`
	}
	waError struct {
		Code      int    `json:"code"`
		Title     string `json:"title"`
		Message   string `json:"message"`
		ErrorData struct {
			Details string `json:"details"`
		} `json:"error_data"`
		Href string `json:"href"`
	}
)

// envelope wraps the value of one change of field.
func (l *line) envelope(field string, at time.Time, value any) waEnvelope {
	e := waEntry{ID: l.wa.WABAID, Changes: []waChange{{Value: value, Field: field}}}
	if _, messages := value.(waValue); !messages {
		e.Time = at.Unix() // account and template fields carry it, messages do not
	}
	return waEnvelope{Object: "whatsapp_business_account", Entry: []waEntry{e}}
}

func (l *line) metadata() waMetadata {
	return waMetadata{DisplayPhoneNumber: l.phone, PhoneNumberID: l.wa.PhoneNumberID}
}

func webhookError(code int) waError {
	title := metaErrorOf(code).title
	e := waError{Code: code, Title: title, Message: title, Href: "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"}
	e.ErrorData.Details = fmt.Sprintf("Simulated error %d: %s.", code, title)
	return e
}

// statusBody is a status webhook. contacts come with every status but failed;
// pricing with sent and delivered.
func (s *Simulator) statusBody(m *sent, st step) []byte {
	now := s.opt.Now()
	status := waStatus{
		ID: m.id, Status: st.status, Timestamp: strconv.FormatInt(now.Unix(), 10),
		RecipientID: m.person.Phone, RecipientUserID: m.person.UserID, Callback: m.ref,
	}
	v := waValue{MessagingProduct: "whatsapp", Metadata: m.line.metadata()}
	switch {
	case m.group != "":
		status.RecipientID, status.RecipientType, status.RecipientUserID = m.group, "group", ""
	case st.status == "failed":
		if m.person.Phone != "" {
			status.RecipientUserID = ""
		}
	default:
		v.Contacts = []waContact{m.person.contact()}
	}
	switch st.status {
	case "failed":
		status.Errors = []waError{webhookError(st.code)}
	case "sent", "delivered":
		if m.kind != "reaction" {
			status.Pricing = m.pricing()
		}
	}
	v.Statuses = []waStatus{status}
	return metaJSON(m.line.envelope("messages", now, v))
}

func (m *sent) pricing() *waPricing {
	p := &waPricing{Billable: true, Model: "PMP", Type: "regular", Category: m.category}
	if m.category == "service" {
		p.Billable, p.Type = false, "free_customer_service"
	}
	return p
}

func (p *Persona) contact() waContact {
	return waContact{Profile: &waProfile{Name: p.Name, Username: p.Username}, WaID: p.Phone, UserID: p.UserID}
}
