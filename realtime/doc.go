// Package realtime pushes the event log to connected clients: protocol
// linktor.v1, the hub that keeps the connections, and one tailer per tenant that
// reads the log once for all of them. docs/reference/realtime.md is the protocol.
//
// A connection owns no queue of events. It owns a position in the log, and takes
// what follows from the tenant's ring in memory or, when it has fallen behind the
// ring, from the log, as fast as its socket drains. A slow client therefore costs
// one buffer, and nothing can be dropped between the log and the socket: the
// position moves only over events that were written or did not match.
//
// The package knows neither HTTP nor WebSocket. A Transport carries and encodes
// the frames; a Source is the log. Goroutines: one reader per connection, which
// the transport's server owns; as many writers as processors, and one more for each
// socket that takes nothing at the moment or reads the log; one tailer per tenant
// with connections; two for the hub.
package realtime
