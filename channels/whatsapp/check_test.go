package whatsapp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/channels"
)

func long(n int) string { return strings.Repeat("é", n) } // code points, not bytes

func interactiveJSON(s string) string { return `{"type":"interactive","interactive":` + s + `}` }

func repeat(n int, f func(i int) string) string {
	var parts []string
	for i := range n {
		parts = append(parts, f(i))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func rows(n int) string {
	return repeat(n, func(i int) string { return fmt.Sprintf(`{"id":"r%d","title":"Row %d"}`, i, i) })
}

func buttons(n int) string {
	return repeat(n, func(i int) string { return fmt.Sprintf(`{"id":"b%d","title":"Button %d"}`, i, i) })
}

// Ensure each limit holds exactly: the value at the limit passes, the next one
// is refused with a pointer, a code and the limit.
func TestCheckLimits(t *testing.T) {
	button := func(body, id, title string) string {
		return interactiveJSON(`{"type":"button","body":{"text":"` + body + `"},"action":{"buttons":[{"id":"` + id + `","title":"` + title + `"}]}}`)
	}
	listing := func(body, label, section, id, title, text string) string {
		return interactiveJSON(`{"type":"list","body":{"text":"` + body + `"},"action":{"button":"` + label + `","sections":[{"title":"` + section +
			`","rows":[{"id":"` + id + `","title":"` + title + `","description":"` + text + `"}]}]}}`)
	}
	framed := func(header, footer string) string {
		return interactiveJSON(`{"type":"button","header":{"type":"text","text":"` + header + `"},"body":{"text":"b"},"footer":{"text":"` + footer + `"},"action":{"buttons":` + buttons(1) + `}}`)
	}
	tests := []struct {
		pointer, code string
		limit         int
		content       func(n int) string
	}{
		{"/content/text", "too_long", 4096, func(n int) string { return `{"type":"text","text":"` + long(n) + `"}` }},
		{"/content/image/caption", "too_long", 1024, func(n int) string {
			return `{"type":"image","image":{"providerId":"1","caption":"` + long(n) + `"}}`
		}},
		{"/content/document/caption", "too_long", 1024, func(n int) string {
			return `{"type":"document","document":{"providerId":"1","caption":"` + long(n) + `"}}`
		}},
		{"/content/image/size", "too_long", 5 << 20, func(n int) string {
			return fmt.Sprintf(`{"type":"image","image":{"providerId":"1","size":%d}}`, n)
		}},
		{"/content/sticker/size", "too_long", 100 << 10, func(n int) string {
			return fmt.Sprintf(`{"type":"sticker","sticker":{"providerId":"1","mimeType":"image/webp","size":%d}}`, n)
		}},
		{"/content/contacts", "too_many", 257, func(n int) string {
			return `{"type":"contacts","contacts":` + repeat(n, func(int) string { return `{"name":{"formattedName":"A B","firstName":"A"}}` }) + `}`
		}},
		{"/content/interactive/body/text", "too_long", 1024, func(n int) string { return button(long(n), "a", "A") }},
		{"/content/interactive/body/text", "too_long", 4096, func(n int) string { return listing(long(n), "l", "s", "a", "A", "d") }},
		{"/content/interactive/header/text", "too_long", 60, func(n int) string { return framed(long(n), "f") }},
		{"/content/interactive/footer/text", "too_long", 60, func(n int) string { return framed("h", long(n)) }},
		{"/content/interactive/action/buttons", "too_many", 3, func(n int) string {
			return interactiveJSON(`{"type":"button","body":{"text":"b"},"action":{"buttons":` + buttons(n) + `}}`)
		}},
		{"/content/interactive/action/buttons/0/title", "too_long", 20, func(n int) string { return button("b", "a", long(n)) }},
		{"/content/interactive/action/buttons/0/id", "too_long", 256, func(n int) string { return button("b", long(n), "A") }},
		{"/content/interactive/action/button", "too_long", 20, func(n int) string { return listing("b", long(n), "s", "a", "A", "d") }},
		{"/content/interactive/action/sections/0/title", "too_long", 24, func(n int) string { return listing("b", "l", long(n), "a", "A", "d") }},
		{"/content/interactive/action/sections/0/rows/0/id", "too_long", 200, func(n int) string { return listing("b", "l", "s", long(n), "A", "d") }},
		{"/content/interactive/action/sections/0/rows/0/title", "too_long", 24, func(n int) string { return listing("b", "l", "s", "a", long(n), "d") }},
		{"/content/interactive/action/sections/0/rows/0/description", "too_long", 72, func(n int) string { return listing("b", "l", "s", "a", "A", long(n)) }},
		{"/content/interactive/action/sections", "too_many", 10, func(n int) string {
			return interactiveJSON(`{"type":"list","body":{"text":"b"},"action":{"button":"l","sections":[{"title":"s","rows":` + rows(n) + `}]}}`)
		}},
		{"/content/interactive/action/sections", "too_many", 30, func(n int) string {
			return interactiveJSON(`{"type":"product_list","header":{"type":"text","text":"h"},"body":{"text":"b"},"action":{"catalogId":"1","sections":[{"title":"s","products":` +
				repeat(n, func(i int) string { return fmt.Sprintf(`"SKU-%d"`, i) }) + `}]}}`)
		}},
		{"/content/interactive/action/cards", "too_many", 10, func(n int) string {
			return interactiveJSON(`{"type":"carousel","body":{"text":"b"},"action":{"cards":` + repeat(n, func(int) string { return "{}" }) + `}}`)
		}},
		{"/content/interactive/action/parameters/display_text", "too_long", 20, func(n int) string {
			return interactiveJSON(`{"type":"cta_url","body":{"text":"b"},"action":{"parameters":{"url":"https://shop.example","display_text":"` + long(n) + `"}}}`)
		}},
		{"/content/template/name", "too_long", 512, func(n int) string {
			return `{"type":"template","template":{"name":"` + strings.Repeat("a", n) + `","language":{"code":"en"}}}`
		}},
		{"/content/template/components/0/parameters/0/coupon_code", "too_long", 20, func(n int) string {
			return `{"type":"template","template":{"name":"a","language":{"code":"en"},"components":[{"type":"button","sub_type":"copy_code","index":0,` +
				`"parameters":[{"type":"coupon_code","coupon_code":"` + strings.Repeat("A", n) + `"}]}]}}`
		}},
	}
	acct := open(t, "")
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.pointer, tt.limit), func(t *testing.T) {
			if err := acct.Check(out(apiContent(tt.content(tt.limit)))); err != nil {
				t.Errorf("the limit itself was refused: %v", err)
			}
			err := acct.Check(out(apiContent(tt.content(tt.limit + 1))))
			bad, ok := errors.AsType[*channels.Invalid](err)
			if !ok || len(bad.Problems) != 1 {
				t.Fatalf("one over the limit: %v", err)
			}
			p := bad.Problems[0]
			if p.Pointer != tt.pointer || p.Code != tt.code || p.Limit != tt.limit {
				t.Errorf("got %+v", p)
			}
		})
	}
}

