package link_test

import (
	"encoding/json"
	"fmt"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/link"
)

// An account reads callbacks and refuses what LINK cannot carry.
func Example() {
	acct, err := link.Adapter{}.Open(json.RawMessage(`{
		"baseUrl": "https://n-eu.linkmobility.io/whatsapp-message",
		"username": "user", "password": "secret",
		"platformId": "PLATFORM", "platformPartnerId": "4711",
		"source": "+46700000001", "gateIds": ["gate-1"]
	}`), channels.Env{})
	if err != nil {
		fmt.Println(err)
		return
	}

	events, err := acct.Parse([]byte(`{
		"messageId": "Zp3Lc8Yk5Hd2Jf7Gs9Bn4W", "refId": "msg_1", "messageType": "text", "messageIndex": 0,
		"timestamp": "2027-02-03T11:00:05+01:00", "resultCode": 112403,
		"resultDescription": "(#131047) Re-engagement message"
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	status := events[0].Status
	fmt.Println(status.MessageID, status.Status, status.Error.Code, status.Error.Action)

	err = acct.Check(channels.Outbound{
		To:      channels.Recipient{Phone: "+46700000002"},
		Content: channels.Content{Type: channels.TypeText, Text: "Thanks!"},
		ReplyTo: "wamid.1",
	})
	fmt.Println(err)
	// Output:
	// msg_1 failed 131047 Send a template message instead.
	// channels: invalid: /replyTo: LINK's API cannot quote a message. Send it without replyTo.
}
