package whatsapp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/linktor/linktor/channels"
)

// fixtures returns the JSON files of a folder of real payloads, or skips. Point
// LINKTOR_FIXTURES at another folder of the same shape to test that one.
func fixtures(t *testing.T, folder string) []string {
	t.Helper()
	root := os.Getenv("LINKTOR_FIXTURES")
	if root == "" {
		root = filepath.FromSlash("../../../shared/fixtures")
	}
	dir := filepath.Join(root, "whatsapp", filepath.FromSlash(folder))
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no payloads in %s: set LINKTOR_FIXTURES to run this", dir)
	}
	return files
}

// counts are the events of one body by kind.
type counts struct{ Messages, Statuses, Changes, Invalid int }

// Ensure that each message, status and other change of a real payload becomes
// exactly one event. What to expect is counted from the JSON by other code.
func TestFixtures(t *testing.T) {
	for _, folder := range []string{"inbound", "status", "other"} {
		t.Run(folder, func(t *testing.T) {
			for _, file := range fixtures(t, folder) {
				t.Run(filepath.Base(file), func(t *testing.T) { checkFixture(t, file) })
			}
		})
	}
}

func checkFixture(t *testing.T, file string) {
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("the payload is not JSON: %v", err)
	}
	number := firstNumber(doc)
	events, err := openFor(t, number).Parse(body)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	var got counts
	for _, e := range events {
		switch e.Kind {
		case channels.EventMessage:
			got.Messages++
		case channels.EventStatus:
			got.Statuses++
		case channels.EventChange:
			got.Changes++
		case channels.EventInvalid:
			got.Invalid++
			t.Errorf("invalid item: %s", e.Reason)
		}
	}
	if want := expected(doc, number); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// firstNumber finds the phone number id that the payload is for, anywhere in it.
func firstNumber(doc any) string {
	switch v := doc.(type) {
	case map[string]any:
		if id, ok := v["phone_number_id"].(string); ok {
			return id
		}
		for _, key := range []string{"entry", "changes", "value", "metadata"} {
			if id := firstNumber(v[key]); id != "" {
				return id
			}
		}
	case []any:
		for _, x := range v {
			if id := firstNumber(x); id != "" {
				return id
			}
		}
	}
	return ""
}

// expected counts what the payload holds.
func expected(doc any, number string) counts {
	root, _ := doc.(map[string]any)
	var n counts
	entries, ok := root["entry"].([]any)
	if root["value"] != nil {
		n.add(root, number)
	} else if !ok || len(entries) == 0 || root["object"] != "whatsapp_business_account" {
		return counts{Changes: 1}
	}
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		list, _ := entry["changes"].([]any)
		if len(list) == 0 {
			n.Changes++
		}
		for _, c := range list {
			change, _ := c.(map[string]any)
			n.add(change, number)
		}
	}
	return n
}

// add counts the items of one change.
func (n *counts) add(change map[string]any, number string) {
	value, _ := change["value"].(map[string]any)
	size := func(key string) int {
		if list, ok := value[key].([]any); ok || value[key] == nil {
			return len(list)
		}
		return 1 // an item in place of the array
	}
	field, _ := change["field"].(string)
	itemised := map[string]bool{
		"": true, "messages": true, "calls": true, "history": true, "smb_message_echoes": true, "standby": true,
		"user_preferences": true, "user_id_update": true, "smb_app_state_sync": true, "automatic_events": true,
		"group_lifecycle_update": true, "group_participants_update": true, "group_settings_update": true,
		"group_status_update": true,
	}
	if !itemised[field] {
		n.Changes++
		return
	}
	messages := size("messages") + size("message_echoes")
	statuses := size("statuses")
	changes := size("errors") + size("calls") + size("user_preferences") + size("user_id_update") + size("groups") +
		size("state_sync") + size("automatic_events")
	m, c := historyItems(value["history"])
	messages, changes = messages+m, changes+c
	calls := callStatuses(field, value["statuses"])
	statuses, changes = statuses-calls, changes+calls
	meta, _ := value["metadata"].(map[string]any)
	if id, _ := meta["phone_number_id"].(string); id != "" && id != number {
		messages, statuses, changes = 0, 0, changes+messages+statuses
	}
	if messages+statuses+changes == 0 {
		changes = 1
	}
	n.Messages, n.Statuses, n.Changes = n.Messages+messages, n.Statuses+statuses, n.Changes+changes
}

// callStatuses counts the statuses that are about calls.
func callStatuses(field string, statuses any) (n int) {
	list, _ := statuses.([]any)
	for _, s := range list {
		if m, _ := s.(map[string]any); field == "calls" || m["type"] == "call" {
			n++
		}
	}
	return n
}

// historyItems counts the messages of threads and the errors of chunks.
func historyItems(history any) (messages, changes int) {
	chunks, _ := history.([]any)
	for _, c := range chunks {
		chunk, _ := c.(map[string]any)
		before := messages + changes
		threads, _ := chunk["threads"].([]any)
		for _, th := range threads {
			list, _ := th.(map[string]any)["messages"].([]any)
			messages += len(list)
		}
		errs, _ := chunk["errors"].([]any)
		changes += len(errs)
		if messages+changes == before {
			changes++
		}
	}
	return messages, changes
}
