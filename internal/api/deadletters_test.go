package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// fail queues a text and lets the provider refuse it.
func (l *lab) fail(text string) string {
	l.t.Helper()
	id := l.do(202, http.MethodPost, "/api/v1/messages", `{"channelId":"`+l.wire.ID+`","to":"+5511999999999","content":{"type":"text","text":"`+text+`"}}`)["id"].(string)
	l.refuse()
	return id
}

// refuse claims what is due and records a final refusal for it.
func (l *lab) refuse() {
	l.t.Helper()
	claims, err := l.Conversations.ClaimSends(l.t.Context(), 10, conversations.ClaimFilter{})
	if err != nil || len(claims) != 1 {
		l.t.Fatalf("claims %+v, %v", claims, err)
	}
	if err := l.Conversations.RecordSend(l.t.Context(), conversations.Outcome{Claim: claims[0], Verdict: conversations.VerdictFailed, Err: refusal()}); err != nil {
		l.t.Fatal(err)
	}
}

func TestScheduleAndCancel(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		at := func(when time.Duration) string { return time.Now().Add(when).UTC().Format(time.RFC3339) }
		send := func(want int, more string) map[string]any {
			return l.do(want, http.MethodPost, "/api/v1/messages", `{"channelId":"`+l.wire.ID+`","to":"+5511999999999","content":{"type":"text","text":"x"},`+more+`}`)
		}
		m := send(202, `"sendAt":"`+at(time.Hour)+`","ordering":"bestEffort"`)
		if m["status"] != "scheduled" || m["ordering"] != "bestEffort" || m["sendAt"] == nil || m["waiting"].(map[string]any)["reason"] != "scheduled" {
			t.Errorf("scheduled %v", m)
		}
		path := "/api/v1/messages/" + m["id"].(string)
		if got := l.do(200, http.MethodPost, path+"/cancel", ""); got["status"] != "cancelled" {
			t.Errorf("cancelled %v", got)
		}
		if got := l.do(409, http.MethodPost, path+"/cancel", ""); got["code"] != "not_cancellable" || !strings.Contains(got["detail"].(string), "cancelled") {
			t.Errorf("again: %v", got)
		}
		for _, wrong := range []string{
			`"sendAt":"` + at(-time.Hour) + `"`, `"sendAt":"` + at(31*24*time.Hour) + `"`, `"sendAt":"tomorrow"`, `"ordering":"none"`,
			`"fallbackTemplate":{"type":"text","text":"x"}`, `"fallbackTemplate":{"type":"template","template":{"name":"","language":{"code":"en"}}}`,
		} {
			got := send(422, wrong)
			name, _, _ := strings.Cut(strings.TrimPrefix(wrong, `"`), `"`)
			if errs := got["errors"].([]any); !strings.HasPrefix(errs[0].(map[string]any)["pointer"].(string), "/"+name) {
				t.Errorf("%s: %v", wrong, got)
			}
		}
	})
}

func TestDeadLetters(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		l.receive("p1", "hello")
		first, second := l.fail("a"), l.fail("b")
		page := l.do(200, http.MethodGet, "/api/v1/dead-letters?limit=1&class=recipient", "")
		if at(page, "data", 0, "message", "id") != second || at(page, "data", 0, "code") != "131026" || at(page, "page", "hasMore") != true {
			t.Fatalf("page %v", page)
		}
		rest := l.do(200, http.MethodGet, "/api/v1/dead-letters?limit=1&after="+at(page, "page", "next").(string), "")
		if at(rest, "data", 0, "message", "id") != first || at(rest, "page", "hasMore") != false {
			t.Errorf("second page %v", rest)
		}
		if none := l.do(200, http.MethodGet, "/api/v1/dead-letters?code=1&channelId="+l.wire.ID, ""); len(at(none, "data").([]any)) != 0 {
			t.Errorf("another code: %v", none)
		}
		if got := l.do(200, http.MethodPost, "/api/v1/messages/"+first+"/retry", ""); got["possibleDuplicate"] != false || got["reason"] == "" || at(got, "message", "status") != "queued" {
			t.Errorf("retried %v", got)
		}
		l.refuse()
		replay := func(body string) map[string]any {
			return l.do(200, http.MethodPost, "/api/v1/dead-letters/replay", body)
		}
		got := replay(`{"code":"131026","limit":1}`)
		if got["replayed"] != 1.0 || got["hasMore"] != true || got["next"] == nil {
			t.Fatalf("replay %v", got)
		}
		if got = replay(`{"from":"2020-01-01T00:00:00Z"}`); got["replayed"] != 1.0 || got["hasMore"] != false {
			t.Errorf("the rest: %v", got)
		}
		if got = replay(`{}`); got["replayed"] != 0.0 || len(got["skipped"].([]any)) != 0 {
			t.Errorf("again: %v", got)
		}
		if got = replay(`{"messageIds":["` + first + `"]}`); at(got, "skipped", 0, "reason") != "not_retryable" {
			t.Errorf("one that is queued: %v", got)
		}
	})
}

