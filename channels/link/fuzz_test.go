package link

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/channeltest"
	"github.com/linktor/linktor/internal/badjson"
)

const (
	goodMO  = `{"messageId":"mo1","source":"+46700000002","content":{"message":{"contentType":"TEXT","text":"good"}}}`
	goodDLR = `{"messageId":"dlr1","refId":"msg_1","resultCode":112003,"messageIndex":0,"timestamp":"2027-01-02T03:04:05Z"}`
)

// FuzzParse checks that no body makes Parse panic, that events never come beside
// an error, that each is complete, and that they are storable as JSON.
func FuzzParse(f *testing.F) {
	for _, body := range channeltest.Bodies(f) {
		f.Add(body)
	}
	for _, body := range []string{
		`[]`, `[[]]`, `{"":""}`, `{"content":{"message":{}}}`, `{"resultCode":"\ud800"}`, `{"\\":"\"","content":null}`,
		"{\"content\":{\"message\":{\"contentType\":\"TEXT\",\"text\":\"\xff\"}},\"messageId\":1,\"source\":1}",
	} {
		f.Add([]byte(body))
	}
	acct := openAccount(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := acct.Parse(body)
		if err != nil && len(events) != 0 {
			t.Fatal("events beside an error")
		}
		channeltest.Events(t, events)
		if _, err := json.Marshal(events); err != nil {
			t.Fatalf("events are not storable: %v", err)
		}
	})
}

// FuzzItems puts any item between a message and a report: it becomes exactly one
// event, which keeps it if it was not understood, and the others are as alone.
func FuzzItems(f *testing.F) {
	for _, c := range badjson.SmallValues() {
		f.Add(c.JSON)
	}
	for _, good := range []string{goodMO, goodDLR} {
		for _, c := range badjson.Spliced([]byte(good), badjson.SmallValues()) {
			f.Add(c.JSON)
		}
	}
	acct := openAccount(f, nil)
	want := parsed(f, acct, goodMO, goodDLR)
	f.Fuzz(func(t *testing.T, item []byte) {
		if !json.Valid(item) || !json.Valid(fmt.Appendf(nil, "[%s]", item)) {
			t.Skip("no item of any array")
		}
		got := parsed(t, acct, goodMO, string(item), goodDLR)
		if len(got) != 3 {
			t.Fatalf("%d events for 3 items", len(got))
		}
		channeltest.Events(t, got)
		if diff := cmp.Diff(want, []channels.Event{got[0], got[2]}); diff != "" {
			t.Errorf("the neighbours changed (-want +got):\n%s", diff)
		}
		kept := bytes.ToValidUTF8(bytes.TrimSpace(item), []byte("\uFFFD"))
		if e := got[1]; len(e.Raw) > 0 && !bytes.Equal(e.Raw, kept) {
			t.Errorf("%s item\n%s\nis kept as\n%s", e.Kind, kept, e.Raw)
		}
	})
}

func parsed(t testing.TB, acct channels.Account, items ...string) []channels.Event {
	t.Helper()
	events, err := acct.Parse([]byte("[" + strings.Join(items, ",") + "]"))
	if err != nil {
		t.Fatalf("%v in %s", err, items)
	}
	return events
}

// FuzzReport writes a report in the ways that LINK's documents do, with spaces
// around names and values, underscores in names, members twice and the index -1.
// It means the same in each.
func FuzzReport(f *testing.F) {
	for _, code := range []int{112000, 112001, 112003, 112006, 112007, 112403, 112408, 112409, 112500, 12409, 0, -1, 999999999} {
		f.Add(code, -1, " ", "resultCode", true)
		f.Add(code, 0, "\t", "result_code", false)
	}
	acct := openAccount(f, nil)
	f.Fuzz(func(t *testing.T, code, index int, pad, name string, twice bool) {
		pad = strings.Repeat(" ", len(pad)%20)
		if !strings.EqualFold(strings.ReplaceAll(name, "_", ""), "resultcode") {
			name = "resultCode"
		}
		plain := fmt.Sprintf(`{"messageId":"id1","refId":"msg_1","resultCode":%d,"messageIndex":%d,"customParameters":{"waMessageId":"wamid.1"}}`, code, index)
		written := fmt.Sprintf(`{"%[1]smessageId%[1]s":"%[1]sid1%[1]s","ref_id":"msg_1","%[1]s%[2]s":"%[1]s%[3]d%[1]s","messageIndex":"%[4]d%[1]s","customParameters":{"%[1]swaMessageId":"wamid.1%[1]s"}`,
			pad, name, code, index)
		if twice {
			written += fmt.Sprintf(`,"messageId":"id1","customParameters":null,"customParameters":{},"resultCode":%d`, code)
		}
		want, got := parsed(t, acct, plain), parsed(t, acct, written+"}")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\nmeans something else than\n%s\n%s", written, plain, diff)
		}
		if s := got[0].Status; s == nil || s.Provider != fmt.Sprint(code) || s.MessageID != "msg_1" {
			t.Errorf("%+v", got[0])
		}
	})
}

// FuzzAnswers gives every call any answer of LINK's.
func FuzzAnswers(f *testing.F) {
	for _, c := range badjson.SmallValues() {
		f.Add(uint16(0), "", c.JSON)
		f.Add(uint16(200), "7", fmt.Appendf(nil, `{"resultCode":%s}`, c.JSON))
	}
	for _, body := range []string{
		`{"resultCode":112001,"messageIds":["id1"]}`, `{"resultCode":" 112001 ","messageIds":[" "]}`, `{"id":"7","quality_score":"GREEN"}`,
		`{"resultCode":112406,"description":"(#131056) pair"}`, `{"resultCode":112500,"description":"` + strings.Repeat("å", 1200) + `"}`,
	} {
		f.Add(uint16(0), "", []byte(body))
		f.Add(uint16(200), "Wed, 21 Oct 2099 07:28:00 GMT", []byte(body))
		f.Add(uint16(300), "-1", []byte(body))
	}
	channeltest.FuzzAnswers(f, suite(f))
}

// FuzzSettings opens channels with any settings.
func FuzzSettings(f *testing.F) {
	for _, c := range badjson.Spliced([]byte(`{"baseUrl":"https://a.example","extraHeaders":{"X-A":"b"},"source":"+46700000001"}`), badjson.SmallValues()) {
		f.Add(c.JSON)
	}
	channeltest.FuzzSettings(f, suite(f), badjson.Canary)
}

// Ensure no value in any place of a callback fails, and none costs much memory.
func TestParseOddJSON(t *testing.T) {
	acct := openAccount(t, nil)
	cases := badjson.Bodies()
	for _, good := range []string{goodMO, goodDLR} {
		cases = append(cases, badjson.Spliced([]byte(good), badjson.SmallValues())...)
	}
	for _, v := range badjson.Values() {
		cases = append(cases, badjson.Case{Name: v.Name + " as text", JSON: []byte(message(`{"contentType":"TEXT","text":` + string(v.JSON) + `}`))})
	}
	for _, c := range cases {
		_, _ = channeltest.OddBody(t, acct, c.Name, c.JSON, badjson.Canary) // the checks are the point
	}
}
