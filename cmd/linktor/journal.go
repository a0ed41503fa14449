package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type journalCmd struct {
	List   journalListCmd   `cmd:"" default:"withargs" help:"List webhook bodies as received, newest first."`
	Get    journalGetCmd    `cmd:"" help:"Show one with its body."`
	Replay journalReplayCmd `cmd:"" help:"Apply bodies again: one, a range, or all that failed. Nothing is applied twice."`
}

// journalFilter selects bodies.
type journalFilter struct {
	Channel string `help:"Only this channel." placeholder:"ch_…"`
	State   string `help:"Only these states: applied, partial, failed; separated by commas." placeholder:"STATE"`
	From    string `help:"Stored at this time or later: RFC 3339, or an age such as 2h." placeholder:"TIME"`
	To      string `help:"Stored before this time: RFC 3339, or an age." placeholder:"TIME"`
}

// fields returns the filter as members of a request.
func (f *journalFilter) fields() (map[string]string, error) {
	found := map[string]string{}
	for name, v := range map[string]string{"channelId": f.Channel, "state": f.State} {
		if v != "" {
			found[name] = v
		}
	}
	for name, v := range map[string]string{"from": f.From, "to": f.To} {
		if v == "" {
			continue
		}
		at, err := timeOrAge(v, time.Now())
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		found[name] = at.UTC().Format(time.RFC3339Nano)
	}
	return found, nil
}

// timeOrAge reads a time, or how long ago it was.
func timeOrAge(s string, now time.Time) (time.Time, error) {
	if age, err := time.ParseDuration(s); err == nil {
		return now.Add(-age), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return at, fmt.Errorf("%q is neither a time such as 2026-11-21T10:00:00Z nor an age such as 90m", s)
	}
	return at, nil
}

// journalEntry is what the commands show of an entry.
type journalEntry struct {
	ID         string  `json:"id"`
	ChannelID  string  `json:"channelId"`
	State      string  `json:"state"`
	Size       int64   `json:"size"`
	Events     int64   `json:"events"`
	Deliveries int64   `json:"deliveries"`
	ReceivedAt string  `json:"receivedAt"`
	TookMs     float64 `json:"tookMs"`
	Truncated  bool    `json:"truncated"`
	Changed    *bool   `json:"changed"`
	Produced   struct {
		Events   int64 `json:"events"`
		FirstSeq int64 `json:"firstSeq"`
		LastSeq  int64 `json:"lastSeq"`
	} `json:"produced"`
	Problems []struct {
		Item   int    `json:"item"`
		Reason string `json:"reason"`
	} `json:"problems"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
	BodyBase64 []byte            `json:"bodyBase64"`
}

func (j *journalEntry) problem() string {
	if len(j.Problems) == 0 {
		return ""
	}
	return j.Problems[0].Reason
}

type journalListCmd struct {
	serverFlags
	journalFilter
	Message string `help:"Only the bodies that this message, by our id or the provider's, and its statuses came in." placeholder:"ID"`
	Limit   int    `help:"How many at most." default:"50"`
	JSON    bool   `name:"json" help:"Write JSON, one entry a line."`
}

func (c *journalListCmd) Run(e *env) error {
	fields, err := c.fields()
	if err != nil {
		return settingsError{err}
	}
	if c.Message != "" {
		fields["messageId"] = c.Message
	}
	return c.withServer(e, func(cl *client) error {
		t := newTable(e.out, c.JSON, "ID", "RECEIVED", "STATE", "BYTES", "ITEMS", "EVENTS", "TIMES", "TOOK", "PROBLEM")
		err := eachEntry(e, cl, fields, c.Limit, func(raw []byte, j *journalEntry) error {
			if c.JSON {
				_, err := fmt.Fprintf(e.out, "%s\n", raw)
				return err
			}
			t.row(j.ID, shortTime(j.ReceivedAt), j.State, strconv.FormatInt(j.Size, 10), strconv.FormatInt(j.Events, 10),
				strconv.FormatInt(j.Produced.Events, 10), strconv.FormatInt(j.Deliveries, 10), fmt.Sprintf("%.1f ms", j.TookMs), j.problem())
			return nil
		})
		if err != nil {
			return err
		}
		return t.flush()
	})
}

type journalGetCmd struct {
	serverFlags
	ID       string `arg:"" help:"Id of the entry." placeholder:"jrn_…"`
	BodyOnly bool   `help:"Write the body as received and nothing else."`
	JSON     bool   `name:"json" help:"Write JSON."`
}

func (c *journalGetCmd) Run(e *env) error {
	return c.withServer(e, func(cl *client) error {
		raw, j, err := getEntry(e, cl, "GET", "/api/v1/journal/"+url.PathEscape(c.ID))
		if err != nil {
			return err
		}
		body := j.Body
		if j.BodyBase64 != nil {
			body = string(j.BodyBase64)
		}
		switch {
		case c.JSON:
			fmt.Fprintf(e.out, "%s\n", raw)
		case c.BodyOnly:
			fmt.Fprint(e.out, body)
		default:
			j.print(e, body)
		}
		return nil
	})
}

// print writes the entry for people.
func (j *journalEntry) print(e *env, body string) {
	fmt.Fprintf(e.out, "%s  %s  %s\nreceived %s, %d times, %d bytes, applied in %.1f ms\n", j.ID, j.ChannelID, j.State,
		j.ReceivedAt, j.Deliveries, j.Size, j.TookMs)
	if j.Produced.FirstSeq > 0 {
		fmt.Fprintf(e.out, "led to %d events, from %d to %d in the log\n", j.Produced.Events, j.Produced.FirstSeq, j.Produced.LastSeq)
	}
	for _, p := range j.Problems {
		fmt.Fprintf(e.out, "problem with item %d: %s\n", p.Item, p.Reason)
	}
	for _, name := range sortedKeys(j.Headers) {
		fmt.Fprintf(e.out, "%s: %s\n", name, j.Headers[name])
	}
	fmt.Fprintf(e.out, "\n%s\n", strings.TrimRight(body, "\n"))
	if j.Truncated {
		fmt.Fprintln(e.out, "[the rest is not kept]")
	}
}
