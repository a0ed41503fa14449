package whatsapp

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
)

// Ensure that equal content in our vocabulary makes a request of the same shape
// as the documented one: every member of theirs is in ours.
func TestRequestFixtures(t *testing.T) {
	for _, file := range fixtures(t, "outbound/request") {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var theirs map[string]any
			if err := json.Unmarshal(data, &theirs); err != nil {
				t.Fatal(err)
			}
			out, ok := outbound(t, theirs)
			if !ok {
				t.Skip("not a message: calls, registration, blocking, read receipts")
			}
			wire, err := render(out)
			if err != nil {
				t.Fatalf("render: %v", err)
			}
			ours := paths(t, wire)
			for _, p := range paths(t, theirs) {
				if !slices.Contains(ours, p) && leftOut[filepath.Base(p)] == "" {
					t.Errorf("%s is missing", p)
				}
			}
		})
	}
}

// leftOut are documented members that we do not send, and why.
var leftOut = map[string]string{
	"message_activity_sharing": "Marketing Messages API",
	"product_policy":           "Marketing Messages API",
	"payment_link_preview":     "payments in India",
}

// outbound translates a documented request into our vocabulary.
func outbound(t *testing.T, theirs map[string]any) (channels.Outbound, bool) {
	t.Helper()
	kind, _ := theirs["type"].(string)
	part, ok := theirs[kind]
	if !ok {
		return channels.Outbound{}, false
	}
	content := map[string]any{"type": kind, kind: translate(part)}
	if m, ok := part.(map[string]any); ok && kind == "text" {
		content = map[string]any{"type": kind, "text": m["body"]}
		if m["preview_url"] != nil {
			content["previewUrl"] = m["preview_url"] == true || m["preview_url"] == "true"
		}
	}
	out := channels.Outbound{MessageID: "msg_x", To: channels.Recipient{Phone: "+351910000001"}}
	if theirs["recipient"] != nil && theirs["to"] == nil {
		out.To = channels.Recipient{UserID: theirs["recipient"].(string)}
	}
	if theirs["recipient_identity_key_hash"] != nil {
		out.Options.IdentityKeyHash = "hash"
	}
	if theirs["context"] != nil {
		out.ReplyTo = "wamid.X"
	}
	data, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out.Content); err != nil {
		if strings.Contains(err.Error(), "bool into Go struct field TemplateParameter") {
			t.Skip("the sample writes a boolean where a text belongs")
		}
		t.Fatalf("our vocabulary cannot say it: %v", err)
	}
	return out, true
}

// renamed are members that our vocabulary spells another way.
var renamed = map[string]string{
	"id": "providerId", "link": "url", "formatted_name": "formattedName", "first_name": "firstName",
	"last_name": "lastName", "middle_name": "middleName", "wa_id": "waId", "country_code": "countryCode",
	"catalog_id": "catalogId", "product_retailer_id": "productId", "message_id": "messageId",
}

// verbatim are members that hold the provider's own object.
var verbatim = []string{"parameters", "cards", "product", "action", "limited_time_offer", "tap_target_configuration"}

func translate(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = translate(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, x := range v {
			out[translateKey(v, key)] = translateMember(v, key, x)
		}
		return out
	}
	return v
}

// translateKey leaves ids of buttons and rows alone: only media have ours.
func translateKey(parent map[string]any, key string) string {
	if key == "id" && parent["title"] != nil {
		return key
	}
	if key == "product_items" {
		return "products"
	}
	if to, ok := renamed[key]; ok {
		return to
	}
	return key
}

func translateMember(parent map[string]any, key string, x any) any {
	switch {
	case key == "latitude" || key == "longitude":
		return json.Number(strings.TrimSpace(fmt.Sprint(x)))
	case key == "product_items":
		var ids []any
		for _, item := range x.([]any) {
			ids = append(ids, item.(map[string]any)["product_retailer_id"])
		}
		return ids
	case key == "action" && parent["type"] != "action": // the action of an interactive message
		return translate(x)
	case slices.Contains(verbatim, key) && !isComponents(x):
		return x
	}
	return translate(x)
}

// isComponents tells a template's parameters and cards, which we interpret, from
// an interactive message's.
func isComponents(x any) bool {
	list, ok := x.([]any)
	if !ok || len(list) == 0 {
		return false
	}
	first, ok := list[0].(map[string]any)
	return ok && (first["type"] != nil && first["card_index"] == nil || first["components"] != nil)
}

// paths lists the members of v, without array positions.
func paths(t *testing.T, v any) []string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, x := range v {
				out = append(out, at+"/"+key)
				walk(at+"/"+key, x)
			}
		case []any:
			for _, x := range v {
				walk(at, x)
			}
		}
	}
	walk("", doc)
	slices.Sort(out)
	return slices.Compact(out)
}
