package simulator

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAccess(t *testing.T) {
	w := newWorld(t, nil)
	token := func(v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("Authorization", v) } }
	tests := []struct {
		name, path, auth string
		status, code     int
	}{
		{"no token", "/graph/v24.0/" + testNumber + "/messages", "", 401, 104},
		{"wrong token", "/graph/v24.0/" + testNumber + "/messages", "Bearer nope", 401, 190},
		{"no version", "/graph/" + testNumber + "/messages", "Bearer " + testToken, 400, 2500},
		{"unknown number", "/graph/v24.0/1/messages", "Bearer " + testToken, 400, 100},
		{"unknown edge", "/graph/v24.0/" + testNumber + "/letters", "Bearer " + testToken, 400, 2500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, v := w.call("POST", tt.path, `{}`, token(tt.auth))
			if status != tt.status || errorCode(t, v) != tt.code {
				t.Errorf("got %d %v", status, v)
			}
		})
	}
	if status, v := w.call("GET", "/graph/v24.0/"+testNumber+"?fields=display_phone_number", ""); status != 200 || v["display_phone_number"] != "+15550783999" {
		t.Errorf("probe: %d %v", status, v)
	}
}

func TestRefusedContent(t *testing.T) {
	w := newWorld(t, nil)
	button := func(title string) string {
		return `"type":"interactive","interactive":{"type":"button","body":{"text":"?"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"` + title + `"}}]}}`
	}
	template := func(name, rest string) string {
		return `"type":"template","template":{"name":"` + name + `","language":{"code":"en"}` + rest + `}`
	}
	three := `,"components":[{"type":"body","parameters":[{"type":"text","text":"Ann"},{"type":"text","text":"A-1"},{"type":"currency","currency":{"code":"USD","amount_1000":1,"fallback_value":"$1"}}]}]`
	tests := []struct {
		name, rest string
		code       int // 0: accepted
	}{
		{"text", hello, 0},
		{"no body", `"type":"text","text":{}`, 100},
		{"long text", `"type":"text","text":{"body":"` + strings.Repeat("é", 4097) + `"}`, 100},
		{"longest text", `"type":"text","text":{"body":"` + strings.Repeat("é", 4096) + `"}`, 0},
		{"unknown type", `"type":"hologram"`, 100},
		{"id and link", `"type":"image","image":{"id":"1","link":"https://a.example/b.png"}`, 100},
		{"unknown media id", `"type":"image","image":{"id":"1"}`, 131009},
		{"link", `"type":"image","image":{"link":"https://a.example/b.png","caption":"b"}`, 0},
		{"location", `"type":"location","location":{"latitude":"59.3","longitude":18}`, 0},
		{"no longitude", `"type":"location","location":{"latitude":59.3}`, 100},
		{"button", button("Yes"), 0},
		{"long button", button(strings.Repeat("y", 21)), 100},
		{"empty list", `"type":"interactive","interactive":{"type":"list","body":{"text":"?"},"action":{"button":"Go","sections":[]}}`, 100},
		{"reaction", `"type":"reaction","reaction":{"message_id":"wamid.A","emoji":""}`, 0},
		{"card without name", `"type":"contacts","contacts":[{"phones":[]}]`, 100},
		{"template", template("order_confirmation", three), 0},
		{"too few parameters", template("order_confirmation", ""), 132000},
		{"unknown template", template("nothing", ""), 132001},
		{"wrong header", template("spring_offer", `,"components":[{"type":"header","parameters":[{"type":"text","text":"x"}]},{"type":"body","parameters":[{"type":"text","text":"Ann"}]}]`), 132012},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, v := w.send(ada, tt.rest)
			if tt.code == 0 {
				if status != 200 {
					t.Errorf("refused: %v", v)
				}
				return
			}
			if got := errorCode(t, v); got != tt.code || status != metaErrorOf(tt.code).http {
				t.Errorf("got %d %v; want %d", status, v, tt.code)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return now } })
	if _, v := w.send("+14155550123", hello); errorCode(t, v) != 131047 {
		t.Errorf("a stranger's window is open: %v", v)
	}
	old := Inbound{Text: "yesterday", At: now.Add(-25 * time.Hour)}
	if _, err := w.Say(t.Context(), testNumber, "+14155550123", old); err != nil {
		t.Fatal(err)
	}
	if _, v := w.send("+14155550123", hello); errorCode(t, v) != 131047 {
		t.Errorf("an old message opened the window: %v", v)
	}
	if status, v := w.send("+14155550123", `"type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}`); status != 200 {
		t.Errorf("a template was refused: %v", v)
	}
	if _, err := w.Say(t.Context(), testNumber, "+14155550123", Inbound{Text: "now"}); err != nil {
		t.Fatal(err)
	}
	if status, v := w.send("+14155550123", hello); status != 200 {
		t.Errorf("the window is closed: %v", v)
	}
}

