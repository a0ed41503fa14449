package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

type journalReplayCmd struct {
	serverFlags
	journalFilter
	ID        string `arg:"" optional:"" help:"Id of one entry." placeholder:"jrn_…"`
	AllFailed bool   `help:"Everything of which something could not be applied: the states failed and partial."`
	JSON      bool   `name:"json" help:"Write JSON, one line a step of a range."`
}

var errReplayWhat = errors.New("say what to replay: an id, --all-failed, or a range with --from, --to, --channel or --state")

func (c *journalReplayCmd) Run(e *env) error {
	if c.AllFailed {
		if c.State != "" || c.ID != "" {
			return settingsError{errors.New("--all-failed goes with neither an id nor --state")}
		}
		c.State = "failed,partial"
	}
	fields, err := c.fields()
	switch {
	case err != nil:
		return settingsError{err}
	case c.ID != "" && len(fields) > 0:
		return settingsError{errors.New("an id goes with no filter")}
	case c.ID == "" && len(fields) == 0:
		return settingsError{errReplayWhat}
	}
	return c.withServer(e, func(cl *client) error {
		if c.ID != "" {
			return c.one(e, cl)
		}
		return c.all(e, cl, fields)
	})
}

func (c *journalReplayCmd) one(e *env, cl *client) error {
	raw, j, err := getEntry(e, cl, "POST", "/api/v1/journal/"+url.PathEscape(c.ID)+"/replay")
	if err != nil {
		return err
	}
	if c.JSON {
		fmt.Fprintf(e.out, "%s\n", raw)
		return nil
	}
	said := "nothing changed: everything in it was known"
	if j.Changed != nil && *j.Changed {
		said = "it led to new events"
	}
	fmt.Fprintf(e.out, "%s  %s: %s\n", j.ID, j.State, said)
	for _, p := range j.Problems {
		fmt.Fprintf(e.out, "problem with item %d: %s\n", p.Item, p.Reason)
	}
	return nil
}

// all replays a range step by step and tells how far it is.
func (c *journalReplayCmd) all(e *env, cl *client, fields map[string]string) error {
	var sum struct{ Replayed, Changed, Failed, Skipped int }
	for after := ""; ; {
		body := map[string]any{"limit": replayStep}
		for name, v := range fields {
			body[name] = v
		}
		if after != "" {
			body["after"] = after
		}
		var step struct {
			Replayed int  `json:"replayed"`
			Changed  int  `json:"changed"`
			Failed   int  `json:"failed"`
			Skipped  int  `json:"skipped"`
			HasMore  bool `json:"hasMore"`
			Problems []struct {
				ID     string `json:"id"`
				Reason string `json:"reason"`
			} `json:"problems"`
			Next string `json:"next,omitempty"`
		}
		if err := cl.do(e.ctx, "POST", "/api/v1/journal/replay", body, &step); err != nil {
			return err
		}
		sum.Replayed, sum.Changed = sum.Replayed+step.Replayed, sum.Changed+step.Changed
		sum.Failed, sum.Skipped = sum.Failed+step.Failed, sum.Skipped+step.Skipped
		if c.JSON {
			if err := e.printJSON(step); err != nil {
				return err
			}
		}
		for _, p := range step.Problems {
			fmt.Fprintf(e.err, "%s: %s\n", p.ID, p.Reason)
		}
		if !step.HasMore {
			break
		}
		after = step.Next
	}
	if !c.JSON {
		fmt.Fprintf(e.out, "replayed %d, of which %d led to events and %d still have problems; skipped %d that are not kept whole\n",
			sum.Replayed, sum.Changed, sum.Failed, sum.Skipped)
	}
	return nil
}

// replayStep is how many bodies one call replays.
const replayStep = 100

// eachEntry calls fn with up to limit entries that match, page after page.
func eachEntry(e *env, cl *client, fields map[string]string, limit int, fn func(raw []byte, j *journalEntry) error) error {
	q := url.Values{}
	for name, v := range fields {
		q.Set(name, v)
	}
	for limit > 0 {
		q.Set("limit", strconv.Itoa(min(limit, pageSize)))
		var page struct {
			Data []json.RawMessage `json:"data"`
			Page struct {
				Next    string `json:"next"`
				HasMore bool   `json:"hasMore"`
			} `json:"page"`
		}
		if err := cl.do(e.ctx, "GET", "/api/v1/journal?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, raw := range page.Data {
			var j journalEntry
			if err := json.Unmarshal(raw, &j); err != nil {
				return err
			}
			if err := fn(raw, &j); err != nil {
				return err
			}
		}
		if !page.Page.HasMore {
			return nil
		}
		limit -= len(page.Data)
		q.Set("after", page.Page.Next)
	}
	return nil
}

func getEntry(e *env, cl *client, method, path string) (json.RawMessage, *journalEntry, error) {
	var raw json.RawMessage
	if err := cl.do(e.ctx, method, path, nil, &raw); err != nil {
		return nil, nil, err
	}
	j := &journalEntry{}
	return raw, j, json.Unmarshal(raw, j)
}

// shortTime is a time of the API in this machine's zone.
func shortTime(s string) string {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return at.Local().Format("2006-01-02 15:04:05.000")
}
