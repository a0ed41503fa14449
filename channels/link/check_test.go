package link

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
)

// TestCheck gives contents as the API writes them and names the problems.
func TestCheck(t *testing.T) {
	long := func(n int) string { return strings.Repeat("å", n) }
	rows := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, `{"id":"r`+string(rune('a'+i))+`","title":"Row"}`)
		}
		return strings.Join(all, ",")
	}
	const i, tpl = "/content/interactive", "/content/template"
	tests := []struct{ name, content, want string }{
		{"text at the limit", `{"type":"text","text":"` + long(4096) + `"}`, ""},
		{"text past the limit", `{"type":"text","text":"` + long(4097) + `"}`, "/content/text too_long"},
		{"empty text", `{"type":"text","text":" "}`, "/content/text required"},
		{"no type", `{}`, "/content/type required"},
		{"sticker", `{"type":"sticker","sticker":{"url":"https://files.example/a.webp"}}`, "/content/type unsupported"},
		{"reaction", `{"type":"reaction","reaction":{"messageId":"x","emoji":"👍"}}`, "/content/type unsupported"},
		{"inbound kind", `{"type":"order"}`, "/content/type unsupported"},
		{"image", `{"type":"image","image":{"url":"https://files.example/a.png","caption":"` + long(1024) + `"}}`, ""},
		{"stored image", `{"type":"image","image":{"mediaId":"med_1","mimeType":"image/jpeg","size":5242880,"filename":"a.jpg"}}`, ""},
		{"image too large", `{"type":"image","image":{"mediaId":"med_1","size":5242881}}`, "/content/image too_long"},
		{"image of no kind", `{"type":"image","image":{"url":"https://files.example/a","mimeType":"image/gif"}}`, "/content/image/mimeType unsupported"},
		{"image by file URL", `{"type":"image","image":{"url":"file:///a.png"}}`, "/content/image/url invalid"},
		{"image by provider id", `{"type":"image","image":{"providerId":"1"}}`, "/content/image/providerId unsupported"},
		{"no source", `{"type":"video","video":{"caption":"x"}}`, "/content/video required"},
		{"no media", `{"type":"document"}`, "/content/document required"},
		{"long caption", `{"type":"document","document":{"url":"https://files.example/a","caption":"` + long(1025) + `"}}`, "/content/document/caption too_long"},
		{"audio with caption", `{"type":"audio","audio":{"url":"https://files.example/a","caption":"x"}}`, "/content/audio/caption unsupported"},
		{"voice note", `{"type":"audio","audio":{"url":"https://files.example/a","voice":true}}`, "/content/audio/voice unsupported"},
		{"location", `{"type":"location","location":{"latitude":59.3,"longitude":18}}`, ""},
		{"location off the map", `{"type":"location","location":{"latitude":91,"longitude":-181}}`,
			"/content/location/latitude invalid, /content/location/longitude invalid"},
		{"address without name", `{"type":"location","location":{"address":"Street 1"}}`, "/content/location/name required"},
		{"contact without name part", `{"type":"contacts","contacts":[{"name":{"formattedName":"Ann"}}]}`, "/content/contacts/0/name required"},
		{"contact without formatted name", `{"type":"contacts","contacts":[{"name":{"firstName":"Ann"}}]}`, "/content/contacts/0/name/formattedName required"},
		{"address type", `{"type":"contacts","contacts":[{"name":{"formattedName":"A B","firstName":"A"},"addresses":[{"type":"work"},{"type":"boat"}]}]}`,
			"/content/contacts/0/addresses/1/type invalid"},
		{"no contacts", `{"type":"contacts"}`, "/content/contacts required"},

		{"buttons", inter("button", `{"buttons":[{"id":"a","title":"A"},{"id":"b","title":"B"}]}`), ""},
		{"four buttons", inter("button", `{"buttons":[{"id":"a","title":"A"},{"id":"b","title":"B"},{"id":"c","title":"C"},{"id":"d","title":"D"}]}`),
			i + "/action/buttons too_many"},
		{"no buttons", inter("button", `{}`), i + "/action/buttons too_few"},
		{"same button twice", inter("button", `{"buttons":[{"id":"a","title":"A"},{"id":"a","title":"A"}]}`),
			i + "/action/buttons/1/id invalid, " + i + "/action/buttons/1/title invalid"},
		{"long button", inter("button", `{"buttons":[{"id":"`+long(257)+`","title":"`+long(21)+`"}]}`),
			i + "/action/buttons/0/id too_long, " + i + "/action/buttons/0/title too_long"},
		{"list", inter("list", `{"button":"Open","sections":[{"rows":[`+rows(10)+`]}]}`), ""},
		{"eleven rows", inter("list", `{"button":"Open","sections":[{"rows":[`+rows(11)+`]}]}`), i + "/action/sections too_many"},
		{"list without label", inter("list", `{"sections":[{"rows":[`+rows(1)+`]}]}`), i + "/action/button required"},
		{"sections without title", inter("list", `{"button":"Open","sections":[{"title":"A","rows":[{"id":"1","title":"x"}]},{"rows":[{"id":"2","title":"x"}]}]}`),
			i + "/action/sections/1/title required"},
		{"long row", inter("list", `{"button":"Open","sections":[{"rows":[{"id":"`+long(201)+`","title":"`+long(25)+`","description":"`+long(73)+`"}]}]}`),
			i + "/action/sections/0/rows/0/description too_long, " + i + "/action/sections/0/rows/0/id too_long, " + i + "/action/sections/0/rows/0/title too_long"},
		{"body of 1025", `{"type":"interactive","interactive":{"type":"location_request_message","body":{"text":"` + long(1025) + `"},"action":{}}}`, i + "/body/text too_long"},
		{"no body", `{"type":"interactive","interactive":{"type":"location_request_message","action":{"name":"send_location"}}}`, i + "/body/text required"},
		{"image header on a list", `{"type":"interactive","interactive":{"type":"list","header":{"type":"image"},"body":{"text":"x"},"footer":{"text":"` + long(61) +
			`"},"action":{"button":"Open","sections":[{"rows":[{"id":"1","title":"x"}]}]}}}`, i + "/footer/text too_long, " + i + "/header/type not_allowed"},
		{"header on a product", `{"type":"interactive","interactive":{"type":"product","header":{"type":"text","text":"x"},"body":{"text":"x"},"action":{"catalogId":"1","productId":"2"}}}`,
			i + "/header not_allowed"},
		{"products without header", inter("product_list", `{"catalogId":"1","sections":[{"products":["a"]}]}`), i + "/header required"},
		{"product without catalog", inter("product", `{"productId":"1"}`), i + "/action/catalogId required"},
		{"web button", inter("cta_url", `{"parameters":{"display_text":"Open","url":"https://shop.example"}}`), ""},
		{"web button without URL", inter("cta_url", `{"parameters":{"display_text":"`+long(21)+`"}}`),
			i + "/action/parameters/display_text too_long, " + i + "/action/parameters/url invalid"},
		{"flow", inter("flow", `{"parameters":{"flow_message_version":3,"flow_id":"1","flow_cta":"Go","mode":"live","flow_action":"jump"}}`),
			i + "/action/parameters/flow_action invalid, " + i + "/action/parameters/mode invalid"},
		{"flow without parameters", inter("flow", `{}`), i + "/action/parameters required, " + i + "/action/parameters/flow_cta required, " +
			i + "/action/parameters/flow_id required, " + i + "/action/parameters/flow_message_version required"},
		{"wrong action name", inter("catalog_message", `{"name":"flow"}`), i + "/action/name invalid"},
		{"unknown kind", inter("carousel", `{}`), i + "/type unsupported"},
		{"no interactive", `{"type":"interactive"}`, i + " required"},

		{"template", `{"type":"template","template":{"name":"hello","language":{"code":"sv"}}}`, ""},
		{"template without name", `{"type":"template","template":{"language":{}}}`, tpl + "/language/code required, " + tpl + "/name required"},
		{"unknown component", template(`{"type":"footer"}`), tpl + "/components/0/type unsupported"},
		{"unknown button", template(`{"type":"button","sub_type":"voice_call","index":0}`), tpl + "/components/0/sub_type unsupported"},
		{"button without index", template(`{"type":"button","sub_type":"QUICK_REPLY"}`), tpl + "/components/0/index required"},
		{"parameter in the wrong place", template(`{"type":"header","parameters":[{"type":"currency"}]}`), tpl + "/components/0/parameters/0/type not_allowed"},
		{"unknown parameter", template(`{"type":"header","parameters":[{"type":"location"}]}`), tpl + "/components/0/parameters/0/type unsupported"},
		{"half a date", template(`{"type":"body","parameters":[{"type":"date_time","date_time":{"fallback_value":"May","year":2027,"month":5,"day_of_month":1,"hour":9,"minute":0}}]}`),
			tpl + "/components/0/parameters/0/date_time/day_of_week required"},
		{"date by timestamp", template(`{"type":"body","parameters":[{"type":"date_time","date_time":{"fallback_value":"May","timestamp":"1"}}]}`), ""},
		{"empty offer", template(`{"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{}}]}`),
			tpl + "/components/0/parameters/0/limited_time_offer/expiration_time_ms required"},
		{"long coupon", template(`{"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"` + long(21) + `"}]}`),
			tpl + "/components/0/parameters/0/coupon_code too_long"},
		{"document that is no PDF", template(`{"type":"header","parameters":[{"type":"document","document":{"url":"https://files.example/a","mimeType":"text/plain","caption":"x"}}]}`),
			tpl + "/components/0/parameters/0/document/caption unsupported, " + tpl + "/components/0/parameters/0/document/mimeType unsupported"},
		{"empty carousel", template(`{"type":"carousel"}`), tpl + "/components/0/cards too_few"},
		{"carousel in a card", template(`{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"carousel"}]}]}`),
			tpl + "/components/0/cards/0/components/0/type not_allowed"},
	}
	acct := openAccount(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := textMessage()
			out.Content = channels.Content{}
			if err := json.Unmarshal([]byte(tt.content), &out.Content); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wanted(tt.want), problems(t, acct.Check(out))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func inter(kind, action string) string {
	return `{"type":"interactive","interactive":{"type":"` + kind + `","body":{"text":"Choose"},"action":` + action + `}}`
}

func template(component string) string {
	return `{"type":"template","template":{"name":"hello","language":{"code":"sv"},"components":[` + component + `]}}`
}

// wanted reads "pointer code, pointer code".
func wanted(list string) map[string]string {
	var want map[string]string
	for entry := range strings.SplitSeq(list, ", ") {
		if pointer, code, ok := strings.Cut(entry, " "); ok {
			if want == nil {
				want = map[string]string{}
			}
			want[pointer] = code
		}
	}
	return want
}

func TestCheckEnvelope(t *testing.T) {
	tests := []struct {
		name   string
		change func(*channels.Outbound)
		want   string
	}{
		{"user id", func(o *channels.Outbound) { o.To = channels.Recipient{UserID: "SE.123"} }, ""},
		{"group", func(o *channels.Outbound) { o.To = channels.Recipient{GroupID: "g"} }, "/to unsupported"},
		{"nobody", func(o *channels.Outbound) { o.To = channels.Recipient{} }, "/to required"},
		{"local number", func(o *channels.Outbound) { o.To.Phone = "070" }, "/to invalid"},
		{"quote", func(o *channels.Outbound) { o.ReplyTo = "wamid.x" }, "/replyTo unsupported"},
		{"priority", func(o *channels.Outbound) { o.Options.Priority = "high" }, "/options/priority invalid"},
		{"empty gate", func(o *channels.Outbound) { o.Options.Gates = []string{"a", ""} }, "/options/gates/1 required"},
		{"empty parameter", func(o *channels.Outbound) { o.Options.CustomParameters = map[string]string{"": "x"} }, "/options/customParameters invalid"},
		{"identity check", func(o *channels.Outbound) { o.Options.IdentityKeyHash = "x" }, "/options/identityKeyHash unsupported"},
	}
	acct := openAccount(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := textMessage()
			tt.change(&out)
			if diff := cmp.Diff(wanted(tt.want), problems(t, acct.Check(out))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
