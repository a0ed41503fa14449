package realtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linktor/linktor/internal/badjson"
	"github.com/linktor/linktor/realtime"
)

// FuzzFrames sends any frames to a live connection, one per line. Each frame is
// answered, in order, or ends the connection with a code of the protocol; what is
// refused is not repeated; and events come without gap whatever was asked.
func FuzzFrames(f *testing.F) {
	for _, s := range []string{
		`{"op":"hello"}`, "{\"op\":\"hello\",\"resume\":\"v1.eA.0\"}\n{\"op\":\"ping\",\"ref\":\"1\"}",
		"{\"op\":\"hello\",\"subscribe\":[{\"id\":\"a\",\"types\":[\"message.*\"],\"channelId\":\"ch_1\"}]}\n{\"op\":\"subscribe\",\"ref\":\"r\",\"subscribe\":[{\"id\":\"b\"}]}\n{\"op\":\"unsubscribe\",\"ids\":[\"a\",\"b\"]}",
		"{\"op\":\"hello\"}\n{\"op\":\"hello\"}", `{"op":"hello","resume":"` + badjson.Canary + `"}`, `{"op":"hello","ticket":"` + badjson.Canary + `"}`,
		"{\"op\":\"hello\"}\n{\"op\":\"" + badjson.Canary + "\"}", "{\"op\":\"hello\"}\n{\"op\":\"subscribe\",\"subscribe\":[{\"id\":\"" + strings.Repeat("x", 65) + "\"}]}",
	} {
		f.Add([]byte(s))
	}
	for _, c := range badjson.SmallValues() {
		f.Add(c.JSON)
	}
	for _, c := range badjson.Spliced([]byte(`{"op":"hello","subscribe":[{"id":"a","types":["x"]}]}`), badjson.SmallValues()) {
		f.Add(c.JSON)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bytes.SplitN(data, []byte("\n"), 12)
		synctest.Test(t, func(t *testing.T) {
			b := &bench{T: t, log: newLog()}
			b.hub = realtime.NewHub(b.log, realtime.Options{})
			p := b.dial(realtime.Client{}, "")
			b.add(3, "message.received", "ch_1")
			for _, line := range lines {
				p.in <- line
			}
			synctest.Wait()
			b.add(3, "message.status", "ch_1")
			fs := p.frames()
			checkAnswers(t, fs, len(lines))
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := b.hub.Drain(ctx); err != nil {
				t.Error(err)
			}
			p.end()
			b.wg.Wait()
		})
	})
}

func checkAnswers(t *testing.T, fs []frame, asked int) {
	t.Helper()
	codes := map[float64]bool{}
	for _, c := range realtime.CloseCodes() {
		codes[float64(c.Code)] = true
	}
	known := map[string]bool{"close": true}
	for _, op := range realtime.Ops() {
		known[string(op)] = true
	}
	answers, last := 0, int64(-1)
	for i, fr := range fs {
		if !known[fr.Op] {
			t.Errorf("a frame %q of the server", fr.Op)
		}
		if raw, err := json.Marshal(fr); err != nil || bytes.Contains(raw, []byte(badjson.Canary)) && fr.Ref == "" && len(fr.Sub) == 0 {
			t.Errorf("a frame repeats what was refused: %s, %v", raw, err)
		}
		switch fr.Op {
		case "pong", "ack", "error", "ready":
			answers++
		case "event":
			if last >= 0 && fr.Prev != last {
				t.Errorf("event %d follows %d and says %d", fr.Seq, last, fr.Prev)
			}
			last = fr.Seq
		case "close":
			if code, _ := fr.Code.(float64); !codes[code] || len(fr.Reason) > 123 || i != len(fs)-1 {
				t.Errorf("closed with %v %q as frame %d of %d", fr.Code, fr.Reason, i, len(fs))
			}
			return
		}
	}
	if answers != asked {
		t.Errorf("%d answers to %d frames, and no close", answers, asked)
	}
}

// FuzzFilter compiles any subscription. What is taken matches or does not, and what
// is refused says why.
func FuzzFilter(f *testing.F) {
	f.Add("a", "message.*,channel.paused", "ch_1", "conv_1")
	f.Add("", "", "", "")
	f.Add("a", "*", "\x00", strings.Repeat("c", 65))
	f.Add("\xff", "message..,*.*,.*", "", "")
	f.Fuzz(func(t *testing.T, id, types, channel, conversation string) {
		s := realtime.Subscription{ID: id, Types: strings.Split(types, ","), ChannelID: channel, ConversationID: conversation}
		filter, err := realtime.Compile(s)
		if err != nil {
			if err.Error() == "" || filter != nil {
				t.Errorf("%+v: %v beside a filter", s, err)
			}
			return
		}
		e := realtime.Event{Seq: 1, Type: "message.received", ChannelID: "ch_1", ConversationID: "conv_1"}
		if filter.Match(&e) && (channel != "" && channel != "ch_1" || conversation != "" && conversation != "conv_1") {
			t.Errorf("%+v matches an event of another channel or conversation", s)
		}
	})
}
