package link

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
)

// notWritable are the files that we cannot or will not write, and why.
var notWritable = map[string]string{
	"full-envelope-typo-1419.json": "has the document's misprint Templat for parameters",
}

// TestRequestFixtures turns each request of the document's examples into our
// content, renders it, and compares the result with the example.
func TestRequestFixtures(t *testing.T) {
	for _, name := range fixtures(t, "request") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			if reason, ok := notWritable[filepath.Base(name)]; ok {
				t.Skip(reason)
			}
			var want map[string]any
			if err := json.Unmarshal(readFile(t, name), &want); err != nil {
				t.Fatal(err)
			}
			messages := want["messages"].([]any)
			for i := range messages {
				one := oneMessage(want, messages[i])
				compareRequest(t, one)
			}
		})
	}
}

// oneMessage is a request for one message and the first destination: we never
// write several into one request.
func oneMessage(request map[string]any, message any) map[string]any {
	one := map[string]any{}
	for k, v := range request {
		one[k] = v
	}
	one["messages"] = []any{message}
	one["destinations"] = request["destinations"].([]any)[:1]
	return one
}

func compareRequest(t *testing.T, want map[string]any) {
	t.Helper()
	message := want["messages"].([]any)[0].(map[string]any)
	out := channels.Outbound{
		MessageID: str(want, "refId"),
		To:        channels.Recipient{Phone: want["destinations"].([]any)[0].(string)},
		Options: channels.Options{
			Priority: str(want, "priority"), ServiceID: str(want, "platformServiceId"),
			ServiceType: str(want, "platformServiceType"), TransactionID: str(want, "platformTransactionId"),
		},
	}
	convert(t, want["eventReportGates"], &out.Options.Gates)
	convert(t, want["customParameters"], &out.Options.CustomParameters)
	if at := str(want, "absoluteValidityTime"); at != "" {
		out.ValidUntil, _ = time.Parse(time.RFC3339, at)
	}
	convert(t, apiContent(message), &out.Content)
	acct := openAccount(t, map[string]any{
		"platformId": str(want, "platformId"), "platformPartnerId": str(want, "platformPartnerId"),
		"source": str(want, "source"), "enableMediaUpload": true,
	})
	if err := acct.Check(out); err != nil {
		t.Fatalf("Check: %v", err)
	}
	var got map[string]any
	convert(t, baseAccount(acct).request(out, time.Time{}), &got)
	if diff := cmp.Diff(written(want), got); diff != "" {
		t.Errorf("request (-document +ours):\n%s", diff)
	}
}

// baseAccount finds the account inside what Open returned.
func baseAccount(acct channels.Account) *account {
	switch a := acct.(type) {
	case *account:
		return a
	case struct {
		*account
		uploader
	}:
		return a.account
	}
	panic("unexpected account")
}

// written applies the documented differences between the examples and what we
// write: positions of buttons are texts as in the table, relativeValidityTime
// gives way to absoluteValidityTime, and provider is an On-Premises field that
// our media do not have.
func written(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			_, isButton := v["parameters"]
			number, isNumber := value.(float64)
			switch {
			case key == "relativeValidityTime", key == "provider":
			case key == "index" && isButton && isNumber:
				out[key] = strconv.Itoa(int(number))
			default:
				out[key] = written(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = written(v[i])
		}
		return out
	}
	return v
}

// apiContent writes a message of LINK's as the content of our API.
func apiContent(message map[string]any) map[string]any {
	content := map[string]any{"type": message["type"]}
	for key, value := range message {
		switch key {
		case "text":
			content["text"] = value.(map[string]any)["body"]
		case "previewUrl", "location", "contacts":
			content[key] = value
		case "template":
			content[key] = renamed(value, templateNames)
		case "type":
		default: // media and interactive
			content[key] = renamed(value, contentNames)
		}
	}
	return content
}

var contentNames = map[string]string{
	"link": "url", "id": "id", "catalog_id": "catalogId", "product_retailer_id": "productId", "product_items": "products",
}

var templateNames = map[string]string{
	"link": "url", "subType": "sub_type", "parameterName": "parameter_name", "fallbackValue": "fallback_value",
	"amount1000": "amount_1000", "dateTime": "date_time", "dayOfWeek": "day_of_week", "dayOfMonth": "day_of_month",
	"flowToken": "flow_token",
}

// renamed renames keys at every depth but inside parameters of interactive
// messages, which both APIs write alike.
func renamed(v any, names map[string]string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			to, ok := names[key]
			if !ok {
				to = key
			}
			out[to] = renamed(value, names)
			switch {
			case key == "parameters" && names["catalog_id"] != "":
				out[key] = value
			case key == "product_items":
				out[to] = productIDs(value.([]any))
			case key == "amount1000":
				out[to] = json.Number(value.(string))
			case key == "id" && len(v) == 1: // media by id
				delete(out, to)
				out["providerId"] = value
			case key == "index" && v["components"] != nil:
				delete(out, to)
				out["card_index"] = value
			case key == "type" && value == "dateTime":
				out[to] = "date_time"
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = renamed(v[i], names)
		}
		return out
	}
	return v
}

func productIDs(items []any) []any {
	ids := make([]any, len(items))
	for i := range items {
		ids[i] = items[i].(map[string]any)["product_retailer_id"]
	}
	return ids
}

// convert copies from into to through JSON.
func convert(t *testing.T, from, to any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}
