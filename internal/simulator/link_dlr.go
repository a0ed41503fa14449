package simulator

import (
	"fmt"
	"maps"
)

// linkTexts are the descriptions of the result codes.
var linkTexts = map[int]string{
	linkSentToWA: "Sent to WA", linkDelivered: "Delivered", linkSentByWA: "Sent by WA", linkRead: "Read", linkDeleted: "Deleted",
	112000: "Unknown error", 112404: "Invalid contact", 112405: "Failed authentication", 112406: "(#131000)Something went wrong",
	112408: "System error", 12409: "Redis error", 112409: "Redis error", linkServerError: "Server error",
}

// linkResults are the result codes that a step is reported with: sent is two,
// LINK handing over and WhatsApp taking.
func linkResults(st step) []int {
	switch st.status {
	case "sent":
		return []int{linkSentToWA, linkSentByWA}
	case "delivered":
		return []int{linkDelivered}
	case "read":
		return []int{linkRead}
	case "deleted":
		return []int{linkDeleted}
	}
	if st.result != 0 {
		return []int{st.result}
	}
	return []int{linkNotDelivered}
}

// dlrBody is LINK's status callback. Source: LINK Mobility, WhatsApp Message API
// 1.4.19, "Message status notifications".
func (s *Simulator) dlrBody(m *sent, st step, code int) []byte {
	text := linkTexts[code]
	params := map[string]string{}
	maps.Copy(params, m.params)
	if code != linkSentToWA { // WhatsApp's id is not known before WhatsApp has it
		params["waMessageId"] = m.id
	}
	if code == linkNotDelivered {
		text = fmt.Sprintf("(#%d)%s ", st.code, metaErrorOf(st.code).title)
		params["metaErrorDetails"] = fmt.Sprintf("Simulated error %d.", st.code)
		delete(params, "waMessageId")
	}
	return mustJSON(object{
		"messageId": m.linkID, "refId": m.ref, "messageType": m.kind, "messageIndex": m.index,
		"timestamp": linkTime(s.opt.Now()), "resultCode": code, "resultDescription": text,
		"gateCustomParameters": object{}, "customParameters": params,
	})
}
