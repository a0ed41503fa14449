package realtime

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// greet reads the hello and lets the client in.
func (c *Conn) greet(ctx context.Context, admit Admit) error {
	b, err := c.t.ReadFrame()
	if err != nil {
		return err
	}
	req, err := parseRequest(b)
	if err != nil {
		return err
	}
	if req.Op != OpHello {
		return &CloseError{CloseBadFrame, "the first frame is hello"}
	}
	client, err := admit(ctx, &req.Hello)
	if err != nil {
		if ce, ok := errors.AsType[*CloseError](err); ok {
			return ce
		}
		c.hub.report(client.Tenant, err)
		return &CloseError{CloseRetry, "could not authenticate now"}
	}
	return c.open(ctx, client, &req.Hello)
}

// open places the connection in the log and starts the flow.
func (c *Conn) open(ctx context.Context, client Client, hello *Hello) error {
	subscribe := hello.Subscribe
	if len(subscribe) == 0 {
		subscribe = []Subscription{{ID: allID}}
	}
	subs, err := filters(nil).with(subscribe, &client)
	if err != nil {
		return err
	}
	var resume *Cursor
	if hello.Resume != "" {
		cur, err := ParseCursor(hello.Resume)
		if err != nil {
			return &CloseError{CloseBadCursor, "resume is not a cursor"}
		}
		resume = &cur
	}
	t, err := c.hub.join(client.Tenant)
	if err != nil {
		return err
	}
	pos, gap, st, err := t.locate(ctx, resume)
	if err != nil {
		c.hub.part(t)
		c.hub.report(client.Tenant, err)
		return &CloseError{CloseRetry, "the event log cannot be read now"}
	}
	c.begin(t, client, subs, pos, gap, st)
	return nil
}

// lateLeave is when a client comes back, in milliseconds, that was let in by a server
// that had begun to stop.
const lateLeave = 500

// begin sets the position and queues ready. The connection is in the tailer's
// list before its writer looks at the window, so no event falls between.
func (c *Conn) begin(t *tailer, client Client, subs filters, pos int64, gap *Reset, st state) {
	now := time.Now()
	ready := readyFrame{
		Op: OpReady, Session: rand.Text(), Cursor: Cursor{st.head.Epoch, pos}.String(),
		HeartbeatMS: c.hub.opts.Heartbeat.Milliseconds(), ServerTime: now.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if pos < st.head.Seq {
		ready.Replay = &span{pos + 1, st.head.Seq}
	}
	c.mu.Lock()
	c.client, c.tail, c.subs = client, t, subs
	c.life, c.epoch, c.pos, c.told = st.life, st.head.Epoch, pos, pos
	c.beat = now.Add(c.hub.opts.Heartbeat)
	c.queue = append(c.queue, control{op: OpReady, ready: &ready})
	if gap != nil {
		c.queue = append(c.queue, control{op: OpReset, gap: gap})
	}
	if c.closing != nil && c.closing.Code == CloseDraining { // it came while everybody was sent away
		c.queue = append(c.queue, control{op: OpReconnect, after: lateLeave})
	}
	c.mu.Unlock()
	t.add(c)
	c.mu.Lock()
	c.start()
	c.mu.Unlock()
}
