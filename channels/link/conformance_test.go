package link

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/channeltest"
)

// suite describes the channel to the tests that every adapter passes. Callbacks
// prove nothing by themselves, so it cannot sign: see TestVerify.
func suite(tb testing.TB) channeltest.Suite {
	tb.Helper()
	var set map[string]any
	if err := json.Unmarshal(settingsJSON(tb, nil), &set); err != nil {
		tb.Fatal(err)
	}
	s := channeltest.Suite{Adapter: Adapter{}, Settings: set, BaseURL: "baseUrl", Outbound: []channels.Outbound{textMessage()}}
	for _, content := range []string{
		`{"type":"image","image":{"url":"https://files.example/a.png","caption":"A"}}`,
		`{"type":"audio","audio":{"url":"https://files.example/a.ogg"}}`,
		`{"type":"video","video":{"url":"https://files.example/a.mp4"}}`,
		`{"type":"document","document":{"mediaId":"med_1","filename":"a.pdf"}}`,
		`{"type":"location","location":{"latitude":57.7,"longitude":11.97,"name":"Harbour"}}`,
		`{"type":"contacts","contacts":[{"name":{"formattedName":"Ada Berg","firstName":"Ada"},"phones":[{"phone":"+46700000003"}]}]}`,
		inter("button", `{"buttons":[{"id":"yes","title":"Yes"}]}`),
		`{"type":"template","template":{"name":"order_update","language":{"code":"sv"},"components":[{"type":"body","parameters":[{"type":"text","text":"7"}]}]}}`,
	} {
		out := textMessage()
		out.Content = channels.Content{}
		if err := json.Unmarshal([]byte(content), &out.Content); err != nil {
			tb.Fatal(err)
		}
		s.Outbound = append(s.Outbound, out)
	}
	return s
}

func TestConformance(t *testing.T) {
	s := suite(t)
	channeltest.Run(t, s)
	t.Run("broken", func(t *testing.T) { channeltest.Broken(t, s) })
	t.Run("transport", func(t *testing.T) { channeltest.Transport(t, s) })
}

func TestSendErrors(t *testing.T) {
	channeltest.SendErrors(t, suite(t), []channeltest.SendCase{
		{Name: "malformed request", Status: 400, Body: `{"resultCode":112402,"description":"Bad request"}`, Class: channels.ClassRejected, Code: "112402"},
		{Name: "wrong login", Status: 401, Body: `{"resultCode":112400,"description":"Unauthorized"}`, Class: channels.ClassChannel, Code: "112400"},
		{Name: "wrong login, no body", Status: 401, Class: channels.ClassChannel, Code: "http_401"},
		{Name: "no access", Status: 403, Body: `{"resultCode":112401}`, Class: channels.ClassChannel, Code: "112401"},
		{Name: "no access, page of a proxy", Status: 403, Body: `<html>`, Class: channels.ClassChannel, Code: "http_403"},
		{Name: "server error with a code", Status: 500, Body: `{"resultCode":112500}`, Class: channels.ClassTransient, Code: "112500"},
		{Name: "server error without a body", Status: 500, Class: channels.ClassUncertain, Code: "http_500"},
		{Name: "bad gateway", Status: 502, Body: `<html>`, Class: channels.ClassUncertain, Code: "http_502"},
		{Name: "gateway timeout", Status: 504, Class: channels.ClassUncertain, Code: "http_504"},
		{Name: "unavailable", Status: 503, Header: http.Header{"Retry-After": {"30"}}, Body: `busy`, Class: channels.ClassTransient, Code: "http_503", RetryAfter: 30 * time.Second},
		{Name: "unavailable, without a word", Status: 503, Class: channels.ClassUncertain, Code: "http_503"},
		{Name: "too many", Status: 429, Header: http.Header{"Retry-After": {"7"}}, Class: channels.ClassThrottled, Code: "http_429", Scope: channels.ScopeChannel, RetryAfter: 7 * time.Second},
		{Name: "too many with a code", Status: 429, Body: `{"resultCode":112402}`, Class: channels.ClassThrottled, Code: "112402", Scope: channels.ScopeChannel},
		{Name: "too many to one customer", Status: 400, Body: `{"resultCode":112406,"description":"(#131056) pair"}`, Class: channels.ClassThrottled, Code: "131056", Scope: channels.ScopeLane},
		{Name: "wrong address", Status: 404, Body: `not here`, Class: channels.ClassChannel, Code: "http_404"},
		{Name: "redirect", Status: 304, Class: channels.ClassChannel, Code: "http_304"},
		{Name: "too large", Status: 413, Class: channels.ClassRejected, Code: "http_413"},
		{Name: "window closed", Status: 400, Body: `{"resultCode":112406,"description":"(#131047) Re-engagement"}`, Class: channels.ClassRejected, Code: "131047"},
		{Name: "template missing", Status: 400, Body: `{"resultCode":112406,"description":"(#132001) no such template"}`, Class: channels.ClassTemplate, Code: "132001"},
		{Name: "unknown result code", Status: 400, Body: `{"resultCode":119999}`, Class: channels.ClassRejected, Code: "119999"},
		{Name: "accepted without an id", Status: 200, Body: `{"resultCode":112001}`, Class: channels.ClassUncertain, Code: "unreadable_answer"},
		{Name: "accepted, unreadable", Status: 200, Body: `OK`, Class: channels.ClassUncertain, Code: "unreadable_answer"},
		{Name: "refusal with status 200", Status: 200, Body: `{"resultCode":"112401","messageIds":["x"]}`, Class: channels.ClassChannel, Code: "112401"},
		{Name: "description that quotes the message", Status: 400, Body: `{"resultCode":112402,"description":"` + secretText + `"}`, Class: channels.ClassRejected},
	})
}
