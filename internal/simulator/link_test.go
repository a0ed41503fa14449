package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

func linkAuth(r *http.Request) { r.SetBasicAuth("linkuser", "linkpass") }

// linkSend posts one text; change edits the request before it goes.
func (w *world) linkSend(to, change string) (int, map[string]any) {
	w.t.Helper()
	body := `{"platformId":"PLATFORM","platformPartnerId":"4711","priority":"NORMAL","eventReportGates":["gate1"],"refId":"ref-9","customParameters":{"k":"v"},` +
		`"source":"` + linkSource + `","destinations":["` + to + `"],"messages":[{"type":"text","previewUrl":false,"text":{"body":"Hej"}}]` + change + `}`
	return w.call("POST", "/link/messages", body, linkAuth)
}

func TestLinkChain(t *testing.T) {
	w := newWorld(t, nil)
	status, v := w.linkSend("+46701740605", "")
	if status != 200 || v["resultCode"] != 112001.0 {
		t.Fatalf("got %d %v", status, v)
	}
	id := at(t, v, "messageIds", 0)
	for _, want := range []float64{112002, 112006, 112003, 112007} {
		h := w.hook()
		if user, pass, _ := (&http.Request{Header: h.header}).BasicAuth(); user != "gate" || pass != "keeper" {
			t.Errorf("credentials %s:%s", user, pass)
		}
		w.hooks <- h
		dlr := w.next()
		if dlr["resultCode"] != want || dlr["messageId"] != id || dlr["refId"] != "ref-9" || at(t, dlr, "customParameters", "k") != "v" {
			t.Errorf("want %v, got %v", want, dlr)
		}
		if wa := at(t, dlr, "customParameters", "waMessageId"); (wa == nil) != (want == 112002) {
			t.Errorf("%v: waMessageId %v", want, wa)
		}
	}
	if w.Accepted("ref-9") != 1 {
		t.Error("not in the ledger")
	}
}

func TestLinkRefusals(t *testing.T) {
	w := newWorld(t, nil)
	if status, v := w.call("POST", "/link/messages", `{}`); status != 401 || v["resultCode"] != 112400.0 {
		t.Errorf("got %d %v", status, v)
	}
	tests := []struct {
		name, change string
		status, code int
	}{
		{"other partner", `,"platformPartnerId":"1"`, 403, 112401},
		{"priority", `,"priority":"URGENT"`, 400, 112402},
		{"no messages", `,"messages":[]`, 400, 112402},
		{"no destinations", `,"destinations":[]`, 400, 112402},
		{"unknown type", `,"messages":[{"type":"sticker","sticker":{"link":"https://a.example"}}]`, 400, 112402},
		{"no text", `,"messages":[{"type":"text","text":{}}]`, 400, 112402},
		{"misspelt parameters", `,"messages":[{"type":"template","template":{"name":"a","language":{"code":"en"},"components":[{"type":"body","Templat":[]}]}}]`, 400, 112402},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // the later of two equal keys counts
			status, v := w.linkSend("+46701740605", tt.change)
			if status != tt.status || v["resultCode"] != float64(tt.code) {
				t.Errorf("got %d %v", status, v)
			}
		})
	}
}

func TestLinkMagic(t *testing.T) {
	for to, want := range map[string]int{
		"+15550131047": 112403, "+15551131026": 112403, "+15551112404": 112404, "+15551112408": 112408, "+15551012409": 12409,
	} {
		w := newWorld(t, nil)
		if status, v := w.linkSend(to, ""); status != 200 {
			t.Fatalf("%s: got %d %v", to, status, v)
		}
		dlr := w.next()
		if dlr["resultCode"] != float64(want) {
			t.Errorf("%s: got %v", to, dlr)
		}
		if want == 112403 {
			if got := dlr["resultDescription"].(string); !slices.Contains([]string{"(#131047)", "(#131026)"}, got[:9]) {
				t.Errorf("got %s", got)
			}
		}
	}
	w := newWorld(t, nil)
	for to, want := range map[string]int{"+15550112402": 400, "+15550112500": 500, "+15552000429": 429, "+15552000500": 500} {
		if status, _ := w.linkSend(to, ""); status != want {
			t.Errorf("%s: got %d", to, status)
		}
	}
}

func TestLinkGates(t *testing.T) {
	w := newWorld(t, nil)
	if status, _ := w.linkSend("+46701740605", `,"eventReportGates":["other"]`); status != 200 {
		t.Fatal(status)
	}
	if status, _ := w.linkSend("+15551112404", `,"refId":"second"`); status != 200 {
		t.Fatal(status)
	}
	if dlr := w.next(); dlr["refId"] != "second" {
		t.Errorf("reported to a gate that was not named: %v", dlr)
	}
}

func TestLinkSeveralMessages(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Behaviour.ReadMS = -1 })
	_, v := w.linkSend("+46701740605", `,"messages":[{"type":"text","text":{"body":"a"}},{"type":"text","text":{"body":"b"}}],"destinations":["+46701740605","+16505550101"]`)
	if ids := v["messageIds"].([]any); len(ids) != 2 {
		t.Fatalf("got %v", v)
	}
	seen := map[string]int{}
	for range 12 {
		dlr := w.next()
		seen[fmt.Sprint(dlr["messageId"], dlr["messageIndex"])]++
	}
	for k, n := range seen {
		if n != 3 || len(seen) != 4 {
			t.Errorf("%s: %d statuses", k, n)
		}
	}
}

func TestLinkTemplates(t *testing.T) {
	w := newWorld(t, nil)
	path := "/link/platformId/PLATFORM/platformPartnerId/4711/source/%2B46700000001/templates/"
	status, v := w.call("PUT", path, `{"name":"table_ready"`+draft, linkAuth)
	if status != 200 || v["status"] != "PENDING" {
		t.Fatalf("got %d %v", status, v)
	}
	id := v["id"].(string)
	if status, v := w.call("GET", path+id, "", linkAuth); status != 200 || v["name"] != "table_ready" {
		t.Errorf("got %d %v", status, v)
	}
	if status, _ := w.call("GET", "/link/platformId/PLATFORM/platformPartnerId/1/source/%2B46700000001/templates/"+id, "", linkAuth); status != 403 {
		t.Errorf("another partner got %d", status)
	}
	if status, _ := w.call("DELETE", path+id+"/table_ready", "", linkAuth); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if status, _ := w.call("GET", path+id, "", linkAuth); status != 400 {
		t.Errorf("found after it was deleted: %d", status)
	}
}
