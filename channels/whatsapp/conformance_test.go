package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/channeltest"
)

func suite() channeltest.Suite {
	return channeltest.Suite{
		Adapter: Adapter{}, Settings: suiteSettings(), BaseURL: "graphBaseUrl", Sign: sign, Outbound: samples(),
	}
}

// suiteSettings names the display number too, so that announcements about other
// numbers are told apart in the golden files.
func suiteSettings() map[string]any {
	s := testSettings("")
	s["displayPhoneNumber"] = "+1 555-000-1111"
	return s
}

func TestConformance(t *testing.T) { channeltest.Run(t, suite()) }

func TestBrokenNetwork(t *testing.T) { channeltest.Transport(t, suite()) }

func TestBrokenProvider(t *testing.T) { channeltest.Broken(t, suite()) }

func sign(body []byte) channels.Request {
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write(body)
	return channels.Request{
		Header: http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}},
		Body:   body,
	}
}

// out addresses content to a customer.
func out(c channels.Content) channels.Outbound {
	return channels.Outbound{
		MessageID: "msg_01k00000000000000000000001", To: channels.Recipient{Phone: "+351910000001"}, Content: c,
	}
}

// apiContent decodes content as the API does.
func apiContent(s string) channels.Content {
	var c channels.Content
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		panic(err) // a literal of this file's tests
	}
	return c
}

// samples holds one message of every kind that can be sent.
func samples() []channels.Outbound {
	var all []channels.Outbound
	for _, s := range sampleContents {
		all = append(all, out(apiContent(s)))
	}
	return all
}

var sampleContents = []string{
	`{"type":"text","text":"The parcel left at noon: https://shop.example/t/1","previewUrl":true}`,
	`{"type":"image","image":{"url":"https://shop.example/a.jpg","caption":"New in"}}`,
	`{"type":"audio","audio":{"providerId":"600000000000002","voice":true}}`,
	`{"type":"video","video":{"url":"https://shop.example/a.mp4","caption":"How to"}}`,
	`{"type":"document","document":{"url":"https://shop.example/i.pdf","filename":"Invoice.pdf","caption":"Invoice"}}`,
	`{"type":"sticker","sticker":{"providerId":"600000000000003"}}`,
	`{"type":"location","location":{"latitude":38.7,"longitude":-9.1,"name":"Shop","address":"Rua 1"}}`,
	`{"type":"contacts","contacts":[{"name":{"formattedName":"Rui","firstName":"Rui"},"phones":[{"phone":"+351910000002","waId":"351910000002","type":"CELL"}]}]}`,
	`{"type":"reaction","reaction":{"messageId":"wamid.T1","emoji":"🎉"}}`,
	`{"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"url":"https://shop.example/a.jpg"}},"body":{"text":"Proceed?"},"footer":{"text":"Shop"},"action":{"buttons":[{"id":"yes","title":"Yes"},{"type":"reply","reply":{"id":"no","title":"No"}}]}}}`,
	`{"type":"interactive","interactive":{"type":"list","header":{"type":"text","text":"Services"},"body":{"text":"Choose"},"action":{"button":"Options","sections":[{"title":"Help","rows":[{"id":"a","title":"A","description":"First"}]}]}}}`,
	`{"type":"interactive","interactive":{"type":"cta_url","body":{"text":"See"},"action":{"parameters":{"display_text":"Open","url":"https://shop.example"}}}}`,
	`{"type":"interactive","interactive":{"type":"flow","body":{"text":"Book"},"action":{"parameters":{"flow_id":"1","flow_cta":"Book"}}}}`,
	`{"type":"interactive","interactive":{"type":"product","body":{"text":"This one"},"action":{"catalogId":"1","productId":"SKU-7"}}}`,
	`{"type":"interactive","interactive":{"type":"product_list","header":{"type":"text","text":"Shop"},"body":{"text":"Ours"},"action":{"catalogId":"1","sections":[{"title":"New","products":["SKU-7","SKU-8"]}]}}}`,
	`{"type":"interactive","interactive":{"type":"catalog_message","body":{"text":"All"},"action":{"parameters":{"thumbnail_product_retailer_id":"SKU-7"}}}}`,
	`{"type":"interactive","interactive":{"type":"location_request_message","body":{"text":"Where?"},"action":{}}}`,
	`{"type":"interactive","interactive":{"type":"carousel","body":{"text":"Look"},"action":{"cards":[{"card_index":0,"type":"cta_url"},{"card_index":1,"type":"cta_url"}]}}}`,
	`{"type":"interactive","interactive":{"type":"address_message","body":{"text":"Where to?"},"action":{"parameters":{"country":"IN"}}}}`,
	`{"type":"interactive","interactive":{"type":"contact_request","body":{"text":"Your number?"},"action":{}}}`,
	`{"type":"interactive","interactive":{"type":"call_permission_request","action":{}}}`,
	`{"type":"interactive","interactive":{"type":"voice_call","body":{"text":"Call us"},"action":{"parameters":{"display_text":"Call"}}}}`,
	`{"type":"template","template":{"name":"order_update","language":{"code":"pt_BR"},"components":[` +
		`{"type":"header","parameters":[{"type":"image","image":{"providerId":"600000000000004"}}]},` +
		`{"type":"body","parameters":[{"type":"text","parameter_name":"name","text":"Ines"},{"type":"currency","currency":{"code":"EUR","amount_1000":99900,"fallback_value":"99.90 €"}},{"type":"date_time","date_time":{"fallback_value":"1 May"}}]},` +
		`{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"4711"}]},` +
		`{"type":"button","sub_type":"quick_reply","index":"1","parameters":[{"type":"payload","payload":"track"}]},` +
		`{"type":"button","sub_type":"copy_code","index":"2","parameters":[{"type":"coupon_code","coupon_code":"SAVE10"}]},` +
		`{"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1790000000000}}]},` +
		`{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"header","parameters":[{"type":"video","video":{"url":"https://shop.example/a.mp4"}}]},{"type":"button","sub_type":"flow","index":"0","parameters":[{"type":"action","action":{"flow_token":"t"}}]}]}]}]}}`,
}
