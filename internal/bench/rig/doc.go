// Package rig starts and drives the real server from outside, for benchmarks and
// for tests that kill it: private PostgreSQL and Redis, the program as a process, a
// fake provider, signed webhooks, and an audit of what the database holds after.
//
// It is not part of the product.
package rig
