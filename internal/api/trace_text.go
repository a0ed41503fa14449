package api

import (
	"encoding/json"
	"fmt"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/events"
)

// The sentences of a trace. They hold no content of messages.

func requestSummary(m conversations.Message) string {
	by := m.Author.Type
	if m.Author.ID != "" {
		by += " " + m.Author.ID
	}
	s := fmt.Sprintf("Request %s by %s was accepted.", m.RequestID, by)
	if !m.ScheduledAt.IsZero() {
		s += " It is to be sent at " + rfc3339(m.ScheduledAt) + "."
	}
	return s
}

func webhookSummary(j conversations.JournalEntry) string {
	s := "The provider delivered a webhook"
	switch j.State {
	case conversations.JournalApplied:
		s += ", which was applied"
	case conversations.JournalPartial:
		s += ", of which something could not be applied"
	case conversations.JournalFailed:
		s += ", which could not be applied"
	}
	if j.Deliveries > 1 {
		s += fmt.Sprintf("; it came %d times and counted once", j.Deliveries)
	}
	return s + "."
}

func attemptSummary(a conversations.Attempt) string {
	s := fmt.Sprintf("Attempt %d on %s", a.Attempt, a.Node)
	switch {
	case a.FinishedAt.IsZero():
		s += " has not ended"
	case a.Outcome == string(conversations.VerdictSent):
		s += " was accepted"
	default:
		s += " ended as " + a.Outcome
		if a.Code != "" {
			s += ", code " + a.Code
		}
		if a.Title != "" {
			s += ": " + a.Title
		}
	}
	if !a.FinishedAt.IsZero() {
		s += fmt.Sprintf(", after %d ms", a.FinishedAt.Sub(a.StartedAt).Milliseconds())
	}
	return s + "."
}

func statusSummary(st conversations.StatusRecord) string {
	s := fmt.Sprintf("The provider said %s", st.Provider)
	if st.Provider != st.Status {
		s += ", which means " + st.Status
	}
	if !st.Applied {
		s += "; that changed nothing"
	}
	if st.Error != nil {
		s += fmt.Sprintf(" (code %s: %s)", st.Error.Code, st.Error.Title)
	}
	return s + "."
}

func waitSummary(w waitingBody) string {
	s := "It waits: " + w.Reason
	if w.Until != "" {
		s += " until " + w.Until
	}
	if w.Limit > 0 {
		s += fmt.Sprintf(", %d of %d used", w.Used, w.Limit)
	}
	return s + "."
}

func eventSummary(e events.Event) string {
	var d struct{ Status, PreviousStatus string }
	s := fmt.Sprintf("%s is event %d of the log", e.Type, e.Seq)
	if json.Unmarshal(e.Data, &d) == nil && e.Type == "message.status" {
		s = fmt.Sprintf("%s, from %s to %s, is event %d of the log", e.Type, d.PreviousStatus, d.Status, e.Seq)
	}
	return s + "."
}
