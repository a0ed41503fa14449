package realtime

import (
	"context"
	"time"
)

// verdict is what the writer does after a batch is filled.
type verdict int

const (
	write  verdict = iota // write the batch and fill another
	rest                  // nothing to do: the writer has ended
	behind                // ask the log
	finish                // close
)

// start runs the writer unless it runs. c.mu is held.
func (c *Conn) start() {
	if !c.running && !c.broken {
		c.running = true
		c.pumping.Add(1)
		c.hub.writers.add(c)
	}
}

// wake is told that page was appended to the window, or nil that it changed. A
// connection that is up to date and wants none of it moves on without a writer.
func (c *Conn) wake(page []Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running || c.closing != nil {
		return
	}
	if page != nil && c.pos+1 == page[0].Seq {
		wanted := false
		for i := range page {
			wanted = wanted || c.client.may(&page[i]) && c.subs.match(&page[i])
		}
		if !wanted {
			c.pos = page[len(page)-1].Seq
			return
		}
	}
	c.start()
}

// pump is the writer: it ends when there is nothing to write. A worker of many
// connections, which own says that this goroutine is not, leaves what takes long,
// the log and the close, to a goroutine of the connection.
func (c *Conn) pump(s *scratch, own bool) {
	for {
		var next verdict
		s.buf, next = c.fill(s)
		if (next == behind || next == finish) && !own {
			go c.pump(newScratch(), true)
			return
		}
		if next == behind {
			s.buf = c.catchUp(s.buf)
		}
		switch {
		case next == finish:
			c.finish()
		case next != rest && (len(s.buf) == 0 || c.write(s.buf)):
			continue
		}
		c.pumping.Done()
		return
	}
}

func (c *Conn) write(b []byte) bool {
	c.writing.Store(time.Now().UnixNano())
	err := c.t.Write(b)
	c.writing.Store(0)
	if err != nil {
		c.close(&CloseError{CloseNormal, "the transport failed"})
		c.fail()
		return false
	}
	c.hub.stats.bytes.Add(int64(len(b)))
	return true
}

func (c *Conn) finish() {
	c.mu.Lock()
	why := c.closing
	c.mu.Unlock()
	if err := c.t.Close(why.Code, why.Text()); err != nil {
		c.fail()
	}
}

// fail ends a transport that cannot be written to. The writer has ended, and
// running stays true so that none is started.
func (c *Conn) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	c.t.Abort(0)
}

// fill makes the next batch: first the answers, then events from the window.
func (c *Conn) fill(s *scratch) (buf []byte, next verdict) {
	buf = s.buf[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	lagging := false
	if c.tail != nil && c.closing == nil {
		buf = c.follow(buf, c.tail.win.state())
	}
	buf = c.takeQueue(buf)
	if c.tail != nil && c.closing == nil {
		buf, lagging = c.takeEvents(buf, s.batch[:])
	}
	switch {
	case len(buf) > 0:
		return buf, write
	case c.closing != nil:
		return buf, finish
	case lagging:
		return buf, behind
	}
	c.running = false
	return buf, rest
}

// follow takes over a change of the log's epoch. A new log means a gap. A log
// that got its first event has its name now: a mark tells it, so that the client
// can make cursors of the sequence numbers that come.
func (c *Conn) follow(buf []byte, st state) []byte {
	renamed := c.epoch == EmptyEpoch && st.head.Epoch != EmptyEpoch
	c.epoch = st.head.Epoch
	if st.life == c.life {
		if renamed {
			buf = c.appendControl(c.takeQueue(buf), control{op: OpMark})
		}
		return buf
	}
	c.life = st.life
	return c.skip(c.takeQueue(buf), &Reset{ResetEpoch, min(st.head.Oldest, st.first-1), st.first - 1})
}

// skip moves over a gap and announces it.
func (c *Conn) skip(buf []byte, gap *Reset) []byte {
	c.pos = gap.To
	return c.appendControl(buf, control{op: OpReset, gap: gap})
}

func (c *Conn) takeQueue(buf []byte) []byte {
	for _, q := range c.queue {
		buf = c.appendControl(buf, q)
	}
	c.queue = nil
	return buf
}

// takeEvents appends events from the window until the batch is full. It reports
// whether the window no longer has the next one.
func (c *Conn) takeEvents(buf []byte, batch []Event) ([]byte, bool) {
	for len(buf) < batchBytes {
		n, st := c.tail.win.after(c.pos, batch)
		if st.life != c.life {
			return c.follow(buf, st), false
		}
		buf = c.follow(buf, st)
		if n == 0 {
			return buf, c.pos+1 < st.first
		}
		buf, _ = c.appendEvents(buf, batch[:n], batchBytes)
	}
	return buf, false
}

// appendEvents moves over events, appending the wanted ones, until buf has limit
// bytes. It returns how many it moved over.
func (c *Conn) appendEvents(buf []byte, events []Event, limit int) ([]byte, int) {
	var ids [8]string
	for i := range events {
		if len(buf) >= limit {
			return buf, i
		}
		e := &events[i]
		c.pos = e.Seq
		if !c.client.may(e) {
			continue
		}
		if subs := c.subs.appendMatches(ids[:0], e); len(subs) > 0 {
			buf = c.t.AppendEvent(buf, Delivery{Event: e, Epoch: c.epoch, Prev: c.told, Subs: subs})
			c.told = e.Seq
			c.hub.stats.events.Add(1)
			c.hub.stats.frames.Add(1)
		}
	}
	return buf, len(events)
}

// catchUp reads the page after pos from the log and makes a batch of it. What
// does not fit is read again, rather than held while the socket drains.
func (c *Conn) catchUp(buf []byte) []byte {
	select {
	case c.hub.reads <- struct{}{}:
	case <-c.gone:
		return buf
	}
	c.mu.Lock()
	after, limit, life := c.pos, c.page, c.life
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.hub.ctx, readTimeout)
	page, err := c.hub.source.Read(ctx, c.tail.tenant, after, limit)
	cancel()
	<-c.hub.reads
	c.hub.stats.catchUps.Add(1)
	c.hub.opts.OnCatchUp(max(0, c.tail.head.Load()-after))
	if err != nil {
		c.hub.report(c.tail.tenant, err)
		select {
		case <-time.After(pollMax):
		case <-c.gone:
		}
		return buf
	}
	return c.takePage(buf, page, life)
}

func (c *Conn) takePage(buf []byte, page []Event, life int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.tail.win.state()
	if st.life != life || c.life != life {
		return buf // of a log that is no more
	}
	next := st.first // the log has nothing left before the window
	if len(page) > 0 {
		next = page[0].Seq
	}
	if next > c.pos+1 {
		buf = c.skip(buf, &Reset{ResetRetention, c.pos + 1, next - 1})
	}
	buf, n := c.appendEvents(buf, page, batchBytes)
	if n < len(page) {
		c.page = max(n, 8)
	} else {
		c.page = min(c.page*2, pageSize)
	}
	return buf
}
