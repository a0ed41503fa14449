package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

type messagesCmd struct {
	Trace messagesTraceCmd `cmd:"" default:"withargs" help:"Tell everything that happened to a message, in the order of time."`
}

type messagesTraceCmd struct {
	serverFlags
	ID     string `arg:"" help:"Id of the message." placeholder:"msg_…"`
	Bodies bool   `help:"Also show what was said to the provider and what came back, which holds the message's content."`
	JSON   bool   `name:"json" help:"Write JSON."`
}

// messageTrace is what the command shows of a trace.
type messageTrace struct {
	Message struct {
		ID        string `json:"id"`
		Direction string `json:"direction"`
		Status    string `json:"status"`
		Type      string `json:"type"`
		ChannelID string `json:"channelId"`
	} `json:"message"`
	Steps []struct {
		At      string `json:"at"`
		Kind    string `json:"kind"`
		Summary string `json:"summary"`
		Webhook struct {
			JournalID string `json:"journalId"`
		} `json:"webhook"`
		Status struct {
			ProviderAt string `json:"providerAt"`
		} `json:"status"`
		Attempt struct {
			Exchange *struct {
				Method   string            `json:"method"`
				URL      string            `json:"url"`
				Request  string            `json:"request"`
				Status   int               `json:"status"`
				Header   map[string]string `json:"header"`
				Response string            `json:"response"`
				Error    string            `json:"error"`
				TookMs   float64           `json:"tookMs"`
			} `json:"exchange"`
		} `json:"attempt"`
	} `json:"steps"`
	Log struct {
		Complete bool `json:"complete"`
	} `json:"log"`
}

func (c *messagesTraceCmd) Run(e *env) error {
	return c.withServer(e, func(cl *client) error {
		var raw json.RawMessage
		if err := cl.do(e.ctx, "GET", "/api/v1/messages/"+url.PathEscape(c.ID)+"/trace", nil, &raw); err != nil {
			return err
		}
		if c.JSON {
			_, err := fmt.Fprintf(e.out, "%s\n", raw)
			return err
		}
		var t messageTrace
		if err := json.Unmarshal(raw, &t); err != nil {
			return err
		}
		c.print(e, &t)
		return nil
	})
}

// print writes a line for each step, and what belongs to it below.
func (c *messagesTraceCmd) print(e *env, t *messageTrace) {
	m := t.Message
	fmt.Fprintf(e.out, "%s  %s %s on %s: %s\n\n", m.ID, m.Direction, m.Type, m.ChannelID, m.Status)
	if !t.Log.Complete {
		fmt.Fprintln(e.out, "The log does not reach back to the beginning: older waits and events are missing.")
	}
	for _, s := range t.Steps {
		fmt.Fprintf(e.out, "%s  %-8s %s\n", shortTime(s.At), s.Kind, s.Summary)
		if s.Webhook.JournalID != "" {
			below(e, "linktor journal get "+s.Webhook.JournalID)
		}
		if s.Status.ProviderAt != "" {
			below(e, "by the provider's clock at "+shortTime(s.Status.ProviderAt))
		}
		x := s.Attempt.Exchange
		if x == nil {
			continue
		}
		below(e, fmt.Sprintf("%s %s → %d in %.0f ms %s", x.Method, x.URL, x.Status, x.TookMs, x.Error))
		if !c.Bodies {
			continue
		}
		below(e, "> "+x.Request)
		for _, name := range sortedKeys(x.Header) {
			below(e, "< "+name+": "+x.Header[name])
		}
		below(e, "< "+strings.TrimSpace(x.Response))
	}
}

// below writes a line of detail under its step.
func below(e *env, text string) {
	fmt.Fprintf(e.out, "%35s%s\n", "", strings.TrimSpace(text))
}
