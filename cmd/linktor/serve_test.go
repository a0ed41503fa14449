package main

import (
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/app"
)

func TestWelcome(t *testing.T) {
	info := app.Info{Version: "1.2.3", Embedded: true, DataDir: "./linktor-data", BaseURL: "http://127.0.0.1:8080", ReadyIn: 120 * time.Millisecond,
		SetupURL: "http://127.0.0.1:8080/setup#t=abc", DevKey: "lk_dev", SimulatorURL: "http://127.0.0.1:8080/simulator",
		Customer: "Ada", DemoChannel: "ch_1", DemoTo: "+16505550101"}
	first := welcome(info, true, style{})
	for _, want := range []string{"Linktor 1.2.3", "lk_dev", "/setup#t=abc", "/simulator", "/docs", `-H "X-API-Key: lk_dev"`, `"channelId":"ch_1"`, "doctor --prod"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing in\n%s", want, first)
		}
	}
	info.DevKey, info.SetupURL = "", ""
	second := welcome(info, true, style{})
	if strings.Contains(second, "lk_dev") || !strings.Contains(second, "linktor key create") || !strings.Contains(second, "$LINKTOR_API_KEY") {
		t.Errorf("a later start:\n%s", second)
	}
	server := welcome(app.Info{Version: "1.2.3", BaseURL: "https://chat.example.com"}, false, style{})
	if strings.Contains(server, "curl") || strings.Contains(server, "Simulator") || strings.Contains(server, "Development defaults") {
		t.Errorf("in production:\n%s", server)
	}
}
