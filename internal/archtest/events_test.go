package archtest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var eventType = regexp.MustCompile(`"((?:message|conversation|contact|template|channel|media|call|provider)\.[a-z]+)"`)

// eventLists are the lists that readers of events compile or generate code from, and
// how a type stands in each.
var eventLists = map[string]*regexp.Regexp{
	"docs/reference/asyncapi.yaml":      regexp.MustCompile(`(?m)^ +- ([a-z]+\.[a-z]+)$`),
	"sdk/go/event_data.go":              regexp.MustCompile(`(?m)^\tType\w+ += "([a-z.]+)"$`),
	"sdk/typescript/src/types/event.ts": regexp.MustCompile(`(?m)^  '([a-z]+\.[a-z]+)': true,$`),
}

// Whoever gets an event can look up what is in it, and every list of types is the
// server's.
func TestEventTypesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/events.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	walk(t, func(path string, data []byte) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "sdk/") || strings.HasPrefix(path, "internal/simulator/") {
			return
		}
		for _, m := range eventType.FindAllStringSubmatch(string(data), -1) {
			found[m[1]] = true
			if !strings.Contains(string(page), "`"+m[1]+"`") {
				t.Errorf("%s: the event %s is not in docs/reference/events.md", path, m[1])
			}
		}
	})
	if !found["message.received"] || !found["provider.change"] {
		t.Error("the types of events are written in another way now: this test finds none")
	}
	for path, line := range eventLists {
		data, err := os.ReadFile("../../" + path)
		if err != nil {
			t.Fatal(err)
		}
		listed := map[string]bool{}
		for _, m := range line.FindAllStringSubmatch(string(data), -1) {
			listed[m[1]] = true
			if !found[m[1]] {
				t.Errorf("%s lists the event %s, which the server never sends", path, m[1])
			}
		}
		for typ := range found {
			if !listed[typ] {
				t.Errorf("%s does not list the event %s", path, typ)
			}
		}
	}
}
