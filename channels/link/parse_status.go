package link

import (
	"encoding/json"
	"regexp"

	"github.com/linktor/linktor/channels"
)

// Parameters that LINK adds to a DLR. Changelog of 1.4.19: 1.4.17 and 1.4.19.
const (
	paramWaMessageID = "waMessageId"
	paramMetaDetails = "metaErrorDetails"
	paramLogContent  = "ott.whatsapp.logMessageContent"
)

// parseStatus reads a DLR. Source: "Message Status Notifications".
func parseStatus(raw json.RawMessage, cb *callback) channels.Event {
	var code text
	if json.Unmarshal(cb.ResultCode, &code) != nil || code == "" {
		return invalid(raw, "resultCode: want a number")
	}
	if cb.MessageID == "" && cb.RefID == "" {
		return invalid(raw, "messageId: missing, and refId too")
	}
	rule, known := codes.link[string(code)]
	status := channels.StatusUnknown
	if known {
		status = rule.Status
	}
	update := &channels.StatusUpdate{
		ProviderID: string(cb.MessageID),
		AltID:      cb.CustomParameters[paramWaMessageID],
		MessageID:  string(cb.RefID),
		Status:     status,
		Provider:   string(code),
		At:         parseTime(cb.Timestamp),
		Metadata:   statusMetadata(cb, status),
	}
	if status == channels.StatusFailed {
		update.Error = statusError(string(code), cb)
	}
	return channels.Event{Kind: channels.EventStatus, Status: update}
}

// statusMetadata keeps what has no field of its own. messageIndex is -1 and
// messageType is request when a whole request failed.
func statusMetadata(cb *callback, status channels.Status) map[string]string {
	m := map[string]string{}
	put(m, "messageType", string(cb.MessageType))
	put(m, "messageIndex", string(cb.MessageIndex))
	switch status {
	case channels.StatusUnknown, channels.StatusNoted, channels.StatusTrackingLost:
		put(m, "resultDescription", string(cb.ResultDescription))
	}
	putCustom(m, cb.CustomParameters)
	return nonEmpty(m)
}

// statusError explains a failed DLR: by Meta's code if there is one, else by LINK's.
func statusError(code string, cb *callback) *channels.ProviderError {
	description, details := string(cb.ResultDescription), cb.CustomParameters[paramMetaDetails]
	detail := description
	if details != "" && details != description {
		detail = joinNonEmpty(description, details)
	}
	e := explain(code, description, details)
	return &channels.ProviderError{
		Class: e.Class, Scope: e.Scope.Beyond(), Code: e.Code, Title: e.Title, Action: e.Action, Detail: cut(detail), NeedsTemplate: e.NeedsTemplate,
	}
}

var (
	metaCode      = regexp.MustCompile(`^\s*\(#(\d{1,9})\)`)     // "(#131047) Re-engagement message"
	metaCodePlain = regexp.MustCompile(`^\s*(\d{5,9})\s*[:\-–]`) // "131049: In order to ..."
)

// metaCodeIn finds Meta's error code in a resultDescription or metaErrorDetails.
func metaCodeIn(texts ...string) string {
	for _, t := range texts {
		for _, pattern := range []*regexp.Regexp{metaCode, metaCodePlain} {
			if m := pattern.FindStringSubmatch(t); m != nil {
				return m[1]
			}
		}
	}
	return ""
}
