// Package limits counts what may be done: API requests per key, and messages per
// second per channel. Counts live in Redis, so that all nodes share them, as a
// generic cell rate algorithm (GCRA): one time stamp per limit. While Redis is
// away each node counts on its own with a share of the limit, never without one.
//
// The finer limits of a provider (pair, messaging tier) plug in beside Channels,
// between a claim and its call.
package limits
