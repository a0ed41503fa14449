package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/linktor/linktor/internal/bench/rig"
)

// series are what a scrape shows: name and labels, as written, and the value.
type series map[string]float64

func scrape(t *testing.T, c *rig.Client) series {
	t.Helper()
	status, body, err := c.Do("GET", "/metrics", nil)
	if err != nil || status != 200 {
		t.Fatalf("scrape: %d, %v", status, err)
	}
	found := series{}
	for line := range strings.Lines(string(body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "linktor_") {
			if found[name], err = strconv.ParseFloat(value, 64); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	return found
}

// follow reads a stream of events until fn is content with a line.
func follow(t *testing.T, node rig.Node, key, after string, fn func(line string) bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+node.Listen+"/api/v1/events/stream?after="+after, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if fn(lines.Text()) {
			return
		}
	}
	t.Fatalf("the stream after %s ended early, %d", after, res.StatusCode)
}

// moving are counters that traffic must move, and shown those that must be there.
var (
	moving = []string{
		`ingest_total{result="applied"}`, `ingest_total{result="duplicate"}`, `ingest_seconds_count`, `ingest_batch_size_count`, `poison_items_total`,
		`send_attempts_total{class="ok"}`, `send_seconds_count`, `events_total{type="message.received"}`, `events_total{type="message.status"}`,
		`realtime_connections{transport="websocket"}`, `realtime_opened_total`, `realtime_events_total`, `realtime_bytes_total`, `realtime_catchups_total`,
		`realtime_deliver_seconds_count`, `ws_lag_events_count`, `ws_resets_total{reason="epoch"}`,
		`http_requests_total{method="POST",route="/api/v1/messages",status="2xx"}`,
	}
	shown = []string{
		`outbox_due{state="queued"}`, `journal_failed`, `outbox_oldest_seconds`, `uncertain_open`, `parked_statuses`, `media_pending`, `spooled_webhooks`, `channels_paused`,
		`breaker_state{state="open"}`, `lane_blocked_seconds`, `events_tail_lag`, `lease_expired_total`, `possible_duplicates_total`,
		`realtime_slow_total`, `realtime_revoked_total`, `realtime_errors_total`,
	}
)

// Ensure that every counter that the promises are judged by is there, and moves
// with what it counts.
func TestMetrics(t *testing.T) {
	node := newNode(t)
	provider, err := rig.StartProvider(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Stop()
	server, err := node.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	key, err := node.NewKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := rig.NewClient(node.Listen, key, 4)
	line, err := rig.NewLine(c, provider.URL, 100)
	if err != nil {
		t.Fatal(err)
	}
	before := scrape(t, c)
	ws, err := rig.Subscribe(t.Context(), node.Listen, key, "message.received", "message.status")
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow() // it counts as connected until then
	converse(t, c, line, ws)
	readStreams(t, c, node, key)
	after := scrape(t, c)
	for _, moves := range moving {
		if after["linktor_"+moves] <= before["linktor_"+moves] {
			t.Errorf("%s does not move: %v, then %v", moves, before["linktor_"+moves], after["linktor_"+moves])
		}
	}
	for _, shown := range shown {
		if v, ok := after["linktor_"+shown]; !ok || v < 0 {
			t.Errorf("%s is %v, %v", shown, v, ok)
		}
	}
	if t.Failed() {
		t.Log(fmt.Sprint(after))
	}
}

// converse lets a customer write, twice the same, lets nobody write, and answers.
func converse(t *testing.T, c *rig.Client, line *rig.Line, ws *websocket.Conn) {
	t.Helper()
	post := func(w *rig.Webhook) {
		if ok, err := line.Post(c, w); err != nil || !ok {
			t.Fatalf("the webhook was not taken: %v", err)
		}
	}
	hello := line.Messages(rig.Inbound{ID: "wamid.1", From: rig.Customer(1), Text: "hello", At: time.Now()})
	post(hello)
	post(hello)
	post(line.Value(`"messages":[{"id":"wamid.2","timestamp":"1795269592","type":"text","text":{"body":"from nobody"}}]`))
	if status, answer, err := c.Do("POST", "/api/v1/messages", rig.Text(line.ChannelID, "+"+rig.Customer(1), "hi")); err != nil || status != 202 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	for sent := false; !sent; {
		_, frame, err := ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sent = strings.Contains(string(frame), `"status":"sent"`)
	}
}

// readStreams reads events from the beginning, and after a cursor of another log.
func readStreams(t *testing.T, c *rig.Client, node rig.Node, key string) {
	t.Helper()
	var page struct{ Cursor string }
	if err := c.Call("GET", "/api/v1/events?after=latest", nil, &page); err != nil {
		t.Fatal(err)
	}
	beginning := page.Cursor[:strings.LastIndexByte(page.Cursor, '.')] + ".0" // v1.<epoch>.<seq>
	follow(t, node, key, beginning, func(l string) bool { return strings.Contains(l, "message.received") })
	follow(t, node, key, "v1.eother.1", func(l string) bool { return strings.Contains(l, "reset") })
}
