package archtest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var eventType = regexp.MustCompile(`"((?:message|conversation|contact|template|channel|media|call|provider)\.[a-z]+)"`)

// Whoever gets an event can look up what is in it.
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
}
