package whatsapp

import (
	"fmt"
	"testing"
)

// textBody is a webhook of one text message, as most are.
var textBody = fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":`+
	`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550001111","phone_number_id":%q},`+
	`"contacts":[{"profile":{"name":"Ines Duarte"},"wa_id":"351910000001","user_id":"PT.90010002000300040005"}],`+
	`"messages":[{"from":"351910000001","from_user_id":"PT.90010002000300040005","id":"wamid.VEVTVEJFTkNI",`+
	`"timestamp":"1790000000","text":{"body":"Is the blue one still in stock?"},"type":"text"}]},"field":"messages"}]}]}`,
	testWABA, testNumber)

// The hot path of ingest: the target is below 15 µs.
func BenchmarkParseText(b *testing.B) {
	acct := open(b, "")
	b.ReportAllocs()
	b.SetBytes(int64(len(textBody)))
	for b.Loop() {
		if _, err := acct.Parse(textBody); err != nil {
			b.Fatal(err)
		}
	}
}
