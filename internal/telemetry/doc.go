// Package telemetry is how a running server is observed: its log, the request
// ids that tie lines together, and its metrics.
//
// Message texts and phone numbers are personal data: they are not logged, ids are.
// Secrets have the type config.Secret, which prints nothing.
//
// Metrics are fields of one struct, made by NewMetrics and passed down; nothing is
// registered globally. What is true of the database rather than of a process (how
// many sends are due, how many statuses are parked) is asked for at the moment of
// the scrape, at most once in two seconds: see Backlog.
package telemetry
