package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

func TestChannels(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		types := l.do(200, "GET", "/api/v1/channel-types", "")
		if at(types, "data", 0, "type") != "wire" || at(types, "data", 0, "settings", 1, "kind") != "secret" {
			t.Errorf("types %v", types)
		}
		made := l.do(201, "POST", "/api/v1/channels", `{"type":"loose","name":"Shop","settings":{"number":"12","secret":"hush"}}`)
		id := at(made, "id").(string)
		hook, _ := at(made, "webhookUrl").(string)
		if !strings.HasPrefix(hook, "https://linktor.test/webhooks/loose/"+id+"/") || at(made, "settings", "secret", "set") != true || at(made, "verifyToken") == "" {
			t.Errorf("made %v", made)
		}
		viewed := l.do(200, "GET", "/api/v1/channels/"+id, "", "X-API-Key", "ten_a/channels:view")
		if at(viewed, "webhookUrl") != nil || at(viewed, "verifyToken") != nil || at(viewed, "settings", "verifyToken", "set") != true {
			t.Errorf("a viewer sees %v", viewed)
		}
		bad := call(t, l.Server, "POST", "/api/v1/channels", `{"type":"wire","name":"","settings":{"number":"wrong","colour":1}}`, "X-API-Key", "ten_a/*")
		for _, want := range []string{"/settings/colour", "/settings/secret"} {
			if bad.status != 422 || !strings.Contains(bad.body, want) {
				t.Errorf("bad settings: %v; want %s", bad, want)
			}
		}
		patched := l.do(200, "PATCH", "/api/v1/channels/"+id, `{"name":"Shop 2","settings":{"number":"13"},"throughputPerSecond":5}`)
		if at(patched, "name") != "Shop 2" || at(patched, "settings", "number") != "13" || at(patched, "settings", "secret", "set") != true || at(patched, "throughputPerSecond") != 5.0 {
			t.Errorf("patched %v", patched)
		}
		if off := l.do(200, "POST", "/api/v1/channels/"+id+"/disable", ""); at(off, "enabled") != false {
			t.Errorf("disabled %v", off)
		}
		refused := call(t, l.Server, "POST", "/api/v1/channels/"+id+"/messages", `{"to":"+5511999999999","content":{"type":"text","text":"x"}}`, "X-API-Key", "ten_a/*")
		if refused.status != 409 && refused.status != 422 && refused.status != 202 {
			t.Errorf("on a disabled channel: %v", refused)
		}
		if on := l.do(200, "POST", "/api/v1/channels/"+id+"/enable", ""); at(on, "enabled") != true {
			t.Errorf("enabled %v", on)
		}
		if health := l.do(200, "POST", "/api/v1/channels/"+l.wire.ID+"/verify", ""); at(health, "ok") != true {
			t.Errorf("health %v", health)
		}
		if shown := l.do(200, "GET", "/api/v1/channels/"+l.wire.ID, ""); at(shown, "health", "details", "number") != "12" {
			t.Errorf("health is not kept: %v", shown)
		}
		l.do(422, "POST", "/api/v1/channels/"+id+"/verify", "")
		l.do(204, "DELETE", "/api/v1/channels/"+id, "")
		l.do(404, "GET", "/api/v1/channels/"+id, "")
		l.do(422, "POST", "/api/v1/channels/"+l.wire.ID+"/templates/sync", "")
	})
}

