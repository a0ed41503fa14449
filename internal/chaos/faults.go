package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/linktor/linktor/internal/chaos/world"
)

// fault is a way in which a provider fails, and what is known of a message then.
type fault struct {
	name   string
	class  string // of channels.Class
	answer func() world.Answer
	n      int // messages; 0 means 4
}

func (f fault) messages() int {
	if f.n == 0 {
		return 4
	}
	return f.n
}

// faults lists them. The first asks for a pause; the last two are never reached: one
// has no listener, one a certificate that nobody trusts.
func faults() []fault {
	refuse := func(status int, body string) func() world.Answer {
		return func() world.Answer { return world.Answer{Refuse: true, Status: status, Body: body} }
	}
	write := func(fn func(w http.ResponseWriter, r *http.Request)) func() world.Answer {
		return func() world.Answer { return world.Answer{Refuse: true, Write: fn} }
	}
	return []fault{
		{name: "429 with Retry-After", class: "throttled", answer: func() world.Answer {
			return world.Answer{Refuse: true, Status: 429, Body: "{}", Header: http.Header{"Retry-After": {strconv.Itoa(askedFor)}}}
		}},
		{name: "130429", class: "throttled", answer: refuse(400, world.Graph(130429, "(#130429) Rate limit hit"))},
		{name: "131056", class: "throttled", answer: refuse(400, world.Graph(131056, "(#131056) Pair rate limit hit"))},
		{name: "80007", class: "throttled", answer: refuse(400, world.Graph(80007, "(#80007) Rate limit issues"))},
		{name: "500 with a reason", class: "transient", answer: refuse(500, world.Graph(131016, "(#131016) Service unavailable"))},
		{name: "502 without a reason", class: "uncertain", answer: refuse(502, "<html>bad gateway</html>")},
		{name: "200 of another content type", class: "uncertain", answer: refuse(200, "<html>welcome</html>")},
		{name: "reset", class: "uncertain", answer: func() world.Answer { return world.Answer{Refuse: true, Cut: true} }},
		{name: "no answer", class: "uncertain", answer: write(hang), n: crowd},
		{name: "1 byte a second", class: "uncertain", answer: write(dripping)},
		{name: "1 GB", class: "uncertain", answer: write(func(w http.ResponseWriter, _ *http.Request) { _ = gigabyte(w) })},
		{name: "gzip bomb", class: "uncertain", answer: write(bomb)},
		{name: "nobody listens", class: "not_sent", answer: refuse(500, "{}")},
		{name: "untrusted certificate", class: "not_sent", answer: refuse(500, "{}")},
	}
}

// hang answers nothing until the client has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// dripping begins an answer and goes on with a byte a second.
func dripping(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(w, "{"); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// gigabyte writes 1 GB, or until the reader has had enough.
func gigabyte(w io.Writer) error {
	block := make([]byte, 1<<20)
	for range 1 << 10 {
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// bomb is 1 GB in about 1 MB of gzip.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	if gigabyte(z) == nil {
		_ = z.Close() // the reader may have gone
	}
}
