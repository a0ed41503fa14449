// Package events keeps the event log: one ordered row for each change of a
// tenant's state, written in the transaction of the change itself. The log feeds
// the WebSocket and SSE streams, GET /api/v1/events and every later consumer, so
// it is also the outbox.
//
// seq comes from a counter row per tenant that Append updates as the last thing
// before commit. The row stays locked until then, so sequence order is commit
// order and there are no gaps: whoever has read up to n has missed nothing below.
package events