func TestChannelScopeAndLimits(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		id := l.loose.ID
		l.do(200, "PATCH", "/api/v1/channels/"+id, `{"throughputPerSecond":5}`)
		l.do(404, "GET", "/api/v1/channels/"+id, "", "X-API-Key", "ten_b/*")
		l.do(404, "GET", "/api/v1/channels/"+id, "", "X-API-Key", "ten_a/*,in="+l.wire.ID)
		scoped := l.do(200, "GET", "/api/v1/channels", "", "X-API-Key", "ten_a/*,in="+l.wire.ID)
		if len(at(scoped, "data").([]any)) != 1 {
			t.Errorf("scoped %v", scoped)
		}
		l.do(422, "PATCH", "/api/v1/channels/"+id, `{"tier":"TIER_1K","tierPreset":"portfolio"}`)
		l.do(422, "PATCH", "/api/v1/channels/"+id, `{"tierPreset":"none"}`)
		l.do(422, "PATCH", "/api/v1/channels/"+id, `{"tierPreset":"number","portfolioId":"shop"}`)
		tiered := l.do(200, "PATCH", "/api/v1/channels/"+id, `{"tier":"TIER_2K","tierPreset":"portfolio","tierPolicy":"reject","portfolioId":"shop"}`)
		if at(tiered, "tierPreset") != "portfolio" || at(tiered, "tierPolicy") != "reject" || at(tiered, "portfolioId") != "shop" {
			t.Errorf("tiered %v", tiered)
		}
		gauges := l.do(200, "GET", "/api/v1/channels/"+id+"/limits", "", "X-API-Key", "ten_a/channels:view")
		if at(gauges, "data", "tier", "limit") != 2000.0 || at(gauges, "data", "tier", "remaining") != 2000.0 || at(gauges, "data", "tier", "scope") != "portfolio" ||
			at(gauges, "data", "breaker", "state") != "closed" || at(gauges, "data", "throughput", "limit") != 5.0 {
			t.Errorf("limits %v", gauges)
		}
		l.do(404, "GET", "/api/v1/channels/"+id+"/limits", "", "X-API-Key", "ten_b/*")
	})
}

func TestContacts(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		made := l.do(201, "POST", "/api/v1/contacts", `{"name":"Ada","attributes":{"plan":"pro"},"identities":[{"channelType":"wire","value":"+55 11 99999-9999"}]}`)
		if at(made, "identities", 0, "value") != "+5511999999999" || at(made, "country") != "BR" || at(made, "attributes", "plan") != "pro" {
			t.Errorf("made %v", made)
		}
		l.do(409, "POST", "/api/v1/contacts", `{"identities":[{"channelType":"wire","value":"+5511999999999"}]}`)
		l.do(422, "POST", "/api/v1/contacts", `{"identities":[{"channelType":"fax","value":"+5511999999999"}]}`)
		l.do(422, "POST", "/api/v1/contacts", `{"identities":[{"channelType":"wire","value":"soon"}]}`)
		l.do(422, "POST", "/api/v1/contacts", `{"attributes":[1],"identities":[{"channelType":"wire","value":"+5511988888888"}]}`)
		id := at(made, "id").(string)
		if got := l.do(200, "PATCH", "/api/v1/contacts/"+id, `{"name":"Ada L."}`); at(got, "name") != "Ada L." || at(got, "attributes", "plan") != "pro" {
			t.Errorf("patched %v", got)
		}
		if got := l.do(200, "GET", "/api/v1/contacts?q=%2B5511", ""); at(got, "data", 0, "id") != id {
			t.Errorf("found %v", got)
		}
		l.do(404, "GET", "/api/v1/contacts/"+id, "", "X-API-Key", "ten_b/*")
	})
}

func TestJournalReplay(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		got := call(t, l.Server, "POST", "/webhooks/wire/"+l.wire.ID, `{"messages":"not a list"}`, "X-Signature", "hush")
		if got.status != 200 {
			t.Fatal(got)
		}
		list := l.do(200, "GET", "/api/v1/journal", "")
		id, _ := at(list, "data", 0, "id").(string)
		if at(list, "data", 0, "problems", 0, "reason") == nil {
			t.Errorf("journal %v", list)
		}
		one := l.do(200, "GET", "/api/v1/journal/"+id, "")
		if diff := cmp.Diff(`{"messages":"not a list"}`, at(one, "body")); diff != "" {
			t.Error(diff)
		}
		if again := l.do(200, "POST", "/api/v1/journal/"+id+"/replay", ""); at(again, "problems", 0, "reason") == nil {
			t.Errorf("replayed %v", again)
		}
		applied := l.do(200, "GET", "/api/v1/journal?state=applied", "")
		l.do(200, "POST", "/api/v1/journal/"+at(applied, "data", 0, "id").(string)+"/replay", "")
		if n := at(l.do(200, "GET", "/api/v1/messages", ""), "data").([]any); len(n) != 1 {
			t.Errorf("a replay stored %d messages; want 1", len(n))
		}
		l.do(404, "GET", "/api/v1/journal/"+id, "", "X-API-Key", "ten_b/*")
	})
}
