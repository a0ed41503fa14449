package badjson

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// Ensure Valid means what it says, as far as encoding/json can tell: it neither
// looks at UTF-8 nor goes as deep as the deepest.
func TestValid(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Bodies() {
		if names[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		names[c.Name] = true
		var n int
		for _, b := range c.JSON {
			if b == '[' || b == '{' {
				n++
			}
		}
		if n >= Depth {
			continue
		}
		if got := json.Valid(c.JSON) && utf8.Valid(c.JSON); got != c.Valid {
			t.Errorf("%s: valid is %v, want %v", c.Name, got, c.Valid)
		}
	}
}

func TestSpliced(t *testing.T) {
	got := map[string]bool{}
	for _, c := range Spliced([]byte(`{"a": [1, "x:"], "b" :{"c":null}}`), []Case{yes("nine", "9")}) {
		got[string(c.JSON)] = true
	}
	for _, want := range []string{
		`9`, `{"a": 9, "b" :{"c":null}}`, `{"a": [9, "x:"], "b" :{"c":null}}`, `{"a": [1, 9], "b" :{"c":null}}`,
		`{"a": [1, "x:"], "b" :9}`, `{"a": [1, "x:"], "b" :{"c":9}}`,
	} {
		if !got[want] {
			t.Errorf("missing %s", want)
		}
		delete(got, want)
	}
	for more := range got {
		t.Errorf("unexpected %s", more)
	}
}