// Ensure what Meta would refuse is refused with a pointer to it.
func TestCheckProblems(t *testing.T) {
	tests := []struct {
		name, content string
		want          map[string]string
	}{
		{"no media", `{"type":"image","image":{}}`, map[string]string{"/content/image": "required"}},
		{"two sources", `{"type":"image","image":{"url":"https://a.example","providerId":"1"}}`, map[string]string{"/content/image": "invalid"}},
		{"bad address", `{"type":"image","image":{"url":"ftp://a.example"}}`, map[string]string{"/content/image/url": "invalid"}},
		{"bad type", `{"type":"image","image":{"url":"https://a.example","mimeType":"image/gif"}}`, map[string]string{"/content/image/mimeType": "unsupported"}},
		{"audio caption", `{"type":"audio","audio":{"providerId":"1","caption":"x"}}`, map[string]string{"/content/audio/caption": "not_allowed"}},
		{"latitude", `{"type":"location","location":{"latitude":91,"longitude":0}}`, map[string]string{"/content/location/latitude": "invalid"}},
		{"nameless contact", `{"type":"contacts","contacts":[{"name":{"formattedName":"A"}}]}`, map[string]string{"/content/contacts/0/name/firstName": "required"}},
		{"reaction to nothing", `{"type":"reaction","reaction":{"emoji":"👍"}}`, map[string]string{"/content/reaction/messageId": "required"}},
		{"no buttons, no body", interactiveJSON(`{"type":"button","action":{}}`), map[string]string{
			"/content/interactive/body": "required", "/content/interactive/action/buttons": "too_few",
		}},
		{"same buttons", interactiveJSON(`{"type":"button","body":{"text":"b"},"action":{"buttons":[{"id":"a","title":"A"},{"id":"a","title":"A"}]}}`), map[string]string{
			"/content/interactive/action/buttons/1/id": "invalid", "/content/interactive/action/buttons/1/title": "invalid",
		}},
		{"image on a list", interactiveJSON(`{"type":"list","header":{"type":"image"},"body":{"text":"b"},"action":{"button":"l","sections":[{"rows":` + rows(1) + `}]}}`), map[string]string{
			"/content/interactive/header/type": "not_allowed",
		}},
		{"two untitled sections", interactiveJSON(`{"type":"list","body":{"text":"b"},"action":{"button":"l","sections":[{"rows":[{"id":"1","title":"A"}]},{"rows":[{"id":"2","title":"B"}]}]}}`), map[string]string{
			"/content/interactive/action/sections/0/title": "required", "/content/interactive/action/sections/1/title": "required",
		}},
		{"flow of nothing", interactiveJSON(`{"type":"flow","body":{"text":"b"},"action":{"parameters":{"flow_cta":"Go"}}}`), map[string]string{
			"/content/interactive/action/parameters/flow_id": "required",
		}},
		{"unknown interactive", interactiveJSON(`{"type":"roulette","body":{"text":"b"},"action":{}}`), map[string]string{"/content/interactive/type": "unsupported"}},
		{"template form", `{"type":"template","template":{"name":"Order Update","namespace":"n","language":{},"components":[{"type":"tail"},{"type":"button","parameters":[{"type":"payload"}]}]}}`, map[string]string{
			"/content/template/name": "invalid", "/content/template/namespace": "not_allowed", "/content/template/language/code": "required",
			"/content/template/components/0/type": "unsupported", "/content/template/components/1/sub_type": "unsupported",
			"/content/template/components/1/index": "required", "/content/template/components/1/parameters/0/payload": "required",
		}},
	}
	acct := open(t, "")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]string{}
			if bad, ok := errors.AsType[*channels.Invalid](acct.Check(out(apiContent(tt.content)))); ok {
				for _, p := range bad.Problems {
					got[p.Pointer] = p.Code
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Ensure recipients and options are checked as well.
func TestCheckAround(t *testing.T) {
	acct := open(t, "")
	msg := out(apiContent(sampleContents[0]))
	msg.To.Phone = "910000001"
	msg.Options.Priority = "HIGH"
	err := acct.Check(msg)
	if err == nil || !strings.Contains(err.Error(), "/to:") || !strings.Contains(err.Error(), "/options/priority") {
		t.Errorf("got %v", err)
	}
	for _, to := range []channels.Recipient{{UserID: "PT.1"}, {GroupID: "g"}, {Phone: "+351910000001", UserID: "PT.1"}} {
		msg := out(apiContent(sampleContents[0]))
		msg.To = to
		if err := acct.Check(msg); err != nil {
			t.Errorf("%+v: %v", to, err)
		}
	}
}
