package whatsapp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	gojson "github.com/go-json-experiment/json"

	"github.com/linktor/linktor/channels"
)

// graphError is the body of a refusal. Source: Meta, "Handling errors".
type graphError struct {
	Error *struct {
		Message   text  `json:"message"`
		Type      text  `json:"type"`
		Code      *text `json:"code"`
		Subcode   text  `json:"error_subcode"`
		Transient bool  `json:"is_transient"`
		UserMsg   text  `json:"error_user_msg"`
		ErrorData struct {
			Details text `json:"details"`
		} `json:"error_data"`
	} `json:"error"`
}

// refusal classifies an answer other than 200: by Meta's code first, by HTTP
// status second, because the documented statuses differ from page to page.
func (a *answer) refusal() *channels.SendError {
	var body graphError
	if err := gojson.Unmarshal(a.body, &body, lenient); err != nil || body.Error == nil || body.Error.Code == nil || *body.Error.Code == "" {
		return a.foreign()
	}
	code, subcode := string(*body.Error.Code), string(body.Error.Subcode)
	known, ok := find(code, subcode)
	if !ok {
		known = a.guess(body.Error.Transient)
	}
	e := &channels.SendError{
		Class: known.Class, Scope: known.Scope, Code: code,
		Title: known.Title, Action: known.Action, HTTPStatus: a.status, RetryAfter: known.retryAfter(),
		NeedsTemplate: known.NeedsTemplate,
	}
	for _, t := range []text{body.Error.ErrorData.Details, body.Error.UserMsg, body.Error.Message} {
		if t != "" {
			e.Detail = cut(string(t))
			break
		}
	}
	if d := a.wait(); d > 0 && (e.Class == channels.ClassThrottled || e.Class == channels.ClassTransient) {
		e.RetryAfter = d
	}
	return e
}

// guess classifies a code that the table does not hold.
func (a *answer) guess(transient bool) knownError {
	k := knownError{
		Class: channels.ClassRejected, Title: "Refused by Meta",
		Action: "Linktor does not know this code: look it up in Meta's list of WhatsApp error codes.",
	}
	switch {
	case a.status == http.StatusTooManyRequests:
		k.Class, k.Scope = channels.ClassThrottled, channels.ScopeChannel
	case transient || a.status >= 500:
		k.Class = channels.ClassTransient
	case a.status == http.StatusUnauthorized:
		k.Class = channels.ClassChannel
	}
	return k
}

// foreign classifies an answer that is not Meta's: a proxy, an outage page.
func (a *answer) foreign() *channels.SendError {
	e := &channels.SendError{HTTPStatus: a.status, Code: "http_" + strconv.Itoa(a.status)}
	switch {
	case a.status == http.StatusTooManyRequests:
		e.Class, e.Scope, e.RetryAfter = channels.ClassThrottled, channels.ScopeChannel, a.wait()
		e.Title, e.Action = "Too many requests", "Sending goes on when the provider allows it."
	case a.status >= 500:
		e.Class, e.Title = channels.ClassUncertain, "Server error without an explanation"
		e.Action = "The message may have been accepted. A status from Meta will tell."
	case a.status >= 200 && a.status < 300:
		return unreadable(a.status)
	default:
		e.Class, e.Title = channels.ClassChannel, "The answer is not the Graph API's"
		e.Action = "Check the Graph API URL and version in the channel's settings, and any proxy in between."
	}
	return e
}

// unreadable is a good status with an answer that makes no sense: whether the
// message was accepted is unknown.
func unreadable(status int) *channels.SendError {
	return &channels.SendError{
		Class: channels.ClassUncertain, HTTPStatus: status, Code: "unreadable_answer",
		Title:  "Meta's answer could not be read",
		Action: "The message may have been accepted. A status from Meta will tell.",
	}
}

// maxWait bounds what a header may ask for.
const maxWait = 24 * time.Hour

// wait reads how long Meta asks to wait: Retry-After in seconds, or the longest
// estimated_time_to_regain_access, in minutes, of X-Business-Use-Case-Usage.
// Source: Meta, "Rate limits".
func (a *answer) wait() time.Duration {
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && n > 0 {
		return min(time.Duration(min(n, 1<<20))*time.Second, maxWait)
	}
	var usage map[string][]struct {
		Minutes float64 `json:"estimated_time_to_regain_access"`
	}
	if err := json.Unmarshal([]byte(a.header.Get("X-Business-Use-Case-Usage")), &usage); err != nil {
		return 0 // absent or new: the schedule decides
	}
	var longest float64
	for _, rows := range usage {
		for _, r := range rows {
			longest = max(longest, r.Minutes)
		}
	}
	return min(time.Duration(min(longest, 1<<20)*float64(time.Minute)), maxWait)
}
