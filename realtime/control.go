package realtime

// control is a frame other than an event that waits to be written. Positions are
// put in when it is encoded.
type control struct {
	op        Op
	ref       string
	code      string
	text      string
	ready     *readyFrame
	gap       *Reset
	after     int64
	heartbeat bool // a ping goes with it
}

// appendControl encodes q at the connection's present position.
func (c *Conn) appendControl(buf []byte, q control) []byte {
	out := Control{Op: q.op}
	cursor := Cursor{c.epoch, c.pos}
	switch q.op { //nolint:exhaustive // the others are answers
	case OpReady:
		out.JSON, out.Cursor = encode(q.ready), Cursor{c.epoch, c.told}
	case OpReset:
		c.told = q.gap.To
		out.Cursor = Cursor{c.epoch, c.told}
		out.JSON = encode(resetFrame{OpReset, q.gap, out.Cursor.String()})
		c.hub.stats.resets.Add(1)
		c.hub.opts.OnReset(q.gap.Reason)
	case OpMark:
		c.told = c.pos
		out.JSON, out.Cursor = encode(positionFrame{Op: OpMark, Seq: &cursor.Seq, Cursor: cursor.String()}), cursor
	case OpReconnect:
		out.JSON, out.Cursor = encode(positionFrame{Op: OpReconnect, AfterMS: &q.after, Cursor: cursor.String()}), cursor
		out.AfterMS = q.after
	default:
		out.JSON = encode(answerFrame{q.op, q.ref, q.code, q.text})
	}
	c.hub.stats.frames.Add(1)
	buf = c.t.AppendControl(buf, out)
	if q.heartbeat {
		buf = c.t.AppendPing(buf)
	}
	return buf
}
