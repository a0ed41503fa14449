package realtime

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Protocol is the WebSocket subprotocol.
const Protocol = "linktor.v1"

// Limits of the protocol. A client that exceeds one is told which.
const (
	MaxFrame         = 64 << 10 // bytes of one frame from a client
	MaxSubscriptions = 64       // per connection
	MaxTypes         = 32       // patterns per subscription
	MaxID            = 64       // bytes of a subscription id, a ref, a channel or conversation id
)

// Op is the kind of a frame.
type Op string

// Frames from the client.
const (
	OpHello       Op = "hello"
	OpPing        Op = "ping"
	OpSubscribe   Op = "subscribe"
	OpUnsubscribe Op = "unsubscribe"
)

// Frames from the server.
const (
	OpReady     Op = "ready"
	OpEvent     Op = "event"
	OpMark      Op = "mark"
	OpPong      Op = "pong"
	OpAck       Op = "ack"
	OpError     Op = "error"
	OpReset     Op = "reset"
	OpReconnect Op = "reconnect"
)

// Ops lists every kind of frame.
func Ops() []Op {
	return []Op{
		OpHello, OpPing, OpSubscribe, OpUnsubscribe,
		OpReady, OpEvent, OpMark, OpPong, OpAck, OpError, OpReset, OpReconnect,
	}
}

// Code is a WebSocket close code. It tells the client what to do next.
type Code int

// The close codes.
const (
	CloseNormal          Code = 1000 // the client closed
	CloseRetry           Code = 4000
	CloseUnauthenticated Code = 4001
	CloseForbidden       Code = 4003
	CloseBadFrame        Code = 4004
	CloseVersion         Code = 4005
	CloseBadCursor       Code = 4007
	CloseSlow            Code = 4008
	CloseHeartbeat       Code = 4009
	CloseLimit           Code = 4010
	CloseRevoked         Code = 4011
	CloseDraining        Code = 4012
)

// CloseCode is one row of the table in docs/reference/realtime.md.
type CloseCode struct {
	Code      Code
	Word      string // begins the close reason
	Reconnect bool   // whether a client may connect again as it did, with its cursor
}

// CloseCodes lists what the server closes with, apart from answering a close.
func CloseCodes() []CloseCode {
	return []CloseCode{
		{CloseRetry, "retry", true},
		{CloseUnauthenticated, "unauthenticated", false},
		{CloseForbidden, "forbidden", false},
		{CloseBadFrame, "bad_frame", false},
		{CloseVersion, "version", false},
		{CloseBadCursor, "bad_cursor", false},
		{CloseSlow, "slow_consumer", true},
		{CloseHeartbeat, "heartbeat", true},
		{CloseLimit, "too_many_connections", true},
		{CloseRevoked, "revoked", false},
		{CloseDraining, "draining", true},
	}
}

// CloseError ends a connection with a code.
type CloseError struct {
	Code   Code
	Reason string // a few words; with the code's word at most 123 bytes, as RFC 6455 section 5.5 has it
}

func (e *CloseError) Error() string { return fmt.Sprintf("realtime: close %d: %s", e.Code, e.Text()) }

// Text is the reason as sent: the code's word, then the explanation.
func (e *CloseError) Text() string {
	s := e.Reason
	for _, c := range CloseCodes() {
		if c.Code == e.Code {
			s = c.Word + ": " + e.Reason
		}
	}
	return s[:min(len(s), 123)]
}

// Subscription selects events. Empty fields select everything.
type Subscription struct {
	ID             string   `json:"id"`
	Types          []string `json:"types,omitempty"` // message.received, message.*, *
	ChannelID      string   `json:"channelId,omitempty"`
	ConversationID string   `json:"conversationId,omitempty"`
}

// Hello opens the conversation. Without Subscribe the client gets every event
// that it may see, under the subscription id "all".
type Hello struct {
	Ticket    string         `json:"ticket"`
	Resume    string         `json:"resume"`
	Subscribe []Subscription `json:"subscribe"`
}

// request is any frame from a client.
type request struct {
	Op  Op     `json:"op"`
	Ref string `json:"ref"`
	Hello
	IDs []string `json:"ids"`
}

func parseRequest(b []byte) (*request, error) {
	var r request
	if err := json.Unmarshal(b, &r); err != nil || r.Op == "" {
		return nil, &CloseError{CloseBadFrame, "a frame is a JSON object with op"}
	}
	if len(r.Ref) > MaxID {
		return nil, &CloseError{CloseBadFrame, "ref is at most 64 bytes"}
	}
	return &r, nil
}

// readyFrame answers hello.
type readyFrame struct {
	Op          Op     `json:"op"`
	Session     string `json:"session"`
	Cursor      string `json:"cursor"`
	HeartbeatMS int64  `json:"heartbeatMs"`
	ServerTime  string `json:"serverTime"`
	Replay      *span  `json:"replay"`
}

type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// resetFrame announces a gap.
type resetFrame struct {
	Op Op `json:"op"`
	*Reset
	Cursor string `json:"cursor"`
}

// answerFrame is pong, ack or error.
type answerFrame struct {
	Op      Op     `json:"op"`
	Ref     string `json:"ref,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// positionFrame is mark or reconnect.
type positionFrame struct {
	Op      Op     `json:"op"`
	Seq     *int64 `json:"seq,omitempty"`
	AfterMS *int64 `json:"afterMs,omitempty"`
	Cursor  string `json:"cursor"`
}

// encode renders a frame of ours; no such struct can fail to marshal.
func encode(frame any) []byte {
	b, err := json.Marshal(frame)
	if err != nil {
		panic("realtime: " + err.Error())
	}
	return b
}

// AppendEvent appends the event frame. envelope is copied as it is: it was
// encoded once for all connections.
func AppendEvent(dst []byte, seq, prev int64, subs []string, envelope []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"op":"event","seq":`...), seq, 10)
	dst = strconv.AppendInt(append(dst, `,"prev":`...), prev, 10)
	dst = append(dst, `,"sub":[`...)
	for i, s := range subs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, s...) // quoted when the subscription was made
	}
	dst = append(append(dst, `],"event":`...), envelope...)
	return append(dst, '}')
}
