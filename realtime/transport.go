package realtime

import "time"

// Transport carries one connection. The hub calls ReadFrame from the goroutine
// of Serve, Write and Close from one goroutine at a time, and Abort and LastSeen
// from any.
type Transport interface {
	Encoder

	// ReadFrame waits for the next frame of the client. The slice is valid until
	// the next call.
	ReadFrame() ([]byte, error)
	// Write sends what the Encoder made, all of it.
	Write(b []byte) error
	// Close sends the close code. The client's answer ends ReadFrame.
	Close(code Code, reason string) error
	// Abort makes calls that wait, now or later, fail after d at the latest.
	Abort(d time.Duration)
	// LastSeen is when the client last sent anything, even an answer to a ping.
	LastSeen() time.Time
}

// Encoder appends frames in the transport's framing to a buffer that holds other
// frames already.
type Encoder interface {
	AppendEvent(dst []byte, d Delivery) []byte
	AppendControl(dst []byte, c Control) []byte
	// AppendPing appends what makes LastSeen move; nothing if the transport has no such thing.
	AppendPing(dst []byte) []byte
}

// Delivery is one event for one connection.
type Delivery struct {
	*Event
	Epoch string
	Prev  int64    // the position that the client was told before
	Subs  []string // ids that matched, as JSON strings
}

// Cursor is the position after the event.
func (d Delivery) Cursor() Cursor { return Cursor{d.Epoch, d.Seq} }

// Control is any other frame of ours.
type Control struct {
	Op      Op
	JSON    []byte // the frame as linktor.v1 writes it
	Cursor  Cursor // the client's position; no epoch if the frame has none
	AfterMS int64  // of reconnect
}
