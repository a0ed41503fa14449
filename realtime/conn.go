package realtime

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Client is who is connected.
type Client struct {
	Tenant string
	Scope  Scope
	Sees   func(typ string) bool          // may it see events of this type, or of a prefix such as "message."? nil means of all
	Owner  string                         // names the credential; those of one owner are checked once
	Alive  func(ctx context.Context) bool // is the credential still valid? Asked every second; nil means for ever
	Ended  CloseError                     // what to close with when it is not
}

// Admit authenticates a hello. An error that is a *CloseError closes with its
// code, any other with CloseRetry.
type Admit func(ctx context.Context, h *Hello) (Client, error)

// Conn is one client's connection.
type Conn struct {
	hub     *Hub
	t       Transport
	client  Client
	gone    chan struct{} // closed when the connection begins to close
	pumping sync.WaitGroup
	writing atomic.Int64 // since when the current write takes, Unix ns; 0 if none

	mu      sync.Mutex
	running bool // the writer runs
	closing *CloseError
	broken  bool // the transport failed: nothing more can be written
	queue   []control
	tail    *tailer // nil until ready
	life    int     // of the tailer's window, to which pos belongs
	epoch   string
	pos     int64 // every event up to here was written or did not match
	told    int64 // the last position that the client was told
	subs    filters
	page    int // how many events to ask the log for

	beat   time.Time // when the next heartbeat is due
	pinged time.Time
	missed int

	lag   int64 // the smallest lag above MaxLag since lagged
	since time.Time
}

// maxQueue bounds the answers waiting for a client that asks and does not read.
const maxQueue = 256

func newConn(h *Hub, t Transport) *Conn {
	return &Conn{hub: h, t: t, gone: make(chan struct{}), page: pageSize}
}

// Serve speaks linktor.v1 on a fresh transport until it ends. The caller owns
// the transport and releases it afterwards.
func (h *Hub) Serve(ctx context.Context, t Transport, admit Admit) {
	c := newConn(h, t)
	err := h.register(c)
	if err == nil {
		defer h.unregister(c)
		hello := time.AfterFunc(h.opts.HelloTimeout, func() {
			c.close(&CloseError{CloseRetry, "no hello in time"})
		})
		err = c.greet(ctx, admit)
		hello.Stop()
	}
	for err == nil {
		err = c.handle()
	}
	c.close(closeError(err))
	for readErr := error(nil); readErr == nil; { // until the client has answered the close, or its time is over
		_, readErr = t.ReadFrame()
	}
	c.release()
}

// Stream serves a transport that only writes, with a hello made by the caller.
func (h *Hub) Stream(ctx context.Context, t Transport, client Client, hello *Hello) {
	c := newConn(h, t)
	err := h.register(c)
	if err == nil {
		defer h.unregister(c)
		err = c.open(ctx, client, hello)
	}
	if err != nil {
		c.close(closeError(err))
	}
	<-c.gone
	c.release()
}

// closeError is what to close with after err. An error of the transport means
// that the client closed or is gone: its close is answered.
func closeError(err error) *CloseError {
	if ce, ok := errors.AsType[*CloseError](err); ok {
		return ce
	}
	return &CloseError{CloseNormal, "bye"}
}

// handle answers one frame.
func (c *Conn) handle() error {
	b, err := c.t.ReadFrame()
	if err != nil {
		return err
	}
	req, err := parseRequest(b)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := control{op: OpAck, ref: req.Ref}
	switch req.Op {
	case OpPing:
		answer.op = OpPong
	case OpSubscribe:
		subs, err := c.subs.with(req.Subscribe, &c.client)
		if ce, ok := errors.AsType[*CloseError](err); ok {
			answer = control{op: OpError, ref: req.Ref, code: wordOf(ce.Code), text: ce.Reason}
			break
		}
		c.subs = subs
	case OpUnsubscribe:
		c.subs = c.subs.without(req.IDs)
	case OpHello:
		return &CloseError{CloseBadFrame, "hello comes once"}
	default:
		answer = control{op: OpError, ref: req.Ref, code: "unknown_op", text: "this server does not know the op"}
	}
	if len(c.queue) >= maxQueue {
		return &CloseError{CloseSlow, "answers are not read"}
	}
	c.queue = append(c.queue, answer)
	c.start()
	return nil
}

// close begins to close the connection, once; the writer sends the code.
func (c *Conn) close(why *CloseError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(why)
}

func (c *Conn) closeLocked(why *CloseError) {
	if c.closing != nil {
		return
	}
	c.closing = why
	close(c.gone)
	if why.Code == CloseSlow {
		c.hub.stats.slow.Add(1)
	}
	c.t.Abort(c.hub.opts.CloseGrace)
	c.start()
}

// leave sends the client away.
func (c *Conn) leave(afterMS int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tail != nil && c.closing == nil {
		c.queue = append(c.queue, control{op: OpReconnect, after: afterMS})
	}
	c.closeLocked(&CloseError{CloseDraining, "this server is stopping"})
}

// abort ends the transport at once.
func (c *Conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.broken {
		c.t.Abort(0)
	}
}

// release waits for the writer and leaves the hub. No method touches the
// transport afterwards.
func (c *Conn) release() {
	c.mu.Lock() // whoever closed has started the writer by now
	t := c.tail
	c.mu.Unlock()
	c.pumping.Wait()
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	if t != nil {
		t.remove(c)
		c.hub.part(t)
	}
}
