package simulator

import (
	"testing"
	"time"
)

const draft = `,"language":"en","category":"utility","components":[{"type":"BODY","text":"Hi {{1}}, your table is ready.","example":{"body_text":[["Ann"]]}}]}`

func TestTemplateReview(t *testing.T) {
	w := newWorld(t, nil)
	path := "/graph/v24.0/" + testWABA + "/message_templates"
	status, v := w.call("POST", path, `{"name":"table_ready"`+draft)
	if status != 200 || v["status"] != "PENDING" || v["category"] != "UTILITY" {
		t.Fatalf("got %d %v", status, v)
	}
	if got := w.value(); got["event"] != "APPROVED" || got["message_template_name"] != "table_ready" {
		t.Errorf("got %v", got)
	}
	if status, got := w.call("GET", "/graph/v24.0/"+v["id"].(string), ""); status != 200 || got["status"] != "APPROVED" {
		t.Errorf("got %d %v", status, got)
	}
	if _, v := w.call("POST", path, `{"name":"table_ready"`+draft); at(t, v, "error", "error_subcode") != 2388024.0 {
		t.Errorf("a duplicate gave %v", v)
	}
	if _, v := w.call("POST", path, `{"name":"please_reject_me"`+draft); v["status"] != "PENDING" {
		t.Errorf("got %v", v)
	}
	if got := w.value(); got["event"] != "REJECTED" || got["reason"] != "INCORRECT_CATEGORY" {
		t.Errorf("got %v", got)
	}
	status, _ = w.send(ada, `"type":"template","template":{"name":"table_ready","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"Ada"}]}]}`)
	if status != 200 {
		t.Errorf("the new template was refused: %d", status)
	}
	if status, _ := w.call("DELETE", path+"?name=table_ready", ""); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if _, v := w.call("POST", path, `{"name":"table_ready"`+draft); at(t, v, "error", "error_subcode") != 2388023.0 {
		t.Errorf("the name is not blocked: %v", v)
	}
}

func TestTemplateListPages(t *testing.T) {
	w := newWorld(t, nil)
	seen := map[string]bool{}
	path := "/graph/v24.0/" + testWABA + "/message_templates?limit=2"
	for path != "" {
		status, v := w.call("GET", path, "")
		if status != 200 {
			t.Fatalf("got %d %v", status, v)
		}
		for _, x := range v["data"].([]any) {
			seen[x.(map[string]any)["id"].(string)] = true
		}
		next, _ := at(t, v, "paging", "next").(string)
		path = ""
		if next != "" {
			path = next[len(w.url):]
		}
	}
	if len(seen) != len(starters) {
		t.Errorf("listed %d of %d", len(seen), len(starters))
	}
}

func TestTemplateEdit(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return now } })
	id := stableID(testWABA, "hello_world", "en_US")
	body := `{"components":[{"type":"BODY","text":"Welcome once more."}]}`
	if status, v := w.call("POST", "/graph/v24.0/"+id, body); status != 200 {
		t.Fatalf("got %d %v", status, v)
	}
	if got := w.value(); got["event"] != "APPROVED" {
		t.Errorf("got %v", got)
	}
	if _, v := w.call("POST", "/graph/v24.0/"+id, body); errorCode(t, v) != 100 {
		t.Errorf("edited twice in a day: %v", v)
	}
}

func TestPausedTemplate(t *testing.T) {
	w := newWorld(t, nil)
	if !w.SetTemplate(t.Context(), testNumber, "hello_world", "en_US", "PAUSED") {
		t.Fatal("no such template")
	}
	if got := w.value(); got["event"] != "PAUSED" {
		t.Errorf("got %v", got)
	}
	if _, v := w.send(ada, `"type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}`); errorCode(t, v) != 132015 {
		t.Errorf("got %v", v)
	}
}
