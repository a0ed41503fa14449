// Bench measures the whole server from outside, as a provider and an app would see
// it, and what the same machine can do at best beside it:
//
//	go run ./internal/bench all
//	go run ./internal/bench --quick --json figures.json ingest send
//
// It starts what it needs on loopback: PostgreSQL and Redis of its own, with
// commits that reach the disk, the server built from this module, a fake provider,
// and the load. All of them share the machine, so that figures of two machines, or
// of two days, cannot be compared. What can is the ratio of a figure to its limit:
// both are measured in turn in the same run. docs/how-to/measure.md says more.
package main
