// Package limits counts what may be done: API requests per key, and messages per
// second per channel. Counts live in Redis, so that all nodes share them; while it
// is away each node counts on its own with its share of the limit, never without
// one. Of an API key it goes on from what it let through before: a single node
// keeps to the limit, and several exceed it, for one window, by less than the
// limit, if the key's requests were spread unevenly.
//
// Requests of a key are counted in sliding windows, exactly: no stretch of a
// minute or a day holds more than the limit. What a key used in a day is written
// to the database every few seconds, so that the count outlives Redis. A channel's
// rate is a generic cell rate algorithm (GCRA) whose pace is halved when the
// provider complains and grows back within a minute.
//
// The limits of single messages (pair, messaging tier, templates) are kept by
// package conversations, in the transaction that claims a message.
package limits