// A repeat of an accepted request gets the first answer, whatever has happened to
// the channel since.
func TestReplayAfterAChange(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	l.receive("p1", "hello")
	body := `{"channelId":"` + l.wire.ID + `","to":"+5511999999999","content":{"type":"text","text":"x"}}`
	first := l.do(202, http.MethodPost, "/api/v1/messages", body, "Idempotency-Key", "k")
	l.do(200, http.MethodPatch, "/api/v1/channels/"+l.wire.ID, `{"enabled":false}`)
	if again := l.do(202, http.MethodPost, "/api/v1/messages", body, "Idempotency-Key", "k"); again["id"] != first["id"] {
		t.Errorf("%v; want the first message", again["id"])
	}
	other := strings.Replace(body, `"x"`, `"y"`, 1)
	if got := l.do(409, http.MethodPost, "/api/v1/messages", other, "Idempotency-Key", "k"); got["code"] != "channel_disabled" {
		t.Errorf("another request: %v", got)
	}
}

func refusal() *channels.SendError {
	return &channels.SendError{Class: channels.ClassRecipient, Code: "131026", Title: "Undeliverable"}
}

// Sending again needs what sending needed: the permission for the fallback template,
// and that it is still approved.
func TestRetryWithAFallback(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	l.receive("p1", "hello")
	if _, err := l.DB.Exec(t.Context(), `INSERT INTO templates (id, tenant_id, channel_id, name, language, category, status, components, created_at, updated_at, synced_at)
		VALUES ('tpl_1', 'ten_a', $1, 'order', 'en', 'UTILITY', 'APPROVED', '[]', 1, 1, 1)`, l.wire.ID); err != nil {
		t.Fatal(err)
	}
	id := l.do(202, http.MethodPost, "/api/v1/messages", `{"channelId":"`+l.wire.ID+`","to":"+5511999999999","content":{"type":"text","text":"x"},
		"fallbackTemplate":{"type":"template","template":{"name":"order","language":{"code":"en"}}}}`)["id"].(string)
	l.refuse()
	const onlyText = "ten_a/messages:send_text,messages:view"
	l.do(403, http.MethodPost, "/api/v1/messages/"+id+"/retry", "", "X-API-Key", onlyText)
	if got := l.do(200, http.MethodPost, "/api/v1/dead-letters/replay", `{}`, "X-API-Key", onlyText); at(got, "replayed") != 0.0 || at(got, "skipped", 0, "reason") != "permission_missing" {
		t.Errorf("replayed without the permission: %v", got)
	}
	if _, err := l.DB.Exec(t.Context(), `UPDATE templates SET status = 'PAUSED'`); err != nil {
		t.Fatal(err)
	}
	got := l.do(422, http.MethodPost, "/api/v1/messages/"+id+"/retry", "")
	if at(got, "code") != "template_not_approved" || at(got, "errors", 0, "pointer") != "/fallbackTemplate/template/name" {
		t.Errorf("with a paused template: %v", got)
	}
}

// A replay that takes long ends early and says where to go on.
func TestReplayDeadLettersInSteps(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	l.receive("p1", "hello")
	ids := []string{l.fail("a"), l.fail("b"), l.fail("c")}
	now := time.Now()
	l.Now = func() time.Time { now = now.Add(replayTime); return now } // each look takes as long as a call may
	replay := func(body string) map[string]any {
		return l.do(200, http.MethodPost, "/api/v1/dead-letters/replay", body)
	}
	got := replay(`{}`)
	next, _ := got["next"].(string)
	if got["replayed"] != 2.0 || got["hasMore"] != true || next == "" {
		t.Fatalf("first step %v", got)
	}
	if got = replay(`{"after":"` + next + `"}`); got["replayed"] != 1.0 || got["hasMore"] != false || got["next"] != nil {
		t.Errorf("second step %v", got)
	}
	got = replay(`{"messageIds":["` + strings.Join(ids, `","`) + `"]}`)
	if len(got["skipped"].([]any)) != 2 || got["hasMore"] != true || at(got, "remaining", 0) != ids[2] {
		t.Errorf("by their ids: %v", got)
	}
	if got := l.do(422, http.MethodGet, "/api/v1/dead-letters?to=tomorrow", ""); at(got, "errors", 0, "parameter") != "to" {
		t.Errorf("a wrong end: %v", got)
	}
	if got := l.do(422, http.MethodPost, "/api/v1/dead-letters/replay", `{"to":"tomorrow"}`); at(got, "errors", 0, "pointer") != "/to" {
		t.Errorf("a wrong end of a replay: %v", got)
	}
}
