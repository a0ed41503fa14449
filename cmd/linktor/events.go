package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

type eventsCmd struct {
	Tail eventsTailCmd `cmd:"" default:"withargs" help:"Print events as they happen, until Ctrl-C. A lost connection is taken up where it broke off."`
}

type eventsTailCmd struct {
	serverFlags
	Type    []string `help:"Only these types, such as message.received or message.*" placeholder:"TYPE"`
	Channel string   `help:"Only this channel." placeholder:"ch_…"`
	After   string   `help:"Start after this cursor or sequence number; 0 means all that is kept. Now, if not given." default:"latest" placeholder:"CURSOR"`
	JSON    bool     `name:"json" help:"Write the event's JSON, one event a line."`
}

func (c *eventsTailCmd) Run(e *env) error {
	return c.withServer(e, func(cl *client) error {
		last, err := c.catchUp(e, cl)
		if err != nil {
			return err
		}
		for wait := time.Second; ; {
			next, err := c.follow(e, cl, last)
			if e.ctx.Err() != nil {
				return nil //nolint:nilerr // Ctrl-C is how one leaves
			}
			if _, refused := errors.AsType[*refusal](err); refused {
				return err
			}
			if next != last {
				last, wait = next, time.Second
			}
			select {
			case <-e.ctx.Done():
				return nil
			case <-time.After(wait): // a server that is away is waited for
				wait = min(2*wait, 30*time.Second)
			}
		}
	})
}

func (c *eventsTailCmd) query(after string, more ...string) string {
	q := url.Values{}
	for key, v := range map[string]string{"types": strings.Join(c.Type, ","), "channelId": c.Channel, "after": after} {
		if v != "" {
			q.Set(key, v)
		}
	}
	return "?" + strings.Join(append([]string{q.Encode()}, more...), "&")
}

// catchUp prints what the log holds after the starting point and returns the
// cursor from which the stream goes on.
func (c *eventsTailCmd) catchUp(e *env, cl *client) (cursor string, err error) {
	after := c.After
	for {
		var page struct {
			Data   []json.RawMessage `json:"data"`
			Cursor string            `json:"cursor"`
			Page   struct {
				HasMore bool `json:"hasMore"`
			} `json:"page"`
		}
		if err := cl.do(e.ctx, "GET", "/api/v1/events"+c.query(after, "limit=100"), nil, &page); err != nil {
			return "", err
		}
		for _, data := range page.Data {
			if err := c.print(e, "", string(data)); err != nil {
				return "", err
			}
		}
		after = page.Cursor
		if !page.Page.HasMore {
			return after, nil
		}
	}
}

// follow prints events after the cursor last until the stream ends, and returns
// the cursor it had reached.
func (c *eventsTailCmd) follow(e *env, cl *client, last string) (string, error) {
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	res, err := cl.open(ctx, "GET", "/api/v1/events/stream"+c.query(last), nil, "text/event-stream")
	if err != nil {
		return last, err
	}
	defer res.Body.Close()
	return last, readStream(res.Body, func(id, event, data string) error {
		if id != "" {
			last = id
		}
		return c.print(e, event, data)
	})
}

// readStream calls fn at the end of each event of a text/event-stream body. data
// is empty for one that only moves the id.
func readStream(r io.Reader, fn func(id, event, data string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 8<<20)
	var id, event string
	var data []string
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if err := fn(id, event, strings.Join(data, "\n")); err != nil {
				return err
			}
			event, data = "", nil
		case field == "id":
			id = value
		case field == "event":
			event = value
		case field == "data":
			data = append(data, value)
		}
	}
	return lines.Err()
}

// print writes an event; frames of the protocol itself, which have no seq, are
// for programs.
func (c *eventsTailCmd) print(e *env, event, data string) error {
	var frame struct {
		Seq       int64     `json:"seq"`
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      struct {
			ID        string `json:"id"`
			MessageID string `json:"messageId"`
			Status    string `json:"status"`
			ChannelID string `json:"channelId"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(data), &frame); err != nil || frame.Seq == 0 {
		if event == "reset" {
			fmt.Fprintln(e.err, "! events are missing here: they are older than the server keeps them")
		}
		return nil
	}
	if c.JSON {
		_, err := fmt.Fprintln(e.out, data)
		return err
	}
	subject := frame.Data.ID
	if frame.Data.MessageID != "" {
		subject = frame.Data.MessageID
	}
	_, err := fmt.Fprintf(e.out, "%s  %6d  %-22s %s %s\n", frame.Timestamp.Local().Format("15:04:05.000"), frame.Seq, frame.Type, subject, frame.Data.Status)
	return err
}
