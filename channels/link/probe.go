package link

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/linktor/linktor/channels"
)

// probeTemplate is a template id that cannot exist: Meta's ids are positive.
const probeTemplate = "0"

// Probe asks LINK for a template that does not exist, because no call is
// documented that only checks the credentials: 401 and 403 tell what is wrong,
// and any other answer of LINK's means that it let us in.
func (a *account) Probe(ctx context.Context) (channels.Health, error) {
	h := channels.Health{Details: map[string]string{"source": a.settings.Source}}
	answer, err := a.call(ctx, call{method: http.MethodGet, url: a.templateURL(probeTemplate)})
	if err != nil {
		if ctx.Err() != nil {
			return channels.Health{}, ctx.Err()
		}
		h.Problems = append(h.Problems, unreachable(err))
		return h, nil
	}
	h.Details["httpStatus"] = strconv.Itoa(answer.status)
	var m messageResponse
	isLINK := json.Unmarshal(answer.body, &m) == nil
	if m.ResultCode != "" {
		h.Details["resultCode"] = string(m.ResultCode)
	}
	if problem := a.probeProblem(answer.status, string(m.ResultCode), isLINK); problem != "" {
		h.Problems = append(h.Problems, problem)
	}
	h.OK = len(h.Problems) == 0
	if len(a.settings.GateIDs) == 0 {
		h.Problems = append(h.Problems, "No event report gates are set, so LINK will not report delivery. "+
			"Ask LINK to register this channel's webhook URL and enter the gate's id.")
	}
	return h, nil
}

// probeProblem says what an answer to the probe means; "" if we were let in.
func (a *account) probeProblem(status int, code string, isLINK bool) string {
	switch {
	case status == http.StatusUnauthorized || code == "112400":
		return "LINK does not accept the user name and password. Enter the ones that LINK provided."
	case status == http.StatusForbidden || code == "112401":
		return "LINK accepts the login but refuses access. Check the platform id, the platform partner id and the sender number " +
			a.settings.Source + ", or ask LINK for access."
	case status >= 300 && status < 400:
		return "The base URL redirects elsewhere. Enter the address that LINK assigned, with https."
	case status == http.StatusTooManyRequests:
		return "LINK answers that there are too many requests. Try again in a minute."
	case status >= 500:
		return "LINK has an internal error (HTTP " + strconv.Itoa(status) + "). Try again later; if it lasts, ask LINK's support."
	case !isLINK:
		return "Something other than LINK's API answers at the base URL (HTTP " + strconv.Itoa(status) + "). Check the base URL."
	}
	return ""
}

// unreachable explains a failed call without repeating addresses or credentials.
func unreachable(err error) string {
	if refused, ok := errors.AsType[*channels.SendError](err); ok && refused.Class == channels.ClassUncertain {
		return "LINK took the request but did not answer in time. Try again; if it lasts, ask LINK's support."
	}
	return "LINK could not be reached. Check the base URL, and that this server may open connections to it."
}
