package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

type simulateCmd struct {
	Inbound   simInboundCmd   `cmd:"" help:"Let a customer write."`
	Status    simStatusCmd    `cmd:"" help:"Let the provider report a status of a message."`
	Load      simLoadCmd      `cmd:"" help:"Let 500 customers write at a steady rate."`
	Behaviour simBehaviourCmd `cmd:"" help:"Change what the providers do: statuses, latency, outages."`
	State     simStateCmd     `cmd:"" default:"withargs" help:"Show numbers, customers, switches and counters."`
}

const simulatorAPI = "/simulator/api/"

type simInboundCmd struct {
	serverFlags
	Text    string `arg:"" optional:"" help:"What they write, or the caption of a file." default:"Hello!"`
	Persona string `help:"Who writes, by id or name." default:"ada"`
	From    string `help:"Who writes, by phone number; anybody may." placeholder:"PHONE"`
	Channel string `help:"To which number: whatsapp, link, or its id. The first, if not given."`
	Type    string `help:"Kind of message: text, image, audio, video, document, sticker, location, contacts, reaction, order and more." default:"text"`
	ReplyTo string `help:"Provider's id of the message that is quoted, or that is reacted to." placeholder:"ID"`
	Emoji   string `help:"Emoji of a reaction."`
	Count   int    `help:"How many times." default:"1"`
	JSON    bool   `name:"json" help:"Write JSON, one message a line."`
}

func (c *simInboundCmd) Run(e *env) error {
	body := map[string]any{"type": c.Type, "text": c.Text, "wait": true}
	for key, value := range map[string]string{"persona": c.Persona, "from": c.From, "channel": c.Channel, "emoji": c.Emoji} {
		if value != "" {
			body[key] = value
		}
	}
	if c.ReplyTo != "" {
		key := "replyTo"
		if c.Type == "reaction" || c.Type == "edit" || c.Type == "revoke" {
			key = "messageId"
		}
		body[key] = c.ReplyTo
	}
	return c.withServer(e, func(cl *client) error {
		for range max(1, c.Count) {
			var out struct {
				ID      string `json:"id"`
				Channel string `json:"channel"`
			}
			if err := cl.do(e.ctx, "POST", simulatorAPI+"inbound", body, &out); err != nil {
				return err
			}
			if c.JSON {
				if err := e.printJSON(out); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(e.out, "%s wrote to %s: %s\n", c.writer(), out.Channel, out.ID)
		}
		return nil
	})
}

func (c *simInboundCmd) writer() string {
	if c.From != "" {
		return c.From
	}
	return c.Persona
}

type simStatusCmd struct {
	serverFlags
	MessageID string `arg:"" help:"Provider's id of a message that was sent, or our id, msg_…"`
	Status    string `arg:"" help:"sent, delivered, read, played, deleted or failed."`
	Code      int    `help:"Error code of failed." placeholder:"131026"`
}

func (c *simStatusCmd) Run(e *env) error {
	return c.withServer(e, func(cl *client) error {
		providerID := c.MessageID
		if strings.HasPrefix(c.MessageID, "msg_") {
			var m struct {
				Metadata struct {
					ID string `json:"waMessageId"`
				} `json:"metadata"`
			}
			if err := cl.do(e.ctx, "GET", "/api/v1/messages/"+url.PathEscape(c.MessageID), nil, &m); err != nil {
				return err
			}
			if providerID = m.Metadata.ID; providerID == "" {
				return fmt.Errorf("%s has not reached the provider", c.MessageID)
			}
		}
		in := map[string]any{"messageId": providerID, "status": c.Status, "errorCode": c.Code}
		if err := cl.do(e.ctx, "POST", simulatorAPI+"status", in, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.out, "%s is reported as %s.\n", c.MessageID, c.Status)
		return err
	})
}

type simLoadCmd struct {
	serverFlags
	Rate    int           `help:"Messages per second." default:"50"`
	For     time.Duration `help:"How long." default:"10s"`
	Channel string        `help:"To which number: whatsapp, link, or its id. The first, if not given."`
}

func (c *simLoadCmd) Run(e *env) error {
	return c.withServer(e, func(cl *client) error {
		in := map[string]any{"channel": c.Channel, "ratePerSecond": c.Rate, "seconds": int(c.For.Round(time.Second).Seconds())}
		if err := cl.do(e.ctx, "POST", simulatorAPI+"load", in, nil); err != nil {
			return err
		}
		for {
			var state simState
			if err := cl.do(e.ctx, "GET", simulatorAPI+"state", nil, &state); err != nil {
				return err
			}
			fmt.Fprintf(e.err, "\r%d of %d written, %d webhooks delivered, %d waiting ", state.Load.Written, state.Load.Wanted,
				state.Counters["webhooksDelivered"], state.Counters["waiting"])
			if !state.Load.Running {
				fmt.Fprintln(e.err)
				return nil
			}
			select {
			case <-e.ctx.Done():
				return e.ctx.Err()
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
}

type simBehaviourCmd struct {
	serverFlags
	Set map[string]string `arg:"" optional:"" help:"Switches, such as statuses=late latencyMs=200 outage=true; without any, they are shown." mapsep:"none" placeholder:"SWITCH=VALUE"`
}

func (c *simBehaviourCmd) Run(e *env) error {
	return c.withServer(e, func(cl *client) error {
		in := map[string]any{}
		for key, text := range c.Set {
			in[key] = jsonValue(text)
		}
		var out map[string]any
		if err := cl.do(e.ctx, "POST", simulatorAPI+"behaviour", in, &out); err != nil {
			return err
		}
		return e.printJSON(out)
	})
}

type simStateCmd struct {
	serverFlags
	JSON bool `name:"json" help:"Write JSON."`
}

// simState is what the commands use of the simulator's state.
type simState struct {
	Channels []struct {
		ID, Kind, Name, Phone string
	}
	Personas []struct {
		ID, Name, Phone, UserID, Kind, About string
	}
	Counters map[string]int64
	Load     struct {
		Running         bool
		Wanted, Written int
	}
}

func (c *simStateCmd) Run(e *env) error {
	return c.withServer(e, func(cl *client) error {
		if c.JSON {
			var all map[string]any
			if err := cl.do(e.ctx, "GET", simulatorAPI+"state", nil, &all); err != nil {
				return err
			}
			return e.printJSON(all)
		}
		var state simState
		if err := cl.do(e.ctx, "GET", simulatorAPI+"state", nil, &state); err != nil {
			return err
		}
		return state.print(e)
	})
}

func (s *simState) print(e *env) error {
	t := newTable(e.out, false, "NUMBER", "PROVIDER", "PHONE")
	for _, c := range s.Channels {
		t.row(c.ID, c.Kind, c.Phone)
	}
	t.row("")
	t.row("CUSTOMER", "PHONE", "ABOUT")
	for _, p := range s.Personas {
		address := p.UserID
		if p.Phone != "" {
			address = "+" + p.Phone
		}
		t.row(p.ID, address, p.About)
	}
	t.row("")
	t.row("COUNTER", "VALUE")
	for _, key := range sortedKeys(s.Counters) {
		t.row(key, fmt.Sprint(s.Counters[key]))
	}
	return t.flush()
}
