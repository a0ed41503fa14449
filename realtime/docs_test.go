package realtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/linktor/linktor/realtime"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/reference/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The page lists every op and every close code, and none that does not exist.
func TestPageNamesEverything(t *testing.T) {
	page := readDoc(t, "realtime.md")
	var ops []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllStringSubmatch(page, -1) {
		if m[1] != realtime.ResetRetention && m[1] != realtime.ResetEpoch {
			ops = append(ops, m[1])
		}
	}
	expectOpsOfCode(t, ops)
	rows := map[string]string{} // code → the rest of the row
	for _, m := range regexp.MustCompile("(?m)^\\| (4\\d{3}) \\| `(\\w+)` \\|(.*)\\|$").FindAllStringSubmatch(page, -1) {
		rows[m[1]] = m[2] + " " + m[3]
	}
	if len(rows) != len(realtime.CloseCodes()) {
		t.Errorf("%d close codes in the page, %d in the code", len(rows), len(realtime.CloseCodes()))
	}
	for _, c := range realtime.CloseCodes() {
		row := rows[fmt.Sprint(int(c.Code))]
		cells := strings.Split(row, "|")
		if !strings.HasPrefix(row, c.Word+" ") || strings.HasPrefix(strings.TrimSpace(cells[len(cells)-1]), "yes") != c.Reconnect {
			t.Errorf("%d %s, reconnect %v: the page says %q", c.Code, c.Word, c.Reconnect, row)
		}
	}
}

func expectOpsOfCode(t *testing.T, got []string) {
	t.Helper()
	var want []string
	for _, op := range realtime.Ops() {
		want = append(want, string(op))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("documented ops %v, in the code %v", got, want)
	}
}

type asyncMessage struct {
	Payload struct {
		Required   []string
		Properties map[string]struct{ Const string }
	}
}

type asyncDocument struct {
	Channels map[string]struct {
		Messages   map[string]any
		CloseCodes []struct {
			Code      realtime.Code
			Word      string
			Reconnect bool
		} `yaml:"x-close-codes"`
	}
	Components struct{ Messages map[string]asyncMessage }
}

func readAsyncAPI(t *testing.T) asyncDocument {
	t.Helper()
	var doc asyncDocument
	if err := yaml.Unmarshal([]byte(readDoc(t, "asyncapi.yaml")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAsyncAPINamesEverything(t *testing.T) {
	doc := readAsyncAPI(t)
	var ops []string
	for name, m := range doc.Components.Messages {
		ops = append(ops, name)
		if m.Payload.Properties["op"].Const != name {
			t.Errorf("message %s has op %q", name, m.Payload.Properties["op"].Const)
		}
		if _, ok := doc.Channels["realtime"].Messages[name]; !ok {
			t.Errorf("message %s is not in the channel", name)
		}
	}
	expectOpsOfCode(t, ops)
	var codes []realtime.CloseCode
	for _, c := range doc.Channels["realtime"].CloseCodes {
		codes = append(codes, realtime.CloseCode(c))
	}
	if !reflect.DeepEqual(codes, realtime.CloseCodes()) {
		t.Errorf("documented codes %v", codes)
	}
}

// Frames as the server writes them have the members that AsyncAPI promises, and
// no others.
func TestFramesAreAsDocumented(t *testing.T) {
	doc := readAsyncAPI(t)
	bubble(t, realtime.Options{}, func(b *bench) {
		b.add(5, "x.y", "ch_1")
		b.log.prune(2)
		p := b.dial(anyone, `{"op":"hello","resume":"v1.eA.1"}`)
		p.send(`{"op":"subscribe","ref":"1","subscribe":[{"id":"s"}]}`)
		p.send(`{"op":"nothing","ref":"2"}`)
		p.send(`{"op":"ping","ref":"3"}`)
		p.frames()
		b.pass(26 * time.Second)
		p.frames()
		if err := b.hub.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		p.frames()
		seen := map[string]bool{}
		for _, raw := range p.raw {
			var members map[string]json.RawMessage
			if err := json.Unmarshal(raw, &members); err != nil {
				t.Fatal(err)
			}
			op := strings.Trim(string(members["op"]), `"`)
			seen[op] = true
			if op == "close" {
				continue
			}
			for _, want := range doc.Components.Messages[op].Payload.Required {
				if _, ok := members[want]; !ok {
					t.Errorf("%s lacks %s", raw, want)
				}
			}
			for name := range members {
				if _, ok := doc.Components.Messages[op].Payload.Properties[name]; !ok {
					t.Errorf("%s: %s is not documented", raw, name)
				}
			}
		}
		for _, op := range []realtime.Op{realtime.OpReady, realtime.OpEvent, realtime.OpMark, realtime.OpPong, realtime.OpAck, realtime.OpError, realtime.OpReset, realtime.OpReconnect} {
			if !seen[string(op)] {
				t.Errorf("no %s was seen", op)
			}
		}
	})
}
