package whatsapp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/channeltest"
	"github.com/linktor/linktor/internal/badjson"
)

const (
	goodMessage = `{"from":"351910000001","id":"wamid.G1","timestamp":"1790000000","type":"text","text":{"body":"good"}}`
	goodStatus  = `{"id":"wamid.G2","status":"delivered","timestamp":"1790000001","recipient_id":"351910000001"}`
)

// groups are the arrays of a change's value whose items are one event each.
// history is not among them: its items are chunks of many messages.
var groups = []string{
	"messages", "statuses", "message_echoes", "calls", "user_preferences", "user_id_update", "groups", "state_sync",
	"automatic_events", "errors",
}

// around puts items into an array of a change, between a message and a status
// that are as they should be.
func around(group string, items ...string) []byte {
	arrays := map[string][]string{"messages": {goodMessage}, "statuses": {goodStatus}}
	arrays[group] = append(arrays[group], items...)
	var b strings.Builder
	fmt.Fprintf(&b, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":%q}`,
		testWABA, testNumber)
	for _, name := range groups {
		if len(arrays[name]) > 0 {
			fmt.Fprintf(&b, `,%q:[%s]`, name, strings.Join(arrays[name], ","))
		}
	}
	return []byte(b.String() + `}}]}]}`)
}

// FuzzItems puts any item beside two good ones: it becomes exactly one event,
// which keeps it if it was not understood, and its neighbours are as without it.
func FuzzItems(f *testing.F) {
	for i := range groups {
		for _, v := range badjson.SmallValues() {
			f.Add(uint8(i), v.JSON)
		}
	}
	f.Add(uint8(0), []byte(`{"from":"351910000001","id":"wamid.X","type":"hologram","hologram":{"x":1}}`))
	f.Add(uint8(1), []byte(`{"id":"wamid.X","status":"teleported","recipient_id":"351910000001"}`))
	acct := open(f, "")
	want, err := acct.Parse(around(""))
	if err != nil || len(want) != 2 {
		f.Fatalf("%d events, %v", len(want), err)
	}
	f.Fuzz(func(t *testing.T, group uint8, item []byte) {
		item = bytes.TrimSpace(item)
		if !jsontext.Value(item).IsValid(lenient) {
			t.Skip("no item of any array")
		}
		oneMore(t, acct, want, groups[int(group)%len(groups)], string(item))
	})
}

func oneMore(t *testing.T, acct *Account, want []channels.Event, group, item string) {
	t.Helper()
	body := around(group, item)
	got, err := acct.Parse(body)
	if !jsontext.Value(body).IsValid(lenient) && err != nil {
		return // nested too deep together with what is around it
	}
	if err != nil || len(got) != 3 {
		t.Fatalf("%d events for 3 items, %v\nbody: %s", len(got), err, body)
	}
	channeltest.Events(t, got)
	odd := slices.IndexFunc(got, func(e channels.Event) bool { return !isGood(e, want) })
	if odd < 0 {
		return // the item is one of the good ones
	}
	if diff := cmp.Diff(want, slices.Delete(slices.Clone(got), odd, odd+1)); diff != "" {
		t.Errorf("the neighbours of %s changed (-want +got):\n%s", item, diff)
	}
	e := got[odd]
	unread := e.Kind == channels.EventInvalid || e.Kind == channels.EventChange ||
		e.Kind == channels.EventMessage && e.Message.Content.Type == channels.TypeUnsupported
	if unread && string(e.Raw) != item {
		t.Errorf("%s item\n%s\nis kept as\n%s", e.Kind, item, e.Raw)
	}
}

func isGood(e channels.Event, want []channels.Event) bool {
	return slices.ContainsFunc(want, func(w channels.Event) bool { return cmp.Equal(e, w) })
}

// FuzzAnswers gives every call any answer of Meta's.
func FuzzAnswers(f *testing.F) {
	for _, c := range badjson.SmallValues() {
		f.Add(uint16(0), "", c.JSON)
		f.Add(uint16(200), "7", fmt.Appendf(nil, `{"error":{"code":%s}}`, c.JSON))
	}
	for _, body := range []string{
		`{"messages":[{"id":"wamid.A"}],"contacts":[{"wa_id":"351910000001"}]}`, `{"messages":[{}]}`,
		`{"id":"700","status":"APPROVED","data":[{"id":"1","components":null}],"paging":{"next":"x","cursors":{"after":"b"}}}`,
		`{"error":{"code":131056,"error_subcode":2494055,"message":"(#131056) pair","error_data":{"details":"` + strings.Repeat("å", 1200) + `"}}}`,
	} {
		f.Add(uint16(0), "", []byte(body))
		f.Add(uint16(200), `{"1":[{"estimated_time_to_regain_access":1e300}]}`, []byte(body))
		f.Add(uint16(300), "-1", []byte(body))
	}
	channeltest.FuzzAnswers(f, suite())
}

// FuzzSettings opens channels with any settings.
func FuzzSettings(f *testing.F) {
	for _, c := range badjson.Spliced([]byte(`{"phoneNumberId":"1","accessToken":"a","graphBaseUrl":"https://a.example"}`), badjson.SmallValues()) {
		f.Add(c.JSON)
	}
	channeltest.FuzzSettings(f, suite(), badjson.Canary)
}

// Ensure no value in any place of a body costs more than its own item, and none
// costs much memory.
func TestParseOddJSON(t *testing.T) {
	acct := open(t, "")
	whole, _ := json.Marshal(json.RawMessage(around("messages", `{"from":"351910000002","id":"wamid.X","type":"image","image":{"id":"1"}}`)))
	cases := append(badjson.Bodies(), badjson.Spliced(whole, badjson.SmallValues())...)
	for _, v := range badjson.Values() {
		cases = append(cases, badjson.Case{Name: v.Name + " as item", JSON: around("messages", string(v.JSON)), Valid: v.Valid})
	}
	for _, c := range cases {
		if events, err := channeltest.OddBody(t, acct, c.Name, c.JSON, badjson.Canary); len(events) == 0 && err == nil {
			t.Errorf("%s: ends in silence", c.Name)
		}
	}
}