func TestWaIDDiffersFromInput(t *testing.T) {
	for input, want := range map[string]string{
		"+55 11 98123-4567": "551181234567", "+525512345678": "5215512345678", "+541123456789": "5491123456789",
		"+16505550101": "16505550101", "+5491123456789": "5491123456789",
	} {
		if got := waID(input); got != want {
			t.Errorf("waID(%s) = %s; want %s", input, got, want)
		}
	}
	w := newWorld(t, nil)
	_, v := w.send("+5511981234567", hello)
	if c := at(t, v, "contacts", 0).(map[string]any); c["input"] != "+5511981234567" || c["wa_id"] != "551181234567" {
		t.Errorf("got %v", c)
	}
}

func TestUserIDRecipient(t *testing.T) {
	w := newWorld(t, nil)
	_, v := w.call("POST", "/graph/v24.0/"+testNumber+"/messages",
		`{"messaging_product":"whatsapp","recipient":"US.7720463118952004417","type":"text","text":{"body":"Hi"}}`)
	if c := at(t, v, "contacts", 0).(map[string]any); c["user_id"] != "US.7720463118952004417" || c["wa_id"] != nil {
		t.Errorf("got %v", c)
	}
	if st := at(t, w.value(), "statuses", 0).(map[string]any); st["recipient_user_id"] != "US.7720463118952004417" || st["recipient_id"] != nil {
		t.Errorf("got %v", st)
	}
}

func TestMagicRefusals(t *testing.T) {
	w := newWorld(t, nil)
	for to, want := range map[string][2]int{
		"+15550131026": {400, 131026}, "+15550131047": {400, 131047}, "+15550000190": {401, 190}, "+15550000000": {401, 0},
		"+15550131056": {400, 131056}, "+15552000429": {429, 130429},
	} {
		if status, v := w.send(to, hello); status != want[0] || errorCode(t, v) != want[1] {
			t.Errorf("%s: got %d %v", to, status, v)
		}
	}
	if status, v := w.send("+15552000500", hello); status != 500 || len(v) != 0 {
		t.Errorf("got %d %v", status, v)
	}
}

func TestMagicStatuses(t *testing.T) {
	tests := map[string][]string{
		"+15551131026": {"failed"}, "+15554000001": {"sent", "sent", "delivered", "delivered", "read", "read"},
		"+15555000001": {"read", "delivered", "sent"}, "+15556000001": {"sent", "delivered", "read"},
		"+15557000001": {"sent", "delivered", "read"}, "+15558000001": {"sent", "read"},
	}
	for to, want := range tests {
		t.Run(to, func(t *testing.T) {
			w := newWorld(t, nil)
			if status, v := w.send(to, hello); status != 200 {
				t.Fatalf("got %d %v", status, v)
			}
			if to == "+15556000001" && len(w.hooks) < 2 {
				t.Error("the statuses came after the answer")
			}
			for _, s := range want {
				st := at(t, w.value(), "statuses", 0).(map[string]any)
				if st["status"] != s {
					t.Fatalf("got %v; want %s", st["status"], s)
				}
				if s == "failed" && at(t, st, "errors", 0, "code") != 131026.0 {
					t.Errorf("got %v", st["errors"])
				}
			}
		})
	}
}

func TestMagicTransportFailures(t *testing.T) {
	w := newWorld(t, nil)
	post := func(to string, timeout time.Duration) (*http.Response, error) {
		client := &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.url+"/graph/v24.0/"+testNumber+"/messages",
			strings.NewReader(`{"messaging_product":"whatsapp","to":"`+to+`","biz_opaque_callback_data":"r1",`+hello+`}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+testToken)
		return client.Do(req)
	}
	if resp, err := post("+15552000777", 10*time.Second); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, %v", resp, err)
	}
	if w.Accepted("r1") != 1 {
		t.Error("the message was not accepted")
	}
	if got := at(t, w.value(), "statuses", 0, "biz_opaque_callback_data"); got != "r1" {
		t.Errorf("got %v", got)
	}
	if resp, err := post("+15552000408", 50*time.Millisecond); err == nil {
		t.Errorf("answered: %v", resp.Status)
	}
	resp, err := post("+15552000200", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || body[0] != '<' {
		t.Errorf("got %d %s %v", resp.StatusCode, body, err)
	}
}
