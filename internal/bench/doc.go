// Bench measures the whole server from outside, as a provider and an app would see
// it, and prints one table for each scenario:
//
//	go run ./internal/bench all
//	go run ./internal/bench --json figures.json ingest send
//
// It starts what it needs on loopback: PostgreSQL and Redis of its own, with
// commits that reach the disk, the server built from this module, a fake provider,
// and the load. All of them share the machine, so that figures of two machines
// cannot be compared; those of one run can, and the scenario limit says what the
// database alone does in that run.
package main
